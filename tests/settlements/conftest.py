import pytest

from tests.settlements.books import Books, open_books
from tests.world import World


@pytest.fixture
async def books(world: World) -> Books:
    """Parties with credit on the rolled-back database, the day after the cutoff."""
    return await open_books(world)


@pytest.fixture
async def fresh_books(fresh_world: World) -> Books:
    return await open_books(fresh_world)
