"""People who know their password, and settings of production."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from sqlalchemy import insert

from app import clock, ids
from app.identity import passwords
from app.identity.models import AttemptCount
from tests.production import changed, in_force
from tests.world import World
from tests.world.given import PASSWORD

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


@pytest.fixture
async def anna(world: World) -> Login:
    return await somebody(world)


@pytest.fixture
def production() -> Iterator[None]:
    """Let the settings be those of production, with a secret of its own."""
    with in_force():
        yield


@pytest.fixture
def few_tries() -> Iterator[None]:
    """Three tries per account, five per address."""
    with changed(BEATRICE_LOGIN_ATTEMPTS_PER_ACCOUNT="3", BEATRICE_LOGIN_ATTEMPTS_PER_ADDRESS="5"):
        yield


async def log_in(client: httpx.AsyncClient, email: str, password: str) -> httpx.Response:
    return await client.post("/v1/auth/token", data={"username": email, "password": password})


async def tried(world: World, key: bytes, times: int, ago: timedelta = timedelta()) -> None:
    """Let tries have been counted: a hundred real ones are slow."""
    counted = insert(AttemptCount).values(key=key, window_start=clock.real() - ago, attempts=times)
    await world.execute(counted)
