"""The feed's numbers: without gaps for each organisation, in order of commit, whoever numbers and whenever."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import product
from uuid import UUID

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.db import Database, open_unit_of_work
from app.events.actions import NewEvent, record
from app.events.jobs import NUMBER, SWEEPS
from app.events.models import Event, EventPosition

SWEEP = SWEEPS[0]


async def happened(session: AsyncSession, *organisations: UUID) -> UUID:
    """Record one event and return its object."""
    subject = ids.new_id()
    await record(session, NewEvent("slot.cancelled", "slot", subject, organisations))
    return subject


async def feed(session: AsyncSession, organisation_id: UUID) -> list[tuple[int, UUID]]:
    rows = await session.execute(
        select(EventPosition.position, Event.object_id)
        .join(Event, Event.id == EventPosition.event_id)
        .where(EventPosition.organisation_id == organisation_id)
        .order_by(EventPosition.position)
    )
    return [(position, subject) for position, subject in rows]


@asynccontextmanager
async def transaction(database: Database) -> AsyncIterator[AsyncSession]:
    async with database.session() as session:
        await open_unit_of_work(session, "beatrice_app")
        yield session


async def number(worker: Database, at_most: int = 100) -> int:
    async with worker.begin("beatrice_worker") as session:
        return await NUMBER.one(session, at_most=at_most)


async def test_each_organisation_counts_for_itself(session: AsyncSession) -> None:
    one, other = ids.new_id(), ids.new_id()
    first = await happened(session, one)
    shared = await happened(session, other, one, one)
    last = await happened(session, other)
    due = await SWEEP.due(session, clock.now())
    assert due is not None
    assert await SWEEP.run(session, due) == 3
    assert await feed(session, one) == [(1, first), (2, shared)]
    assert await feed(session, other) == [(1, shared), (2, last)]
    assert await SWEEP.due(session, clock.now()) is None


async def test_what_commits_later_comes_later(fresh_database: Database, fresh_worker: Database) -> None:
    """The transaction that began first, with the smaller id, is numbered after the one that a reader saw first."""
    organisation = ids.new_id()
    async with transaction(fresh_database) as slow, transaction(fresh_database) as quick:
        early = await happened(slow, organisation)
        late = await happened(quick, organisation)
        await quick.commit()
        assert await number(fresh_worker) == 1
        assert await number(fresh_worker) == 0
        await slow.commit()
    assert await number(fresh_worker) == 1
    async with transaction(fresh_database) as session:
        assert await feed(session, organisation) == [(1, late), (2, early)]


async def test_two_sequencers_give_each_number_once(fresh_database: Database, fresh_worker: Database) -> None:
    organisation = ids.new_id()
    async with transaction(fresh_database) as session:
        subjects = [await happened(session, organisation) for _ in range(30)]
        await session.commit()
    done = await asyncio.gather(*(number(fresh_worker, 7) for _ in range(8)))
    assert sum(done) == 30
    async with transaction(fresh_database) as session:
        assert await feed(session, organisation) == list(enumerate(subjects, 1))


async def test_a_pass_that_is_cut_off_leaves_nothing_behind(fresh_database: Database, fresh_worker: Database) -> None:
    organisation = ids.new_id()
    async with transaction(fresh_database) as session:
        subject = await happened(session, organisation)
        await session.commit()
    async with fresh_worker.session() as session:
        await open_unit_of_work(session, "beatrice_worker")
        assert await NUMBER.one(session, at_most=100) == 1
        await session.rollback()
    assert await number(fresh_worker) == 1
    async with transaction(fresh_database) as session:
        assert await feed(session, organisation) == [(1, subject)]


async def test_nobody_writes_past_the_functions(fresh_database: Database, fresh_worker: Database) -> None:
    organisation = ids.new_id()
    values = {"id": ids.new_id(), "type": "a.b", "object_kind": "a", "object_id": organisation}
    attacks = (
        insert(Event).values(**values, organisation_ids=[organisation], created_at=clock.now()),
        update(Event).values(numbered=True),
        insert(EventPosition).values(organisation_id=organisation, position=1, event_id=values["id"]),
    )
    roles = ((fresh_database, "beatrice_app"), (fresh_database, "beatrice_hr"), (fresh_worker, "beatrice_worker"))
    for (database, role), attack in product(roles, attacks):
        async with database.session() as session:
            await open_unit_of_work(session, role)
            with pytest.raises(DBAPIError, match="permission denied for table event"):
                await session.execute(attack)
            await session.rollback()
