import pytest

from tests.world import Party, World


@pytest.fixture
async def operator(world: World) -> Party:
    return await world.operator()


@pytest.fixture
async def company(world: World, operator: Party) -> Party:  # noqa: ARG001 - the ledger's shared accounts
    return await world.company("Orobia Stampi")
