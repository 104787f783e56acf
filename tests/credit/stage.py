"""Funded programmes and lots for tests, made over the product's own actions."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from app import ids
from app.credit.actions import HoldRequest
from app.db import Database
from app.grants import revocations
from app.grants.schemas import GrantRevoke
from app.jobs import Sweep
from app.ledger import queries as ledger
from tests.world import Party, Person, World

NOON = datetime(2026, 11, 23, 11, 0, tzinfo=UTC)
LAST_DAY = date(2026, 12, 31)
EXPIRES = LAST_DAY + timedelta(days=1)

TRANSFER = (
    # Attack: money moved by hand
    "INSERT INTO ledger.transfer (id, from_account_id, to_account_id, amount_cents, reason, event_at, created_at)"
    " VALUES (:id, :payer, :payee, :cents, :reason, :at, :at)"
)
LOT = (
    # Attack: a lot made by hand
    "INSERT INTO lot (id, company_id, employee_id, source_id, grant_id, kind, grace_of, amount_cents, valid_from,"
    " expires_on, created_at) VALUES (:id, :company, :employee, :programme, :grant, :kind, :grace_of, :cents,"
    " '2026-11-23', '2027-01-31', :at)"
)


@dataclass
class Stage:
    """One company with money, one person, one payee."""

    world: World
    company: Party
    person: Person
    payee_id: UUID

    @property
    def database(self) -> Database:
        return self.world.database

    async def programme(self, *, lot_expires_on: date = LAST_DAY, **fields: Any) -> UUID:
        return await self.world.programme(self.company, lot_expires_on, **fields)

    async def lot(self, amount_cents: int, person: Person | None = None, **fields: Any) -> UUID:
        """Grant one person an amount under a programme of its own; return the lot.

        Where credit may return to the company nine colleagues get as much, with money of their own.
        """
        programme_id = await self.programme(**fields)
        colleagues: Sequence[UUID] = ()
        if fields.get("expired_credit_to") == "company" or fields.get("leavers_rule") == "zero_at_leaving":
            colleagues = await self.colleagues()
            await self.world.fund(self.company, 9 * amount_cents)
        return await self.world.grant(self.company, person or self.person, amount_cents, programme_id, also=colleagues)

    async def colleagues(self) -> Sequence[UUID]:
        """Nine people of the company who never use anything; hired once."""
        there = "SELECT id FROM employee WHERE company_id = :company AND user_id = id ORDER BY id LIMIT 9"
        hired = [row.id for row in await self.world.execute(there, company=self.company.id)]
        return hired or await self.world.employments(self.company, 9, logins=True)

    def hold(self, lot_id: UUID, amount_cents: int) -> HoldRequest:
        return HoldRequest(ids.new_id(), lot_id, self.payee_id, amount_cents, ids.new_id())

    async def act(self, instant: datetime, function: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
        return await self.world.act(instant, function, *args, **kwargs)

    async def revoke(self, grant_id: UUID, at: datetime, *employee_ids: UUID) -> int:
        """Let one person ask and another approve that a grant be revoked, of all or some; return how many lots."""
        given = GrantRevoke(reason="Errore", employee_ids=list(employee_ids) or None)
        scope = (self.company.id, grant_id)
        async with self.world.work("beatrice_hr", at=at) as session:
            await revocations.revoke_grant(session, self.company.actor("hr"), *scope, given)
        async with self.world.work("beatrice_hr", at=at) as session:
            return await revocations.approve_revocation(session, self.company.actor("hr_approver"), *scope)

    async def sweep(self, sweep: Sweep, instant: datetime) -> int:
        swept: int = await self.act(instant, sweep.run, instant)
        return swept

    async def lots(self) -> dict[UUID, tuple[int, int]]:
        """Posted and held by lot, but for those colleagues'."""
        rows = await self.world.execute(
            "SELECT a.* FROM ledger.account a JOIN lot USING (id) JOIN employee ON employee.id = lot.employee_id"
            " WHERE employee.user_id <> employee.id"
        )
        return {row.id: (row.posted_cents, row.held_cents) for row in rows}

    async def balance(self) -> int:
        return await self._posted("company_account", self.company.id)

    async def returned(self) -> int:
        """What waits on the company's account of returns."""
        return await self._posted("company_returns", self.company.id)

    async def fund(self) -> int:
        """What is in the solidarity fund of companies outside an alliance."""
        return await self._posted("solidarity_fund", None)

    async def _posted(self, kind: str, owner_id: UUID | None) -> int:
        account_id = await self.world.account_of(kind, owner_id)
        async with self.world.work() as session:
            return (await ledger.balances_of(session, [account_id]))[account_id].posted_cents

    async def transfer_refused(
        self, guard: str, payer: UUID, payee: UUID, cents: int, reason: str, at: datetime = NOON
    ) -> None:
        values = {"id": ids.new_id(), "payer": payer, "payee": payee, "cents": cents, "reason": reason, "at": at}
        await self.world.refused(guard, (TRANSFER, values))

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
    return Stage(world, company, person, await world.account_of("provider_earned", provider.id))
