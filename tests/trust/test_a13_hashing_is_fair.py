"""A13: one network's flood of logins fills its own queue and nobody else's."""

import asyncio

import pytest

from app.errors import Busy
from app.identity.turns import WAITING_PER_NETWORK, Turns


class Scene:
    """Hashes that end when told; who begins is written down."""

    def __init__(self) -> None:
        self.turns = Turns(at_once=2)
        self.begun: list[str] = []
        self.end: dict[str, asyncio.Event] = {}

    async def hash(self, name: str) -> None:
        self.end[name] = asyncio.Event()
        async with self.turns.turn(name[0]):
            self.begun.append(name)
            await self.end[name].wait()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_flood_waits_in_its_own_queue() -> None:
    scene = Scene()
    served = 2 + WAITING_PER_NETWORK
    flood = [asyncio.create_task(scene.hash(f"a{number}")) for number in range(served + 13)]
    await settle()
    refused = [task for task in flood if task.done()]
    assert refused == flood[served:]
    assert {type(task.exception()) for task in refused} == {Busy}
    victim = asyncio.create_task(scene.hash("v0"))
    await settle()
    assert scene.begun == ["a0", "a1"]
    # the flood was there first: it gets the next turn, the victim the one after, before the rest of the flood
    scene.end["a0"].set()
    await settle()
    scene.end["a1"].set()
    await settle()
    assert scene.begun == ["a0", "a1", "a2", "v0"]
    for name in ("a2", "v0", "a3", "a4"):
        scene.end[name].set()
        await settle()
    assert scene.begun == ["a0", "a1", "a2", "v0", "a3", "a4", "a5", "a6"]
    for ended in scene.end.values():
        ended.set()
    await asyncio.gather(victim, *flood[:served])


async def test_who_goes_away_leaves_no_turn_behind() -> None:
    scene = Scene()
    tasks = [asyncio.create_task(scene.hash(name)) for name in ("a0", "a1", "b0", "b1")]
    await settle()
    tasks[2].cancel()
    scene.end["a0"].set()
    await settle()
    assert scene.begun == ["a0", "a1", "b1"]
    scene.end["a1"].set()
    scene.end["b1"].set()
    await settle()
    late = asyncio.create_task(scene.hash("c0"))
    await settle()
    assert scene.begun[-1] == "c0"
    scene.end["c0"].set()
    await late
    with pytest.raises(asyncio.CancelledError):
        await tasks[2]


async def test_a_turn_given_to_who_just_left_goes_on() -> None:
    scene = Scene()
    tasks = [asyncio.create_task(scene.hash(name)) for name in ("a0", "a1", "b0", "c0")]
    await settle()
    scene.end["a0"].set()
    await asyncio.sleep(0)  # a0 ends and hands its turn to b0, which does not run any more
    tasks[2].cancel()
    await settle()
    assert scene.begun == ["a0", "a1", "c0"]
    for name in ("a1", "c0"):
        scene.end[name].set()
    await asyncio.gather(tasks[0], tasks[1], tasks[3])
