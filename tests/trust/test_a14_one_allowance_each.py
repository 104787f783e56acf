"""A14: what a limit counts is who calls, or the network; never how a header is spelt."""

from collections.abc import AsyncIterator

import httpx
import pytest

from app import config
from app.db import Database
from app.http import limiter, middleware
from app.main import create_app
from tests.identity.conftest import Login, log_in, somebody
from tests.world import World, client_at
from tests.world.given import PASSWORD

PER_MINUTE = 4
URL = "/v1/me/contact"


@pytest.fixture
def anna_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no time pass for limits."""
    monkeypatch.setattr(middleware.time, "monotonic", lambda: 0.0)


@pytest.fixture
async def client(
    monkeypatch: pytest.MonkeyPatch, database: Database, anna_waits: None
) -> AsyncIterator[httpx.AsyncClient]:
    """HTTP with a limit of four requests a minute."""
    assert anna_waits is None
    monkeypatch.setenv("BEATRICE_REQUESTS_PER_MINUTE", str(PER_MINUTE))
    config.settings.cache_clear()
    async with client_at(create_app(database), "192.0.2.1") as made:
        yield made
    monkeypatch.undo()
    config.settings.cache_clear()


async def statuses(client: httpx.AsyncClient, *headers: str, url: str = URL) -> list[int]:
    return [(await client.get(url, headers={"Authorization": one})).status_code for one in headers]


def token_of(login: Login) -> str:
    return login.headers["Authorization"].removeprefix("Bearer ")


async def test_every_spelling_of_the_scheme_is_the_same_caller(client: httpx.AsyncClient, world: World) -> None:
    token = token_of(await somebody(world))
    assert await statuses(client, f"Bearer {token}") == [200]
    spellings = [f"{scheme} {token}" for scheme in ("bearer", "BEARER", "bEarer", "Bearer", "beareR", "BeareR")]
    assert await statuses(client, *spellings) == [200] * PER_MINUTE + [429] * 2


async def test_every_session_of_a_person_is_the_same_caller(client: httpx.AsyncClient, world: World) -> None:
    anna = await somebody(world)
    token = (await log_in(client, anna.email, PASSWORD)).json()["access_token"]
    assert await statuses(client, anna.headers["Authorization"], f"Bearer {token}") == [200, 200]
    spent = await statuses(client, *[anna.headers["Authorization"]] * PER_MINUTE)
    assert spent == [200] * PER_MINUTE
    assert await statuses(client, f"Bearer {token}") == [429]


async def test_whatever_is_no_token_is_its_network(client: httpx.AsyncClient) -> None:
    junk = [f"Basic {number}" for number in range(6)]
    answers = await statuses(client, *junk, url="/v1/categories")
    assert answers == [200] * PER_MINUTE + [429] * 2
    assert await statuses(client, "Bearer x" * 100, url="/v1/categories") == [429]
    assert (await client.get("/v1/categories")).status_code == 429


async def test_an_anonymous_answer_vouches_for_nothing(client: httpx.AsyncClient) -> None:
    assert (await statuses(client, "Basic same", url="/v1/categories")) == [200]
    assert await statuses(client, *["Basic same"] * PER_MINUTE, url="/v1/categories") == [200] * 3 + [429]


async def test_made_up_tokens_push_nobody_out_of_memory(
    client: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limiter, "REMEMBERED", 2)
    anna = await somebody(world)
    assert await statuses(client, *[anna.headers["Authorization"]] * 5) == [200] * 5
    await statuses(client, *(f"Bearer {number}" for number in range(50)))
    assert await statuses(client, anna.headers["Authorization"]) == [429]


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/metrics", "/nowhere"])
async def test_other_pages_are_limited_too(client: httpx.AsyncClient, path: str) -> None:
    answers = [(await client.get(path)).status_code for _ in range(PER_MINUTE + 1)]
    assert (answers[-1], 429 in answers[:-1]) == (429, False)


async def test_a_probe_asks_the_database_once_a_second(
    client: httpx.AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    session = database.session
    monkeypatch.setattr(database, "session", lambda: opened.append(1) or session())
    assert [(await client.get("/readyz")).status_code for _ in range(20)] == [200] * 20
    assert len(opened) == 1


async def test_one_ipv6_network_is_one_caller(client: httpx.AsyncClient) -> None:
    app = client._transport.app  # type: ignore[attr-defined]
    answers = []
    for host in range(6):
        async with client_at(app, f"2001:db8::{host:x}") as made:
            answers.append((await made.get("/v1/categories")).status_code)
    assert answers == [200] * PER_MINUTE + [429] * 2
