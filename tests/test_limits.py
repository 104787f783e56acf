"""What a stranger cannot use up: requests, memory, the time that reading a large body takes."""

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from app.http import middleware
from app.http.middleware import Edge
from tests.world import World

GOOD = "Bearer good"


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    authorization = dict(scope["headers"]).get(b"authorization", b"").decode()
    known = authorization == "" or authorization.partition(" ")[2] == "good"
    status = (
        404 if scope["path"].endswith("/nowhere") else 200 if known and not scope["path"].endswith("/login") else 401
    )
    if status == 200 and authorization:
        scope["principal"] = "somebody"
    await PlainTextResponse("", status)(scope, receive, send)


async def statuses(edge: Edge, *tokens: str | None, address: str = "192.0.2.1", path: str = "/v1/x") -> list[int]:
    transport = httpx.ASGITransport(app=edge, client=(address, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://beatrice.test") as client:
        return [
            (await client.get(path, headers={} if token is None else {"Authorization": token})).status_code
            for token in tokens
        ]


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch) -> Edge:
    """Three requests a minute, while no time passes."""
    monkeypatch.setattr(middleware.time, "monotonic", lambda: 0.0)
    return Edge(answer, sandbox=False, requests_per_minute=3)


async def test_made_up_tokens_share_the_allowance_of_their_address(edge: Edge) -> None:
    assert await statuses(edge, GOOD) == [200]
    assert await statuses(edge, *(f"Bearer {number}" for number in range(4))) == [401, 401, 429, 429]
    assert await statuses(edge, "Bearer 0", None) == [429, 429]
    # a colleague at the same address, logged in before, goes on; so does everybody elsewhere
    assert await statuses(edge, GOOD, GOOD, GOOD, GOOD) == [200, 200, 200, 429]
    assert await statuses(edge, None, address="192.0.2.2") == [200]


async def test_one_made_up_token_is_no_way_around_either(edge: Edge) -> None:
    assert await statuses(edge, *(["Bearer same"] * 5)) == [401, 401, 401, 429, 429]


@pytest.mark.parametrize("path", ["/v1/login", "/v1/nowhere"])
@pytest.mark.parametrize("token", [None, "Bearer same", GOOD])
async def test_no_refusal_gives_an_allowance_back(edge: Edge, path: str, token: str | None) -> None:
    assert 429 not in await statuses(edge, token, token, token, path=path)
    assert await statuses(edge, token, token, path=path) == [429, 429]
    assert await statuses(edge, "Bearer other", path=path) == [429]


async def test_the_limit_keeps_no_token_and_nothing_long(edge: Edge) -> None:
    await statuses(edge, GOOD, "Bearer " + "x" * 60_000)
    kept = list(edge.limiter.buckets._levels)
    assert "network 192.0.2.1/32" in kept
    assert [caller for caller in kept if "good" in caller or len(caller) > 64] == []


async def chunks(read: list[int]) -> AsyncIterator[bytes]:
    for number in range(10):
        read.append(number)
        yield b"[" * 100


async def test_a_stranger_has_no_large_body_read(client: httpx.AsyncClient, world: World) -> None:
    company = await world.company()
    other = await world.company()
    for path in ("grants", "employees/import"):
        for headers, status in (({}, 401), (other.headers["hr"], 404), (company.headers["payroll"], 403)):
            read: list[int] = []
            refused = await client.post(
                f"/v1/companies/{company.public_id}/{path}",
                content=chunks(read),
                headers={**headers, "Content-Type": "application/json", "Idempotency-Key": "k"},
            )
            assert (refused.status_code, len(read)) == (status, 0)
