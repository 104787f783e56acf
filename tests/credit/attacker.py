"""Somebody with SQL, for tests of what the database itself refuses."""

from typing import Any
from uuid import UUID

from app import ids
from tests.credit.stage import NOON, Stage

TRANSFER = (
    "INSERT INTO ledger.transfer (id, from_account_id, to_account_id, amount_cents, reason, event_at, created_at)"
    " VALUES (:id, :payer, :payee, :cents, :reason, :at, :at)"
)
LOT = (
    "INSERT INTO lot (id, company_id, employee_id, source_id, grant_id, kind, grace_of, amount_cents, valid_from,"
    " expires_on, created_at) VALUES (:id, :company, :employee, :programme, :grant, :kind, :grace_of, :cents,"
    " '2026-11-23', '2027-01-31', :at)"
)


class Attacker:
    """Somebody with SQL; each refused statement leaves everything as it was."""

    def __init__(self, stage: Stage) -> None:
        self.refused = stage.world.refused

    async def transfer_refused(
        self, guard: str, payer: UUID, payee: UUID, cents: int, reason: str, at: Any = NOON
    ) -> None:
        values = {"id": ids.new_id(), "payer": payer, "payee": payee, "cents": cents, "reason": reason, "at": at}
        await self.refused(guard, (TRANSFER, values))
