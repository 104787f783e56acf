"""Many connections on few accounts and holds, with real commits: no deadlock, no overdraft, each hold ends once."""

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from app.errors import AppError
from app.ids import new_id
from app.ledger import actions, queries
from app.ledger.errors import HoldEnded, InsufficientFunds
from app.ledger.instructions import Capture, HoldRelease, NewAccount, NewHold, NewTransfer, Reversal
from app.ledger.queries import Balance
from app.ledger.verify import verify

AT = datetime(2026, 11, 23, 8, tzinfo=UTC)
CONNECTIONS = 16


class Storm:
    """Tasks that each commit on their own; anything but a named conflict (a deadlock, say) fails the test."""

    def __init__(self, url: str) -> None:
        self.engine: AsyncEngine = create_async_engine(url, pool_size=CONNECTIONS, max_overflow=0, pool_timeout=60)

    async def commit(self, run: Callable[[AsyncSession], Awaitable[object]]) -> str:
        """Return the name of what happened: ok, or the conflict's code."""
        async with AsyncSession(self.engine) as session:
            try:
                await session.connection()
                await run(session)
                await session.commit()
            except AppError as error:
                await session.rollback()
                return error.code
            return "ok"

    async def all(self, runs: list[Callable[[AsyncSession], Awaitable[object]]]) -> Counter[str]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self.commit(run)) for run in runs]
        return Counter(task.result() for task in tasks)

    async def world(self, lot_cents: int, lots: int) -> tuple[UUID, UUID, list[UUID]]:
        clearing, company, provider = (
            NewAccount(new_id(), kind, new_id())
            for kind in ("bank_clearing_public", "company_account", "provider_earned")
        )
        accounts = [NewAccount(new_id(), "lot", new_id()) for _ in range(lots)]

        async def fund(session: AsyncSession) -> None:
            await actions.open_accounts(session, [clearing, company, provider, *accounts])
            top_up = NewTransfer(new_id(), clearing.id, company.id, lot_cents * lots, "top_up", AT)
            await actions.transfer(session, [top_up])
            grants = [NewTransfer(new_id(), company.id, lot.id, lot_cents, "grant", AT) for lot in accounts]
            await actions.transfer(session, grants)

        assert await self.commit(fund) == "ok"
        return company.id, provider.id, [lot.id for lot in accounts]

    async def balances(self, ids: list[UUID]) -> dict[UUID, Balance]:
        async with AsyncSession(self.engine) as session:
            return await queries.balances_of(session, ids)

    async def assert_sound(self) -> None:
        async with AsyncSession(self.engine) as session:
            assert [each.id for each in (await verify(session)).differences] == ["transfer_27_routes"]
            assert (await queries.trial_balance(session)).balanced is True


@pytest.fixture
async def storm(cluster: Any, fresh_database_name: str) -> AsyncIterator[Storm]:
    # Money moves between all accounts here; where it may go is tried in test_routes.
    with cluster.admin(fresh_database_name) as connection:
        connection.execute("ALTER TABLE ledger.transfer DISABLE TRIGGER transfer_27_routes")
    made = Storm(cluster.app_url(fresh_database_name))
    yield made
    await made.engine.dispose()


async def test_capture_and_release_race_for_shared_holds(storm: Storm) -> None:
    """Every hold is asked for 8 times, in batches of random order: exactly one ask per hold gets through."""
    _, provider, lots = await storm.world(10_000, lots=5)
    holds = [NewHold(new_id(), lot, provider, 100, AT) for lot in lots for _ in range(30)]
    assert await storm.commit(lambda session: actions.place_holds(session, holds)) == "ok"
    dice = random.Random(7)  # noqa: S311 - a repeatable order
    ended: Counter[UUID] = Counter()
    captured: Counter[UUID] = Counter()

    def ask(kind: str, batch: list[NewHold]) -> Callable[[AsyncSession], Awaitable[object]]:
        async def run(session: AsyncSession) -> None:
            if kind == "capture":
                await actions.capture(session, [Capture(new_id(), hold.id, "delivered", AT) for hold in batch])
            else:
                await actions.release(session, [HoldRelease(hold.id, AT) for hold in batch])
            ended.update(hold.id for hold in batch)
            captured.update(hold.id for hold in batch if kind == "capture")

        return run

    asks = []
    for size in (1, 1, 1, 1, 2, 3, 5, 1):
        order = dice.sample(holds, len(holds))
        batches = [order[start : start + size] for start in range(0, len(order), size)]
        asks += [ask(dice.choice(["capture", "release", "release"]), batch) for batch in batches]
    dice.shuffle(asks)
    outcomes = await storm.all(asks)
    assert set(outcomes) == {"ok", HoldEnded.code}
    assert set(ended) == {hold.id for hold in holds}
    assert set(ended.values()) == {1}
    balances = await storm.balances([*lots, provider])
    assert balances[provider] == Balance(100 * captured.total(), 0)
    for lot in lots:
        mine = sum(captured[hold.id] for hold in holds if hold.account_id == lot)
        assert balances[lot] == Balance(10_000 - 100 * mine, 0)
    await storm.assert_sound()


async def test_nobody_overdraws_a_hot_account(storm: Storm) -> None:
    """64 tasks at 3 accounts with 50 units each: exactly 150 of 640 asks fit."""
    company, provider, lots = await storm.world(5_000, lots=3)
    dice = random.Random(11)  # noqa: S311 - a repeatable order
    spends = [lot for lot in lots for _ in range(213)] + [lots[0]]
    dice.shuffle(spends)

    def spend(lot: UUID) -> Callable[[AsyncSession], Awaitable[object]]:
        if dice.random() < 0.5:
            return lambda session: actions.place_holds(session, [NewHold(new_id(), lot, provider, 100, AT)])
        return lambda session: actions.transfer(session, [NewTransfer(new_id(), lot, company, 100, "expired", AT)])

    runs = [spend(lot) for lot in spends]
    outcomes: Counter[str] = Counter()
    for start in range(0, len(runs), 64):
        outcomes += await storm.all(runs[start : start + 64])
    assert outcomes == {"ok": 150, InsufficientFunds.code: 490}
    balances = await storm.balances(lots)
    assert [balance.available_cents for balance in balances.values()] == [0, 0, 0]
    await storm.assert_sound()


async def test_money_sent_in_circles_never_deadlocks(storm: Storm) -> None:
    """Multi-row transfers, holds, captures and reversals over the same four guarded accounts in every direction."""
    company, provider, lots = await storm.world(10_000, lots=3)
    ring = [company, *lots]
    dice = random.Random(13)  # noqa: S311 - a repeatable order

    def turn() -> Callable[[AsyncSession], Awaitable[object]]:
        pairs = [dice.sample(ring, 2) for _ in range(dice.randint(1, 4))]
        moves = [NewTransfer(new_id(), source, target, dice.randint(1, 50), "test", AT) for source, target in pairs]
        holds = [NewHold(new_id(), source, target, 20, AT) for source, target in pairs]

        async def transfers(session: AsyncSession) -> None:
            await actions.transfer(session, moves)

        async def there_and_back(session: AsyncSession) -> None:
            await queries.lock_accounts(session, ring)
            await actions.transfer(session, moves)
            await actions.reverse(session, [Reversal(new_id(), move.id, "corrected", AT) for move in reversed(moves)])

        async def held(session: AsyncSession) -> None:
            await queries.lock_accounts(session, [account for pair in pairs for account in pair])
            await actions.place_holds(session, holds)
            await actions.capture(session, [Capture(new_id(), hold.id, "delivered", AT) for hold in holds])

        return dice.choice([transfers, there_and_back, held])

    outcomes = await storm.all([turn() for _ in range(400)])
    assert set(outcomes) <= {"ok", InsufficientFunds.code}
    assert outcomes["ok"] > 0
    balances = await storm.balances([*ring, provider])
    assert sum(balance.posted_cents for balance in balances.values()) == 30_000
    assert {balance.held_cents for balance in balances.values()} == {0}
    await storm.assert_sound()


INSERT_TRANSFER = """
    INSERT INTO ledger.transfer
        (id, from_account_id, to_account_id, amount_cents, reason, hold_id, reverses_id, event_at, created_at)
    VALUES (:new, :source, :target, 100, 'test', :hold, :original, :at, :at)
"""
INSERT_END = "INSERT INTO ledger.hold_end VALUES (:hold, 'released', 0, :at, :at)"


@pytest.mark.parametrize(("first", "second"), list(itertools.product(["capture", "release"], repeat=2)))
async def test_plain_sql_waits_for_the_account_before_the_hold(storm: Storm, first: str, second: str) -> None:
    """Without the row triggers the second insert would own the hold's key, the first the account: a deadlock."""
    _, provider, (lot,) = await storm.world(1_000, lots=1)
    hold = NewHold(new_id(), lot, provider, 100, AT)
    assert await storm.commit(lambda session: actions.place_holds(session, [hold])) == "ok"

    def end(session: AsyncSession, kind: str) -> Awaitable[Any]:
        values = {"new": new_id(), "source": lot, "target": provider, "hold": hold.id, "original": None, "at": AT}
        return session.execute(text(INSERT_TRANSFER if kind == "capture" else INSERT_END), values)

    await race(storm, [lot], lambda session: end(session, first), lambda session: end(session, second))
    assert (await storm.balances([lot]))[lot] == Balance(900 if first == "capture" else 1_000, 0)
    await storm.assert_sound()


async def test_plain_sql_waits_for_the_account_before_the_reversal(storm: Storm) -> None:
    company, _, (lot,) = await storm.world(1_000, lots=1)
    move = NewTransfer(new_id(), lot, company, 100, "expired", AT)
    assert await storm.commit(lambda session: actions.transfer(session, [move])) == "ok"

    def back(session: AsyncSession) -> Awaitable[Any]:
        values = {"new": new_id(), "source": company, "target": lot, "hold": None, "original": move.id, "at": AT}
        return session.execute(text(INSERT_TRANSFER), values)

    await race(storm, [company, lot], back, back)
    assert (await storm.balances([lot]))[lot] == Balance(1_000, 0)
    await storm.assert_sound()


async def race(
    storm: Storm,
    accounts: list[UUID],
    first: Callable[[AsyncSession], Awaitable[Any]],
    second: Callable[[AsyncSession], Awaitable[Any]],
) -> None:
    """Lock the accounts, let `second` start and wait, then run `first` and commit: `second` must find a used key."""
    async with AsyncSession(storm.engine) as one, AsyncSession(storm.engine) as two, AsyncSession(storm.engine) as eye:
        await queries.lock_accounts(one, accounts)
        waiting = (await two.execute(text("SELECT pg_backend_pid()"))).scalar_one()
        late = asyncio.ensure_future(second(two))
        blocked = text("SELECT cardinality(pg_blocking_pids(:pid))")
        while not (await eye.execute(blocked, {"pid": waiting})).scalar_one():
            assert not late.done()
        await first(one)
        await one.commit()
        with pytest.raises(IntegrityError) as caught:
            await late
        assert isinstance(caught.value.orig, psycopg.errors.UniqueViolation)


async def test_a_transfer_is_reversed_once_by_many(storm: Storm) -> None:
    company, _, (lot,) = await storm.world(1_000, lots=1)
    move = NewTransfer(new_id(), lot, company, 600, "expired", AT)
    assert await storm.commit(lambda session: actions.transfer(session, [move])) == "ok"
    back = [
        lambda session: actions.reverse(session, [Reversal(new_id(), move.id, "corrected", AT)])
        for _ in range(CONNECTIONS)
    ]
    assert await storm.all(back) == {"ok": 1, "already_reversed": CONNECTIONS - 1}
    assert await storm.balances([company, lot]) == {company: Balance(0, 0), lot: Balance(1_000, 0)}
    await storm.assert_sound()
