"""People who know their password, and settings of production."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import FastAPI

from app import clock, config, ids
from app.identity import passwords
from tests.production import in_force
from tests.world import World

PASSWORD = "quattro gatti sul tetto rosso"
NEW_PASSWORD = "cinque anatre vanno al lago"


@dataclass(frozen=True)
class Login:
    """A person with a known password and one session."""

    id: UUID
    email: str
    headers: dict[str, str]

    @property
    def public_id(self) -> str:
        return ids.encode("usr", self.id)


async def somebody(world: World, email: str = "anna@example.com") -> Login:
    """Make a person who knows her password and has a session."""
    user_id, headers = await world.login(email, passwords.hash_now(PASSWORD))
    return Login(user_id, email, headers)


@asynccontextmanager
async def client_at(app: FastAPI, address: str) -> AsyncIterator[httpx.AsyncClient]:
    """HTTP from an address, with a cookie jar of its own."""
    transport = httpx.ASGITransport(app=app, client=(address, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://beatrice.test") as made:
        yield made


@pytest.fixture
async def anna(world: World) -> Login:
    return await somebody(world)


@pytest.fixture
def production() -> Iterator[None]:
    """Let the settings be those of production, with a secret of its own."""
    with in_force():
        yield


@pytest.fixture
def few_tries(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Three tries per account, five per address."""
    monkeypatch.setenv("BEATRICE_LOGIN_ATTEMPTS_PER_ACCOUNT", "3")
    monkeypatch.setenv("BEATRICE_LOGIN_ATTEMPTS_PER_ADDRESS", "5")
    clear()
    yield
    monkeypatch.undo()
    clear()


def clear() -> None:
    config.settings.cache_clear()


async def log_in(client: httpx.AsyncClient, email: str, password: str) -> httpx.Response:
    return await client.post("/v1/auth/token", data={"username": email, "password": password})


def without_id(response: httpx.Response) -> dict[str, Any]:
    body = response.json()
    assert body.pop("request_id")
    return body


async def mailed_token(world: World, email: str) -> str:
    """Return the token of the newest mail to an address."""
    rows = await world.execute("SELECT text FROM outgoing_mail WHERE recipient = :to ORDER BY id DESC", to=email)
    link = next(line for line in rows[0].text.splitlines() if "://" in line)
    return link.rpartition("/")[2]


async def tried(world: World, key: bytes, times: int, ago: timedelta = timedelta()) -> None:
    """Let tries have been counted: a hundred real ones are slow."""
    await world.execute(
        "INSERT INTO attempt_count (key, window_start, attempts) VALUES (:key, :at, :times)",
        key=key,
        at=clock.real() - ago,
        times=times,
    )
