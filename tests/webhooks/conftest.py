from collections.abc import AsyncIterator

import httpx
import pytest

from app.db import Database
from tests.webhooks.receiver import Receiver, listening
from tests.webhooks.stage import Hooks
from tests.world import World


@pytest.fixture
async def hooks(fresh_client: httpx.AsyncClient, fresh_world: World, fresh_database: Database) -> Hooks:
    return Hooks(fresh_client, fresh_world, fresh_database, await fresh_world.provider(accredited=False))


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with listening() as made:
        yield made
