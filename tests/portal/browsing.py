"""Somebody at the pages, in a browser that keeps what it is told to keep."""

import re
from typing import Any
from uuid import uuid4

import httpx

HERE = "http://beatrice.test"
COOKIE = "beatrice"


class Browsing:
    """A browser at the pages with the session of somebody (none: a stranger's); forms come from our own pages."""

    def __init__(self, client: httpx.AsyncClient, headers: dict[str, str]) -> None:
        self.client = client
        token = headers.get("Authorization", "").removeprefix("Bearer ")
        self.cookie = {"Cookie": f"{COOKIE}={token}"} if token else {}

    async def get(self, path: str, **more: Any) -> httpx.Response:
        return await self.client.get(path, headers={**self.cookie, **more.pop("headers", {})}, **more)

    async def send(
        self, path: str, form: dict[str, Any] | None = None, *, key: str | None = None, **more: Any
    ) -> httpx.Response:
        """Send a form with a fresh key unless one is given."""
        headers = {**self.cookie, **more.pop("headers", {"Origin": HERE})}
        return await self.client.post(path, data={"key": key or uuid4().hex, **(form or {})}, headers=headers, **more)


def told(answer: httpx.Response) -> str:
    """Return what a page says, without its markup."""
    assert answer.headers["content-type"] == "text/html; charset=utf-8", answer.text
    words = re.sub(r"<[^>]+>", " ", answer.text.replace("\N{NO-BREAK SPACE}", " ").replace("&#39;", "'"))
    return " ".join(words.split())
