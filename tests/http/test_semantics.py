"""HTTP as it is meant: HEAD, OPTIONS, 304, Location, who may keep an answer, which pages may read it, kinds of body."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app import config
from app.db import Database
from app.main import create_app
from tests.http.probe import Scene
from tests.http.test_requests import client_of
from tests.world import World, problem

Headers = dict[str, str]
PUBLIC = [
    "/v1/offerings",
    "/v1/providers",
    "/v1/categories",
    "/v1/rules",
    "/v1/municipalities?q=albino&limit=1",
    "/v1/alliances",
    "/openapi.json",
]
RELATIVE = {"given_name": "Rosa", "family_name": "Esempio", "relation": "parent", "birth_date": "1946-03-01"}
LISTED = "https://app.example.org"


async def test_head_is_get_without_its_body(client: httpx.AsyncClient) -> None:
    for path in ("/v1/categories", "/v1/me", "/livez", "/openapi.json", "/v1/status", "/v1/nothing"):
        got, head = await client.get(path), await client.head(path)
        assert (head.status_code, head.content) == (got.status_code, b"")
        same = ("content-length", "content-type", "etag", "cache-control")
        assert [head.headers.get(name) for name in same] == [got.headers.get(name) for name in same]
    assert (await client.head("/v1/auth/token")).status_code == 405
    page = await client.request("TRACE", "/offerings")
    assert (page.status_code, page.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


async def test_options_names_the_methods(client: httpx.AsyncClient) -> None:
    answer = await client.options("/v1/me/beneficiaries")
    assert (answer.status_code, answer.content, answer.headers["allow"]) == (204, b"", "GET, HEAD, OPTIONS, POST")
    assert (await client.options("/v1/auth/token")).headers["allow"] == "OPTIONS, POST"
    assert (await client.options("/v1/nothing")).status_code == 404


@pytest.mark.parametrize("path", PUBLIC)
async def test_what_anybody_may_read_may_be_kept_and_asked_for_again(client: httpx.AsyncClient, path: str) -> None:
    first = await client.get(path)
    assert (first.status_code, first.headers["cache-control"].partition(",")[0]) == (200, "public")
    assert first.headers["vary"] == "Accept-Language, Authorization, Origin"
    again = await client.get(path, headers={"If-None-Match": f'"x", {first.headers["etag"]}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert again.headers["cache-control"] == first.headers["cache-control"]
    assert (await client.get(path, headers={"If-None-Match": '"x"'})).status_code == 200


async def test_what_somebody_may_read_is_kept_by_nobody(client: httpx.AsyncClient, world: World) -> None:
    _, headers = await world.login("anna@example.test")
    for path in ("/v1/categories", "/v1/me", "/v1/me/wallet"):
        answer = await client.get(path, headers=headers)
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
        known = await client.get(path, headers=headers | {"If-None-Match": answer.headers["etag"]})
        assert (known.status_code, known.headers.get("cache-control")) == (304, "no-store")


async def test_a_304_is_for_who_may_read_it(client: httpx.AsyncClient, world: World) -> None:
    anna, berta = [(await world.login(f"{name}@example.test"))[1] for name in ("anna", "berta")]
    made = await client.post("/v1/me/beneficiaries", json=RELATIVE, headers=anna)
    path = made.headers["location"]
    tag = {"If-None-Match": (await client.get(path, headers=anna)).headers["etag"]}
    assert (await client.get(path, headers=anna | tag)).status_code == 304
    assert (await client.get(path, headers=berta | tag)).status_code == 404
    assert (await client.get(path, headers=tag)).status_code == 401


async def test_location_leads_to_what_was_created(client: httpx.AsyncClient, world: World) -> None:
    _, headers = await world.login("anna@example.test")
    made = await client.post("/v1/me/beneficiaries", json=RELATIVE, headers=headers)
    assert made.headers["location"] == f"/v1/me/beneficiaries/{made.json()['id']}"
    assert (await client.get(made.headers["location"], headers=headers)).json() == made.json()


async def test_a_replay_has_its_location(scene: Scene, anna: Headers) -> None:
    first, again = [await scene.post(anna, "k1", name="one") for _ in range(2)]
    assert first.headers["location"] == again.headers["location"] == "/v1/me/probes"


async def test_status_is_a_problem_document_that_is_none(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/status")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/problem+json")
    assert answer.json() == {"type": "about:blank", "title": "OK", "status": 200, "detail": "The service answers."}


# Other hosts' pages


@pytest.fixture
def one_origin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("BEATRICE_CORS_ORIGINS", LISTED)
    config.settings.cache_clear()
    yield
    monkeypatch.undo()
    config.settings.cache_clear()


def preflight(origin: str, method: str, headers: str) -> Headers:
    return {"Origin": origin, "Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}


@pytest.mark.usefixtures("one_origin")
async def test_a_listed_origin_reads_everything_any_other_the_catalogue(database: Database) -> None:
    async with client_of(create_app(database)) as client:
        allowed: dict[tuple[str, str], Any] = {}
        for origin in (LISTED, "https://other.example"):
            for path in ("/v1/me", "/v1/categories", "/v1/offerings/off_x/slots", "/v1/providers/org_x/bookings"):
                answer = await client.get(path, headers={"Origin": origin})
                allowed[origin, path] = answer.headers.get("access-control-allow-origin")
        assert [allowed[LISTED, path] for path in ("/v1/me", "/v1/categories")] == [LISTED, LISTED]
        others = [allow for (origin, _), allow in allowed.items() if origin != LISTED]
        assert others == [None, "*", "*", None]
        asked = preflight(LISTED, "PATCH", "authorization, if-match, content-type")
        asking = await client.options("/v1/me/contact", headers=asked)
        assert (asking.status_code, asking.headers["access-control-allow-origin"]) == (200, LISTED)
        assert "access-control-allow-credentials" not in asking.headers
        stranger = await client.options("/v1/me/contact", headers=asked | {"Origin": "https://other.example"})
        assert (stranger.status_code, stranger.headers.get("access-control-allow-origin")) == (204, None)
        writing = await client.options(
            "/v1/offerings", headers=preflight("https://other.example", "POST", "authorization")
        )
        assert writing.status_code == 400


@pytest.mark.parametrize("origins", ["*", "https://a.example/path", "http://a.example", "null"])
def test_an_origin_is_an_origin(monkeypatch: pytest.MonkeyPatch, origins: str) -> None:
    monkeypatch.setenv("BEATRICE_CORS_ORIGINS", origins)
    with pytest.raises(ValueError, match="BEATRICE_CORS_ORIGINS"):
        config.Settings()


# Kinds of body


async def test_a_patch_takes_merge_patch_and_nothing_else_does(scene: Scene, anna: Headers) -> None:
    await scene.post(anna, "k1", name="one")
    kind = {"Content-Type": "application/merge-patch+json"}
    changed = await scene.client.patch(
        "/v1/me/probes/one", content=b'{"name": "two"}', headers={**anna, **kind, "If-Match": '"1"'}
    )
    assert (changed.status_code, changed.json()["name"]) == (200, "two")
    refused = await scene.client.post("/v1/me/free_probes", content=b'{"name": "x"}', headers=anna | kind)
    assert (refused.status_code, problem(refused)["code"]) == (415, "unsupported_media_type")
    broken = await scene.client.patch(
        "/v1/me/probes/two", content=b'{"name": "a", "name": "b"}', headers={**anna, **kind, "If-Match": '"2"'}
    )
    assert (broken.status_code, problem(broken)["code"]) == (400, "malformed_body")
    assert await scene.names() == ["two"]


async def test_who_may_keep_an_answer_is_told_as_the_document_says(
    app: FastAPI, client: httpx.AsyncClient, world: World
) -> None:
    """Nobody keeps what somebody alone may have; what anybody may have says for how long, or asks each time."""
    document = app.openapi()
    paths = [path for path in document["paths"] if path.startswith("/v1/")]
    lists = [path for path in paths if "{" not in path and "sandbox" not in path]
    _, person = await world.login("anna@example.test")
    kept = {}
    for path in lists:
        operation = document["paths"][path].get("get")
        if operation is None or path == "/v1/status":
            continue
        assert "Cache-Control" in operation["responses"]["200"]["headers"], path
        for headers in ({}, person):
            answer = await client.get(path, headers=headers)
            kept[path, bool(headers)] = answer.headers["cache-control"]
    assert {said for (path, _), said in kept.items() if path.startswith(("/v1/me", "/v1/operator"))} == {"no-store"}
    assert {said for (_, known), said in kept.items() if known} == {"no-store"}
    assert kept["/v1/municipalities", False] == "public, max-age=300"
    assert kept["/v1/offerings", False] == "public, no-cache"
