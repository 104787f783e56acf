import pytest

from tests.credit.stage import Stage, set_stage
from tests.world import World


@pytest.fixture
async def stage(world: World) -> Stage:
    return await set_stage(world)


@pytest.fixture
async def fresh_stage(fresh_world: World) -> Stage:
    return await set_stage(fresh_world)
