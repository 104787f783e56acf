"""What only numbers show: nothing is lost while workers are killed, and receivers that hang delay nobody else."""

import asyncio
import os
import random
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest

import migrations
from app import ids
from app.actor import Actor
from app.events.actions import NewEvent, record_many
from app.webhooks import actions
from tests.conftest import Cluster
from tests.webhooks.receiver import OK, Received, listening, status
from tests.webhooks.stage import Hooks
from tests.world import World

REPOSITORY = Path(__file__).parent.parent.parent
EVENTS, OBJECTS, WORKERS, KILLS = 10_000, 400, 4, 10
ENDPOINTS, HANGING = 1_000, 100
PER_PARTY = 10
KILL_SECONDS, BETWEEN_SECONDS, LAST_SECONDS = 4, 0.15, 20
pytestmark = pytest.mark.skipif("BEATRICE_SOAK" not in os.environ, reason="minutes long: make soak")


def worker(url: str) -> subprocess.Popen[bytes]:
    environment = os.environ | {"DATABASE_URL": url, "BEATRICE_MODE": "sandbox"}
    return subprocess.Popen(
        [sys.executable, "-c", "from app.cli import main; main()", "worker"],
        cwd=REPOSITORY, env=environment, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def say(line: str) -> None:
    sys.stderr.write(f"\n{line}\n")


@contextmanager
def working(cluster: Cluster, name: str, count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    migrations.mark(cluster.owner_url(name), "sandbox")
    workers = [worker(cluster.app_url(name, "beatrice_worker")) for _ in range(count)]
    try:
        yield workers
    finally:
        for process in workers:
            process.kill()
            process.wait()


def moody(seed: int) -> Callable[[Received], bytes]:
    """Refuse one message in five hundred."""
    dice = random.Random(seed)  # noqa: S311 - moods
    return lambda _message: status("500 Broken") if dice.random() < 0.002 else OK


async def four_providers(hooks: Hooks, url: str) -> list[UUID]:
    """Each with an endpoint and a quarter of the events, of a hundred objects."""
    parties = [hooks.provider.id]
    await hooks.endpoint(url)
    for _ in range(3):
        hooks.provider = await hooks.world.provider(accredited=False)
        await hooks.endpoint(url)
        parties.append(hooks.provider.id)
    for party in parties:
        subjects = [ids.new_id() for _ in range(OBJECTS // 4)]
        for _ in range(EVENTS // OBJECTS):
            async with hooks.world.work() as session:
                await record_many(session, [NewEvent("slot.cancelled", "slot", each, (party,)) for each in subjects])
    return parties


async def all_delivered(world: World, within: float) -> None:
    began = time.monotonic()
    while await world.scalar("SELECT count(*) FROM webhook_delivery WHERE status = 'delivered'") < EVENTS:
        assert time.monotonic() - began < within
        await asyncio.sleep(1)


@pytest.mark.timeout(900)
async def test_nothing_is_lost_while_workers_are_killed(
    hooks: Hooks, cluster: Cluster, fresh_database_name: str
) -> None:
    """10,000 events of 400 objects to four endpoints; four workers, of which one is killed ten times."""
    url = cluster.app_url(fresh_database_name, "beatrice_worker")
    async with listening(moody(1)) as receiver:
        await four_providers(hooks, receiver.url)
        began = time.monotonic()
        with working(cluster, fresh_database_name, WORKERS) as workers:
            await all_up(cluster, fresh_database_name, WORKERS)
            for kill in range(KILLS):
                await asyncio.sleep(KILL_SECONDS)
                victim = workers[kill % WORKERS]
                victim.kill()
                victim.wait()
                workers[kill % WORKERS] = worker(url)
            left = EVENTS - await hooks.world.scalar("SELECT count(*) FROM webhook_delivery WHERE status = 'delivered'")
            await all_delivered(hooks.world, 700)
            took = time.monotonic() - began
    placed = await hooks.world.execute(
        "SELECT event.id, object_id FROM event JOIN event_position ON event_id = event.id ORDER BY position"
    )
    order: dict[str, list[str]] = defaultdict(list)
    for row in placed:
        order[ids.encode("slt", row.object_id)].append(ids.encode("evt", row.id))
    seen: dict[str, dict[str, set[bytes]]] = defaultdict(lambda: defaultdict(set))
    for message in receiver.received:
        seen[message.event()["data"]["id"]][message.event_id].add(message.body)
    say(f"{len(placed)} events in {took:.0f} s, {KILLS} kills, {left} open after the last of them")
    say(f"{len(receiver.received)} messages, {len(receiver.received) - len(placed)} of them once more")
    assert (len(placed), len(seen)) == (EVENTS, OBJECTS)
    for subject, events in seen.items():
        assert list(events) == order[subject]  # each at least once, first seen in order
        assert {len(bodies) for bodies in events.values()} == {1}


def without_mails(cluster: Cluster, name: str) -> None:
    """Leave out the thousand notices of a thousand new endpoints."""
    with cluster.admin(name) as connection:
        connection.execute("DELETE FROM procrastinate_jobs")


async def all_up(cluster: Cluster, name: str, workers: int) -> None:
    """Wait until the workers serve all their lanes."""
    with cluster.admin(name) as connection:
        while connection.execute("SELECT count(*) FROM procrastinate_workers").fetchone() != (5 * workers,):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)


async def a_thousand_endpoints(world: World, quick: str, hanging: str) -> list[UUID]:
    """Every tenth of them hangs."""
    parties: list[UUID] = []
    for number in range(ENDPOINTS // PER_PARTY):
        party = await world.organisation(["provider"], ("manager",))
        manager = Actor("user", party.users["manager"], party.id, frozenset({"manager"}))
        async with world.work() as session:
            for place in range(PER_PARTY):
                url = hanging if place == number % PER_PARTY else quick
                await actions.create(
                    session, manager, party.id, url=url, description=None, event_types=["slot.cancelled"]
                )
        parties.append(party.id)
    return parties


@pytest.mark.timeout(900)
async def test_receivers_that_hang_delay_nobody(fresh_world: World, cluster: Cluster, fresh_database_name: str) -> None:
    """1,000 endpoints of which 100 never answer: five events each, and how long the others waited."""
    since: dict[str, float] = {}
    waits: list[float] = []

    def note(message: Received) -> bytes:
        waits.append(time.monotonic() - since[message.event()["data"]["id"]])
        return OK

    async with listening(note) as quick, listening(lambda _message: None) as hanging:
        parties = await a_thousand_endpoints(fresh_world, quick.url, hanging.url)
        without_mails(cluster, fresh_database_name)
        with working(cluster, fresh_database_name, 1):
            await all_up(cluster, fresh_database_name, 1)
            for party in parties * 5:
                subject = ids.new_id()
                since[ids.encode("slt", subject)] = time.monotonic()
                async with fresh_world.work() as session:
                    await record_many(session, [NewEvent("slot.cancelled", "slot", subject, (party,))])
                await asyncio.sleep(BETWEEN_SECONDS)
            await asyncio.sleep(LAST_SECONDS)
    p95 = statistics.quantiles(waits, n=100)[94]
    slowest = max(waits)
    say(f"{len(waits)} messages, p50 {statistics.median(waits):.2f} s, p95 {p95:.2f} s, slowest {slowest:.2f} s")
    say(f"{hanging.connections} tries of {HANGING} that hang")
    assert len(waits) == 5 * (ENDPOINTS - HANGING)
    assert p95 < 5
