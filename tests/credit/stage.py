"""Funded programmes and lots for tests, made over the product's own actions."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from app import clock, ids
from app.actor import Actor
from app.credit.actions import HoldRequest
from app.db import Database
from app.jobs import Sweep
from tests.world import Party, Person, World

NOON = datetime(2026, 11, 23, 11, 0, tzinfo=UTC)
LAST_DAY = date(2026, 12, 31)
EXPIRES = LAST_DAY + timedelta(days=1)


@dataclass
class Stage:
    """One company with money, one person, one payee."""

    world: World
    database: Database
    company: Party
    person: Person
    payee_id: UUID

    async def programme(self, **fields: Any) -> UUID:
        given = {"name": "Welfare 2026", "lot_expires_on": LAST_DAY, **fields}
        return await self.world.programme(self.company, given.pop("lot_expires_on"), **given)

    async def lot(self, amount_cents: int, person: Person | None = None, **fields: Any) -> UUID:
        """Grant one person an amount under a programme of its own; return the lot."""
        programme_id = await self.programme(**fields)
        return await self.world.grant(self.company, person or self.person, amount_cents, programme_id)

    @property
    def maker(self) -> Actor:
        return Actor("user", self.company.users["hr"], self.company.id)

    @property
    def approver(self) -> Actor:
        return Actor("user", self.company.users["hr_approver"], self.company.id)

    def hold(self, lot_id: UUID, amount_cents: int) -> HoldRequest:
        return HoldRequest(ids.new_id(), lot_id, self.payee_id, amount_cents, ids.new_id())

    async def act(self, instant: datetime, function: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
        """Run an action in its own transaction with business time at an instant."""
        async with self.database.begin() as session:
            with clock.at(instant):
                return await function(session, *args, **kwargs)

    async def sweep(self, sweep: Sweep, instant: datetime) -> int:
        async with self.database.begin() as session:
            with clock.at(instant):
                return await sweep.run(session, instant)

    async def lots(self) -> dict[UUID, tuple[int, int]]:
        """Posted and held by lot."""
        rows = await self.world.execute("SELECT a.* FROM ledger.account a JOIN lot USING (id)")
        return {row.id: (row.posted_cents, row.held_cents) for row in rows}

    async def balance(self) -> int:
        posted: int = await self.world.scalar(
            "SELECT posted_cents FROM ledger.account WHERE id = :id", id=self.company.account_id
        )
        return posted

    async def transfers(self) -> list[tuple[str, int]]:
        rows = await self.world.execute("SELECT reason, amount_cents FROM ledger.transfer ORDER BY id")
        return [(row.reason, row.amount_cents) for row in rows]


async def set_stage(world: World, funds_cents: int = 1_000_00) -> Stage:
    await world.set_now(NOON)
    await world.operator()
    company = await world.company()
    if funds_cents:
        await world.fund(company, funds_cents)
    person = await world.employee(company)
    provider = await world.provider()
    payee_id = await world.account_of("provider_earned", provider.id)
    return Stage(world, world.database, company, person, payee_id)
