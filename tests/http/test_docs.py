"""The docs page asks nobody else for anything, and lets nothing else in."""

import re
from html.parser import HTMLParser

import httpx

from app.http import docs

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Page(HTMLParser):
    """What a browser would load, and what it would run without loading."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in {"script", "img", "iframe"} and given.get("src"):
            self.loaded.append(str(given["src"]))
        elif tag == "link":
            self.loaded.append(str(given["href"]))
        elif tag in {"script", "style"}:
            self.inline.append(tag)
        self.inline += [name for name in given if name == "style" or name.startswith("on")]


async def test_the_page_loads_only_own_files(client: httpx.AsyncClient) -> None:
    answer = await client.get("/docs")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["content-security-policy"] == POLICY
    page = Page()
    page.feed(answer.text)
    assert page.inline == []
    assert page.loaded == [
        "data:,",
        "/docs/static/swagger-ui.css",
        "/docs/static/swagger-ui-bundle.js",
        "/docs/static/docs.js",
    ]
    kinds = {}
    for path in page.loaded[1:]:
        file = await client.get(path)
        kinds[path.rpartition("/")[2]] = (file.status_code, file.headers["content-type"], len(file.content) > 300)
    assert kinds == {
        "swagger-ui.css": (200, "text/css; charset=utf-8", True),
        "swagger-ui-bundle.js": (200, "text/javascript; charset=utf-8", True),
        "docs.js": (200, "text/javascript; charset=utf-8", True),
    }


async def test_the_start_names_no_host_and_no_validator(client: httpx.AsyncClient) -> None:
    start = (await client.get("/docs/static/docs.js")).text
    assert re.findall(r'url: "([^"]*)"', start) == ["/openapi.json"]
    assert "validatorUrl: null" in start
    assert "//" not in start.replace("// A file", "").replace("// by default", "")


async def test_the_page_is_not_among_the_files(client: httpx.AsyncClient) -> None:
    """There it would come without its policy."""
    assert [path.name for path in docs.STATIC.iterdir()] == ["docs.js"]
    assert (await client.get("/docs/static/docs.html")).status_code == 404
