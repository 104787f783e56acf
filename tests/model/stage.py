"""The product on a database of its own, driven from synchronous tests at instants that stand still."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime
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
from app.ledger import queries as ledger
from app.ledger.verify import Report, verify
from tests.conftest import Cluster
from tests.model.things import PRICE_CHANGE, PRICES
from tests.world import Party, Person, World

SWEEPS = (*bookings_jobs.SWEEPS, *credit_jobs.SWEEPS)
EXAMPLES_PER_DATABASE = 100

LOTS = """
    SELECT lot.id, lot.grace_of, lot.valid_from, lot.expires_on, lot.ended_at, lot.amount_cents,
        account.posted_cents - account.held_cents AS available, account.held_cents AS held,
        sums.captured_cents AS captured, sums.expired_cents AS expired, sums.returned_cents AS returned
    FROM lot JOIN employee ON employee.id = lot.employee_id JOIN ledger.account ON account.id = lot.id
    CROSS JOIN lot_sums(lot.id) AS sums WHERE employee.user_id = :user_id ORDER BY lot.id
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
        worker = self.cluster.app_url(self.name, "beatrice_worker")
        self.database = create_database(self.cluster.app_url(self.name), pool_size=2)
        self.worker = create_database(worker, pool_size=2, timeouts=WORKER_TIMEOUTS)
        self.world = World(self.database)
        self.operator = self.runner.run(self.world.operator())

    def _close(self) -> None:
        for database in (self.database, self.worker):
            self.runner.run(database.dispose())
        self.cluster.drop(self.name)

    def close(self) -> None:
        self._close()
        self.runner.close()

    @property
    def actor(self) -> Actor:
        """Who decides disputes."""
        return self.operator.actor("operator")

    def at(self, instant: datetime, work: Callable[[], Awaitable[Any]]) -> Any:
        """Run async work with business time standing still at an instant."""

        async def stopped() -> Any:
            with clock.stopped_at(instant):
                return await work()

        return self.runner.run(stopped())

    def act(self, instant: datetime, action: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
        """Run one action in its own transaction, as the application."""
        return self.runner.run(self.world.act(instant, action, *args, **kwargs))

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
        if self.examples % EXAMPLES_PER_DATABASE == 0:
            self._close()
            self._open()
        made: Parties = self.at(now, self._parties)
        return made

    async def _parties(self) -> "Parties":
        world = self.world
        first, second = await world.company(), await world.company()
        alliance_id = await world.found_alliance(f"Alliance {ids.new_id()}", company=first)
        person, provider = await world.employee(first), await world.provider()
        persons = [person, await world.second_job(person, second)]
        offerings = {}
        for instant, confirmation in ((False, "provider"), (True, "instant")):
            offerings[instant] = await world.offering(provider, confirmation=confirmation, price_cents=PRICES[0])
            await world.price(provider, offerings[instant], PRICES[1], PRICE_CHANGE)
        owners = {"provider_earned": provider.id, "provider_payable": provider.id, "solidarity_fund": alliance_id}
        accounts = [await world.account_of(kind, owner) for kind, owner in owners.items()]
        accounts += [await world.account_of("company_returns", company.id) for company in (first, second)]
        return Parties(self, [first, second], persons, await world.mother(person), provider, offerings, accounts)


@dataclass
class Parties:
    """Who takes part in one example, and what the database says about them."""

    stage: Stage
    companies: list[Party]
    persons: list[Person]
    mother_id: UUID
    provider: Party
    offerings: dict[bool, UUID]
    accounts: list[UUID]
    """Earned, payable, the fund, and what came back to the companies."""

    @property
    def user_id(self) -> UUID:
        return self.persons[0].user_id

    def found(self, now: datetime) -> Found:
        """Read it all in one transaction."""
        found: Found = self.stage.act(now, self._read, clock.day_of(now))
        return found

    async def _read(self, session: AsyncSession, today: date) -> Found:
        async def rows(sql: str) -> list[Any]:
            values = {"user_id": self.user_id, "provider_id": self.provider.id}
            named = {name: value for name, value in values.items() if f":{name}" in sql}
            return list((await session.execute(text(sql), named)).all())

        slots = await rows("SELECT id, taken FROM slot WHERE provider_id = :provider_id")
        balances = await ledger.balances_of(session, self.accounts)
        return Found(
            lots=await rows(LOTS),
            units=await rows(UNITS),
            taken={row.id: row.taken for row in slots},
            posted={account: balances[account].posted_cents for account in self.accounts},
            wallet=read_wallet(await credit_queries.wallet(session, self.user_id), today),
        )

    def verify(self, now: datetime) -> Report:
        report: Report = self.stage.act(now, verify, api.PASSES)
        return report
