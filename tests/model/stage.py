"""The product on a database of its own, driven from synchronous tests at instants that stand still."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app import api, clock, ids
from app.actor import Actor
from app.bookings import jobs as bookings_jobs
from app.credit import jobs as credit_jobs
from app.credit import queries as credit_queries
from app.credit.schemas import WalletRead
from app.credit.wallet import read_wallet
from app.db import WORKER_TIMEOUTS, create_database
from app.jobs import run_sweeps
from app.ledger.verify import Report, verify
from tests.conftest import Cluster
from tests.model.things import PRICE_CHANGE, PRICES
from tests.world import Party, Person, World

SWEEPS = (*bookings_jobs.SWEEPS, *credit_jobs.SWEEPS)
EXAMPLES_PER_DATABASE = 100

LOTS = """
    SELECT lot.id, lot.grace_of, lot.valid_from, lot.expires_on, lot.ended_at, lot.amount_cents,
        account.posted_cents - account.held_cents AS available, account.held_cents AS held,
        coalesce((SELECT sum(amount_cents) FROM ledger.transfer t WHERE t.from_account_id = lot.id
            AND t.hold_id IS NOT NULL), 0)::bigint
        - coalesce((SELECT sum(amount_cents) FROM ledger.transfer t WHERE t.to_account_id = lot.id
            AND t.reverses_id IS NOT NULL), 0)::bigint AS captured,
        coalesce((SELECT sum(amount_cents) FROM ledger.transfer t WHERE t.from_account_id = lot.id
            AND t.reason IN ('expired', 'grace', 'carried_over')), 0)::bigint AS expired,
        coalesce((SELECT sum(amount_cents) FROM ledger.transfer t WHERE t.from_account_id = lot.id
            AND t.reason = 'returned'), 0)::bigint AS returned
    FROM lot JOIN employee ON employee.id = lot.employee_id JOIN ledger.account ON account.id = lot.id
    WHERE employee.user_id = :user_id ORDER BY lot.id
"""
UNITS = """
    SELECT b.id AS booking_id, b.status AS booking_status, b.confirm_by, u.id, u.slot_id, u.status, u.status_at,
        u.price_cents, u.fee_cents, u.fee_source, u.own_money_due_cents, u.complete_at, u.completed_at,
        (CASE WHEN u.fee_source = 'credit' THEN u.fee_cents
            WHEN u.status IN ('delivered', 'completed') THEN coalesce((SELECT sum(l.amount_cents) FROM care.leg l
                WHERE l.unit_id = u.id AND l.source <> 'own_money'), 0) ELSE 0 END)::bigint AS captured_cents,
        (SELECT p.payable_at FROM payable p WHERE p.source_kind = 'unit' AND p.source_id = u.id
            AND p.kind <> 'adjustment') AS payable_at, u.disputed, u.refunded_cents,
        (SELECT coalesce(json_agg(json_build_array(l.lot_id, l.amount_cents) ORDER BY l.id), '[]')
            FROM care.leg l WHERE l.unit_id = u.id AND l.source <> 'own_money') AS legs
    FROM care.booking b JOIN care.unit u ON u.booking_id = b.id WHERE b.user_id = :user_id ORDER BY b.id, u.index
"""
HISTORY = """
    SELECT t.unit_id, t.to_status, t.at FROM care.booking b JOIN care.unit u ON u.booking_id = b.id
    JOIN care.unit_transition t ON t.unit_id = u.id WHERE b.user_id = :user_id ORDER BY t.id
"""
SLOTS = "SELECT id, taken FROM slot WHERE provider_id = :provider_id"
POSTED = """
    SELECT account_id, sum(cents)::bigint AS cents FROM (
        SELECT to_account_id AS account_id, amount_cents AS cents FROM ledger.transfer
        WHERE to_account_id = ANY (CAST(:accounts AS uuid[]))
        UNION ALL
        SELECT from_account_id, -amount_cents FROM ledger.transfer
        WHERE from_account_id = ANY (CAST(:accounts AS uuid[]))) AS side
    GROUP BY account_id
"""


@dataclass(frozen=True)
class Found:
    """What the database says about one example."""

    lots: list[Any]
    units: list[Any]
    taken: dict[UUID, int]
    posted: dict[UUID, int]
    wallet: WalletRead


class Stage:
    """A clone, its event loop, and the parties of the present example; a new clone every so many examples."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.runner = asyncio.Runner()
        self.examples = 0
        self._open()

    def _open(self) -> None:
        self.name = self.cluster.clone()
        self.cluster.let_one_person_return(self.name)
        self.database = create_database(self.cluster.app_url(self.name), pool_size=2)
        self.worker = create_database(
            self.cluster.app_url(self.name, "beatrice_worker"), pool_size=2, timeouts=WORKER_TIMEOUTS
        )
        self.world = World(self.database)
        self.operator = self.runner.run(self.world.operator())

    def _close(self) -> None:
        self.runner.run(self.database.dispose())
        self.runner.run(self.worker.dispose())
        self.cluster.drop(self.name)

    def close(self) -> None:
        self._close()
        self.runner.close()

    @property
    def actor(self) -> Actor:
        """Who decides disputes."""
        return Actor("user", self.operator.users["operator"], self.operator.id)

    def at(self, instant: datetime, work: Callable[[], Awaitable[Any]]) -> Any:
        """Run async work with business time standing still at an instant."""

        async def stopped() -> Any:
            with clock.stopped_at(instant):
                return await work()

        return self.runner.run(stopped())

    def act(self, instant: datetime, action: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
        """Run one action in its own transaction, as the application."""

        async def work() -> Any:
            async with self.database.begin() as session:
                return await action(session, *args, **kwargs)

        return self.at(instant, work)

    def sweep(self, instant: datetime) -> None:
        """Run the worker's sweeps; nothing may be due after that."""

        async def work() -> None:
            ran = await run_sweeps(self.worker, SWEEPS)
            assert all(ran.values()), f"a sweep found nothing where something was due: {ran}"
            async with self.worker.begin("beatrice_worker") as session:
                left = {sweep.name: await sweep.due(session, instant) for sweep in SWEEPS}
            assert set(left.values()) == {None}, left

        self.at(instant, work)

    def rows(self, sql: str, **values: Any) -> list[Any]:
        return self.runner.run(self.world.execute(sql, **values))

    def new_example(self, now: datetime) -> "Parties":
        self.examples += 1
        if self.examples > EXAMPLES_PER_DATABASE:
            self._close()
            self._open()
            self.examples = 1
        made: Parties = self.at(now, self._parties)
        return made

    async def _parties(self) -> "Parties":
        world = self.world
        companies = [await world.company(), await world.company()]
        alliance_id = await world.found_alliance(f"Alliance {ids.new_id()}", company=companies[0])
        fund = await world.account_of("solidarity_fund", alliance_id)
        person = await world.employee(companies[0])
        second = await world.second_job(person, companies[1])
        mother = await world.mother(person)
        provider = await world.provider()
        offerings = {}
        for instant, confirmation in ((False, "provider"), (True, "instant")):
            offerings[instant] = await world.offering(provider, confirmation=confirmation, price_cents=PRICES[0])
            await world.price(provider, offerings[instant], PRICES[1], PRICE_CHANGE)
        earned, payable = [await world.account_of(f"provider_{kind}", provider.id) for kind in ("earned", "payable")]
        return Parties(self, companies, [person, second], mother, provider, offerings, fund, earned, payable)


@dataclass
class Parties:
    """Who takes part in one example, and what the database says about them."""

    stage: Stage
    companies: list[Party]
    persons: list[Person]
    mother_id: UUID
    provider: Party
    offerings: dict[bool, UUID]
    fund_id: UUID
    earned_id: UUID
    payable_id: UUID

    @property
    def accounts(self) -> list[UUID]:
        """Earned, payable, the fund, and what came back to the companies."""
        companies = [company.returns_id for company in self.companies if company.returns_id]
        return [self.earned_id, self.payable_id, self.fund_id, *companies]

    @property
    def user_id(self) -> UUID:
        return self.persons[0].user_id

    def found(self, now: datetime) -> Found:
        """Read it all in one transaction."""

        async def read(session: AsyncSession) -> Found:
            async def rows(sql: str, **values: Any) -> list[Any]:
                return list((await session.execute(text(sql), values)).all())

            posted = await rows(POSTED, accounts=self.accounts)
            return Found(
                lots=await rows(LOTS, user_id=self.user_id),
                units=await rows(UNITS, user_id=self.user_id),
                taken={row.id: row.taken for row in await rows(SLOTS, provider_id=self.provider.id)},
                posted=dict.fromkeys(self.accounts, 0) | {row.account_id: row.cents for row in posted},
                wallet=read_wallet(await credit_queries.wallet(session, self.user_id), clock.day_of(now)),
            )

        found: Found = self.stage.act(now, read)
        return found

    def verify(self, now: datetime) -> Report:
        report: Report = self.stage.act(now, verify, api.PASSES)
        return report
