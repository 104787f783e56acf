"""Two worlds that differ only in the use of care give their employer the same bytes, whatever it tries."""

import os
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from tests.conftest import Cluster
from tests.trust import probes, twins
from tests.trust.twins import Stage, Twin

PAIRS = int(os.environ.get("BEATRICE_TWIN_PAIRS", "20"))
FIRST = int(os.environ.get("BEATRICE_TWIN_FIRST", "0"))
APPETITES = (0.0, 0.05, 0.15, 0.3)
"""Of the second twin; the first always has a good one."""


@pytest.fixture(scope="module")
def anyio_backend() -> tuple[str, dict[str, bool]]:
    """The server's own loop: what costs time here is many small waits."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture(scope="module")
async def stage(cluster: Cluster, built_app: FastAPI) -> AsyncIterator[Stage]:
    with capture_logs():
        async with twins.stage(cluster, built_app) as made:
            yield made


async def lived(stage: Stage, seed: int, use: int, appetite: float) -> Twin:
    """Play one twin, and check what holds of each alone: no id of care was told."""
    async with stage.twin(use, appetite) as twin:
        await probes.play(twin, seed)
        assert await twin.learned_ids() == set()
        return twin


@pytest.mark.parametrize("seed", range(FIRST, FIRST + PAIRS))
async def test_twins_look_alike_to_their_employer(stage: Stage, seed: int) -> None:
    one = await lived(stage, seed, 2 * seed + 1, 0.15)
    other = await lived(stage, seed, 2 * seed + 2, APPETITES[seed % len(APPETITES)])
    assert one.care.history != other.care.history
    assert len(one.notes) > 150  # a game that stopped early would prove nothing
    mine, theirs = (twins.without_what_may_differ(twin) for twin in (one, other))
    for left, right in zip(mine, theirs, strict=True):
        assert left == right
