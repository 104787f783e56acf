"""What surrounds every request: ids, headers, methods, queries, limits, preconditions, pages."""

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app import config
from app.db import Database
from app.http import audiences
from app.http.limiter import Buckets
from app.http.middleware import MAX_URL
from app.main import create_app
from tests.http.probe import Scene
from tests.production import in_force
from tests.world import problem

Headers = dict[str, str]
SECURITY = {
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "x-beatrice-mode": "sandbox",
}


def client_of(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://beatrice.test")


# Request ids and headers


@pytest.mark.parametrize("given", ["order-7.a_b", "", "a b", "x" * 101, "é".encode(), "a\tb", "<script>"])
async def test_the_request_id_is_ours_whatever_the_client_sends(client: httpx.AsyncClient, given: str | bytes) -> None:
    answer = await client.get("/v1/nothing", headers={"X-Request-Id": given})
    made = answer.headers["x-request-id"]
    assert (len(made), made[14]) == (36, "4")
    assert answer.json()["request_id"] == made


@pytest.mark.parametrize("path", ["/v1/nothing", "/v1/me", "/livez", "/metrics", "/v1/status"])
async def test_every_answer_has_the_security_headers(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert {name: answer.headers.get(name) for name in SECURITY} == SECURITY


async def test_a_500_has_them_too_and_says_nothing(scene: Scene, anna: Headers) -> None:
    answer = await scene.client.post("/v1/me/free_probes", json={"name": "one", "refuse": "bug"}, headers=anna)
    assert (answer.status_code, problem(answer)["code"]) == (500, "internal_error")
    assert {name: answer.headers.get(name) for name in SECURITY} == SECURITY
    assert "canary" not in answer.text
    assert await scene.names() == []


async def test_unknown_paths_and_methods_are_problems(client: httpx.AsyncClient) -> None:
    for path in ("/v1/nothing", "/v1/", "/v1/me/", "/v1//me"):
        answer = await client.get(path)
        assert (path, answer.status_code, problem(answer)["code"]) == (path, 404, "not_found")
    answer = await client.request("DELETE", "/v1/categories")
    assert (answer.status_code, problem(answer)["code"], answer.headers["allow"]) == (
        405, "method_not_allowed", "GET, HEAD, OPTIONS",
    )  # fmt: skip


async def test_allow_names_every_method_of_a_path(client: httpx.AsyncClient) -> None:
    answer = await client.request("PUT", "/v1/me/beneficiaries")
    assert answer.status_code == 405
    assert {method.strip() for method in answer.headers["allow"].split(",")} == {"GET", "HEAD", "OPTIONS", "POST"}


async def test_long_urls_are_414(client: httpx.AsyncClient) -> None:
    for path in ("/v1/" + "x" * MAX_URL, "/v1/offerings?q=" + "x" * MAX_URL):
        answer = await client.get(path)
        assert (answer.status_code, problem(answer)["code"]) == (414, "url_too_long")


@pytest.mark.parametrize("path", ["/v1/offerings/%00", "/v1/offerings/a%0ab", "/v1/offerings/%7f"])
async def test_control_characters_in_a_path_are_404(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert (answer.status_code, problem(answer)["code"]) == (404, "not_found")


# Query


async def test_unknown_query_is_422_repeated_is_400(scene: Scene, anna: Headers) -> None:
    unknown = await scene.client.get("/v1/me/probes?prefixx=canary_value", headers=anna)
    assert (unknown.status_code, problem(unknown)["errors"][0]["code"]) == (422, "extra_forbidden")
    assert problem(unknown)["errors"][0]["pointer"] == "/query/prefixx"
    assert "canary" not in unknown.text
    odd = await scene.client.get("/v1/me/probes?canary%20name=1", headers=anna)
    assert (odd.status_code, problem(odd)["errors"][0]["pointer"]) == (422, "/query/?")
    repeated = await scene.client.get("/v1/me/probes?prefix=a&prefix=b", headers=anna)
    assert (repeated.status_code, problem(repeated)["code"]) == (400, "repeated_parameter")
    assert (await scene.client.get("/v1/me/probes?tag=a&tag=b", headers=anna)).status_code == 200


@pytest.mark.parametrize("limit", ["0", "-1", "101", "1000000000", "5.0", "1_0", "", "true", "%D9%A5"])
async def test_limits_out_of_bounds_are_422(scene: Scene, anna: Headers, limit: str) -> None:
    answer = await scene.client.get(f"/v1/me/probes?limit={limit}", headers=anna)
    assert (answer.status_code, problem(answer)["errors"][0]["pointer"]) == (422, "/query/limit")


# Pages


async def fill(scene: Scene, anna: Headers) -> None:
    for number in range(5):
        assert (await scene.post(anna, f"fill-{number}", name=f"p{number}")).status_code == 201


async def names(scene: Scene, headers: Headers, query: str) -> tuple[list[str], str | None]:
    answer = await scene.client.get(f"/v1/me/probes?{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    return [item["name"] for item in body["data"]], body["next_cursor"]


async def test_pages_cover_the_list_once(scene: Scene, anna: Headers) -> None:
    await fill(scene, anna)
    first, cursor = await names(scene, anna, "limit=2")
    second, cursor = await names(scene, anna, f"limit=2&cursor={cursor}")
    third, end = await names(scene, anna, f"limit=2&cursor={cursor}")
    assert (first, second, third, end) == (["p0", "p1"], ["p2", "p3"], ["p4"], None)
    assert await names(scene, anna, "limit=5") == (["p0", "p1", "p2", "p3", "p4"], None)


async def test_a_cursor_serves_its_own_list_filter_and_caller_only(scene: Scene, anna: Headers) -> None:
    await fill(scene, anna)
    berta = (await scene.world.login("berta@example.test"))[1]
    _, cursor = await names(scene, anna, "limit=2&prefix=p")
    assert (await names(scene, anna, f"prefix=p&cursor={cursor}&limit=3"))[0] == ["p2", "p3", "p4"]
    foreign = [
        ("/v1/me/probes?limit=2&prefix=p", berta),
        ("/v1/me/probes?limit=2", anna),
        ("/v1/me/probes?limit=2&prefix=q", anna),
        ("/v1/me/probes?limit=2&prefix=p&tag=x", anna),
        ("/v1/me/other_probes?limit=2", anna),
    ]
    for path, headers in foreign:
        answer = await scene.client.get(f"{path}&cursor={cursor}", headers=headers)
        assert (path, answer.status_code, problem(answer)["code"]) == (path, 400, "bad_cursor")


async def test_tampered_cursors_are_400(scene: Scene, anna: Headers) -> None:
    await fill(scene, anna)
    _, cursor = await names(scene, anna, "limit=2")
    assert cursor is not None
    sealed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    flipped = [bytes([*sealed[:at], sealed[at] ^ 1, *sealed[at + 1 :]]) for at in (0, 15, 16, len(sealed) - 1)]
    payload_only = b"\x00" * 16 + b'["zzz"]'
    tampered = [base64.urlsafe_b64encode(value).decode().rstrip("=") for value in [*flipped, payload_only, sealed[:20]]]
    for text in [*tampered, "", "x", "!!!!", "canary", "%C3%A9", cursor + "A"]:
        answer = await scene.client.get(f"/v1/me/probes?cursor={text}", headers=anna)
        assert (text, answer.status_code, problem(answer)["code"]) == (text, 400, "bad_cursor")
        assert "canary" not in answer.text
    too_long = await scene.client.get(f"/v1/me/probes?cursor={'A' * 2001}", headers=anna)
    assert too_long.status_code == 422


# Preconditions


async def test_if_match_guards_changes(scene: Scene, anna: Headers) -> None:
    await scene.post(anna, "k1", name="one")

    async def patch(if_match: str | bytes | None) -> httpx.Response:
        extra: dict[str, Any] = {} if if_match is None else {"If-Match": if_match}
        return await scene.client.patch("/v1/me/probes/one", json={"name": "one"}, headers={**anna, **extra})

    missing = await patch(None)
    assert (missing.status_code, problem(missing)["code"]) == (428, "precondition_required")
    for stale in ('"0"', '"2"', '"999999999999999999"'):
        answer = await patch(stale)
        assert (stale, answer.status_code, problem(answer)["code"]) == (stale, 412, "precondition_failed") or (
            len(stale) > 12 and answer.status_code == 422  # larger than the probe's integer column
        )
    for odd in (
        "*",
        'W/"1"',
        "1",
        '"1", "2"',
        '"01"',
        '"-1"',
        '""',
        "",
        '"1.0"',
        '"' + "9" * 19 + '"',
        "\u0661".encode(),
    ):
        answer = await patch(odd)
        assert (odd, answer.status_code, problem(answer)["code"]) == (odd, 400, "malformed_precondition")
    fine = await patch('"1"')
    assert (fine.status_code, fine.headers["etag"]) == (200, '"2"')
    assert (await patch('"1"')).status_code == 412


# Rate limit


@pytest.fixture
def three_a_minute(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("BEATRICE_REQUESTS_PER_MINUTE", "3")
    config.settings.cache_clear()
    yield
    monkeypatch.undo()
    config.settings.cache_clear()


@pytest.mark.usefixtures("three_a_minute")
async def test_too_many_requests_are_429_per_caller(database: Database) -> None:
    async with client_of(create_app(database)) as client:
        answers = [await client.get("/v1/categories") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert [answer.headers["ratelimit-remaining"] for answer in answers] == ["2", "1", "0", "0"]
        refused = answers[-1]
        body = problem(refused)
        assert (body["code"], refused.headers["ratelimit-limit"]) == ("rate_limited", "3")
        assert 1 <= int(refused.headers["retry-after"]) <= 21
        assert body["retry_after"] == int(refused.headers["retry-after"])
        made_up = await client.get("/v1/categories", headers={"Authorization": "Bearer somebody-else"})
        assert made_up.status_code == 429
        assert (await client.get("/livez")).status_code == 200


def test_buckets_refill_and_stay_bounded() -> None:
    buckets = Buckets(60)
    assert [buckets.take("a", 0.0)[0] for _ in range(61)] == [*range(59, -1, -1), -1]
    assert buckets.take("a", 0.5) == (-1, 1)
    assert buckets.take("a", 1.0)[0] == 0
    assert buckets.take("a", 1_000.0)[0] == 59
    assert buckets.take("b", 0.0)[0] == 59


# Deny by default


def test_a_route_without_access_stops_the_start() -> None:
    async def widget_list() -> None:
        return None

    router = audiences.public_router()
    with pytest.raises(RuntimeError, match="declare a known permission"):
        router.add_api_route("/widgets", widget_list)
    with pytest.raises(RuntimeError, match="declare a known permission"):
        router.read("/widgets", "widgets:read")(widget_list)
    router.read("/widgets", "public")(widget_list)


async def test_production_has_no_sandbox_routes(database: Database) -> None:
    with in_force():
        paths = create_app(database).openapi()["paths"]
    assert [path for path in paths if path.startswith("/v1/sandbox")] == []
    assert "/v1/sandbox/clock" in create_app(database).openapi()["paths"]
