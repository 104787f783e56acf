"""Money, programmes and lots of a company."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from app.grants import grants, programmes, top_ups
from app.grants.schemas import GrantCreate, GrantLineCreate, ProgrammeCreate
from tests.world.given import PROGRAMME, sent
from tests.world.parties import SOMEBODY, SOMEBODY_ELSE, Party
from tests.world.people import People, Person

LOT = "SELECT id FROM lot WHERE grant_id = :grant AND employee_id = :employee"


class Credit(People):
    """Gives credit as HR does: one person drafts, another approves."""

    async def fund(self, company: Party, amount_cents: int) -> None:
        """Money on the company's account, of a top-up that one or two confirmed."""
        async with self.work() as session:
            made = await top_ups.announce_top_up(session, company.actor("hr"), company.id, amount_cents)
            seen = await top_ups.confirm_top_up(session, SOMEBODY, made.id)
            if seen.status == "confirming":
                await top_ups.confirm_top_up(session, SOMEBODY_ELSE, made.id)

    async def programme(self, company: Party, lot_expires_on: date, **fields: Any) -> UUID:
        wanted = sent(ProgrammeCreate, PROGRAMME, lot_expires_on=lot_expires_on, **fields)
        async with self.work("beatrice_hr") as session:
            return (await programmes.create_programme(session, company.id, wanted)).id

    async def grant(
        self, company: Party, person: Person, amount_cents: int, programme_id: UUID, *, also: Sequence[UUID] = ()
    ) -> UUID:
        """An active grant to one person, and the same to other employees; return the lot of the person."""
        lines = [
            GrantLineCreate.model_construct(employee_id=one, amount_cents=amount_cents)
            for one in (person.employee_id, *also)
        ]
        given = GrantCreate.model_construct(programme_id=programme_id, lines=lines, generality_reason="other")
        # Not as HR: that role records only what a request of its own has opened.
        async with self.work() as session:
            drafted = await grants.create_grant(session, company.actor("hr"), company.id, given, dry_run=False)
        async with self.request(company, "hr_approver") as session:
            active = await grants.approve_grant(session, company.actor("hr_approver"), company.id, drafted.id)
        assert active.status == "active"
        lot_id: UUID = await self.scalar(LOT, grant=drafted.id, employee=person.employee_id)
        return lot_id

    async def lot(
        self,
        company: Party,
        person: Person,
        amount_cents: int,
        expires_on: date,
        *,
        rule_codes: Sequence[str] = ("C2_F_TER", "C2_F", "C2_F_BIS"),
        reading: str = "strict",
        **terms: str,
    ) -> UUID:
        """A funded, active lot under a programme of its own."""
        await self.fund(company, amount_cents)
        terms = {"employee_category": person.category, "relatives_reading": reading, **terms}
        programme_id = await self.programme(company, expires_on, rule_codes=rule_codes, **terms)
        return await self.grant(company, person, amount_cents, programme_id)

    async def balances(self, lot_id: UUID) -> tuple[int, int]:
        """(available, held) of a lot's account."""
        sql = "SELECT posted_cents - held_cents, held_cents FROM ledger.account WHERE id = :id"
        available, held = (await self.execute(sql, id=lot_id))[0]
        return available, held
