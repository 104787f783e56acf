"""Somebody at the API."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
from fastapi import FastAPI


@asynccontextmanager
async def client_at(app: FastAPI, address: str = "127.0.0.1") -> AsyncIterator[httpx.AsyncClient]:
    """HTTP from an address, with a cookie jar of its own."""
    transport = httpx.ASGITransport(app=app, client=(address, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://beatrice.test") as made:
        yield made


@dataclass(frozen=True)
class Caller:
    """Somebody with a session or key; `get`, `post` and `patch` expect to succeed and give what is in the answer."""

    client: httpx.AsyncClient
    headers: dict[str, str]
    base: str = "/v1"
    """What every path begins with."""

    async def ask(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, **more: Any
    ) -> httpx.Response:
        """Send a request, with a fresh idempotency key unless one is given."""
        headers = {**self.headers, "Idempotency-Key": key or uuid4().hex, **more.pop("headers", {})}
        return await self.client.request(method, self.base + path, headers=headers, json=body, **more)

    async def get(self, path: str, **query: Any) -> Any:
        return _content(await self.ask("GET", path, params=query))

    async def post(self, path: str, body: Any = None) -> Any:
        return _content(await self.ask("POST", path, body))

    async def patch(self, path: str, body: Any) -> Any:
        """Read for the version, then change it."""
        version = (await self.ask("GET", path)).headers["etag"]
        return _content(await self.ask("PATCH", path, body, headers={"If-Match": version}))


def _content(answer: httpx.Response) -> Any:
    assert answer.is_success, f"{answer.request.method} {answer.request.url}: {answer.text}"
    return answer.json()


def problem(answer: httpx.Response) -> dict[str, Any]:
    """Return what a problem says, without the number of the one request it answers."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body: dict[str, Any] = answer.json()
    assert body.pop("request_id") == answer.headers["x-request-id"]
    return body
