"""Somebody with SQL, for tests of what the database itself refuses."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app import ids
from app.db import open_unit_of_work
from tests.credit.stage import NOON, Stage

TRANSFER = (
    "INSERT INTO ledger.transfer (id, from_account_id, to_account_id, amount_cents, reason, event_at, created_at)"
    " VALUES (:id, :payer, :payee, :cents, :reason, :at, :at)"
)
LOT = (
    "INSERT INTO lot (id, company_id, employee_id, programme_id, grant_id, kind, grace_of, amount_cents, valid_from,"
    " expires_on, created_at) VALUES (:id, :company, :employee, :programme, :grant, :kind, :grace_of, :cents,"
    " '2026-11-23', '2027-01-31', :at)"
)


async def run(session: AsyncSession, statements: Sequence[tuple[str, dict[str, Any]]]) -> None:
    for sql, values in statements:
        await session.execute(text(sql), values)
    await session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))


class Attacker:
    """Somebody with SQL; each refused statement leaves everything as it was."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    async def refused(self, guard: str, *statements: tuple[str, dict[str, Any]], role: str = "beatrice_app") -> None:
        async with self.stage.database.session() as session:
            await open_unit_of_work(session, role)
            with pytest.raises(DBAPIError) as refusal:
                await run(session, statements)
            await session.rollback()
        original = refusal.value.orig
        assert isinstance(original, psycopg.Error)
        found = original.diag.constraint_name or original.diag.sqlstate
        assert found == guard

    async def transfer_refused(
        self, guard: str, payer: UUID, payee: UUID, cents: int, reason: str, at: Any = NOON
    ) -> None:
        values = {"id": ids.new_id(), "payer": payer, "payee": payee, "cents": cents, "reason": reason, "at": at}
        await self.refused(guard, (TRANSFER, values))
