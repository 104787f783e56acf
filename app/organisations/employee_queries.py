"""Rows of employments, always inside one company."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.db import rows
from app.errors import NotFound

COLUMNS = (
    "id, user_id, email, given_name, family_name, sealed_fiscal_code, fiscal_code_index, external_id, category,"
    " hired_on, ended_on, contract, contract_ends_on, probation_ends_on, unpaid_leave, agreement_code, version"
)
BATCH = 2_000
"""Rows per statement: far below the statement time-out, however slow the machine."""
STATUS = {
    "active": "user_id IS NOT NULL",
    "invited": "user_id IS NULL AND email IS NOT NULL",
    "not_invited": "user_id IS NULL AND email IS NULL",
}
TYPES = {
    "email": "text", "given_name": "text", "family_name": "text", "sealed_fiscal_code": "bytea",
    "fiscal_code_index": "bytea", "external_id": "text", "category": "text", "hired_on": "date", "ended_on": "date",
    "contract": "text", "contract_ends_on": "date", "probation_ends_on": "date", "unpaid_leave": "jsonb",
    "agreement_code": "text",
}  # fmt: skip
_NAMES = ", ".join(TYPES)
_ARRAYS = ", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in TYPES.items())
INSERT = (
    f"INSERT INTO employee (company_id, created_at, id, {_NAMES})"  # noqa: S608 - our own column list
    f" SELECT :company_id, :created_at, given.* FROM unnest(CAST(:id AS uuid[]), {_ARRAYS}) AS given"
)
UPDATE = (
    "UPDATE employee SET version = employee.version + 1, "  # noqa: S608 - our own column list
    + ", ".join(f"{name} = given.{name}" for name in TYPES)
    + f" FROM unnest(CAST(:id AS uuid[]), {_ARRAYS}) AS given (id, {_NAMES})"
    " WHERE employee.company_id = :company_id AND employee.id = given.id"
)


async def employees(
    session: AsyncSession,
    company_id: UUID,
    *,
    external_id: str | None,
    category: str | None,
    status: str | None,
    after: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[Any]:
    """Return a company's employees by id, filtered."""
    return await rows(
        session,
        f"SELECT {COLUMNS} FROM employee WHERE company_id = :company_id"  # noqa: S608 - our own column list
        " AND (CAST(:external_id AS text) IS NULL OR external_id = :external_id)"
        " AND (CAST(:category AS text) IS NULL OR category = :category)"
        f" AND {STATUS[status] if status else 'true'}"
        " AND (CAST(:after AS uuid) IS NULL OR id > CAST(:after AS uuid)) ORDER BY id LIMIT :limit",
        company_id=company_id, external_id=external_id, category=category,
        after=after[0] if after else None, limit=limit,
    )  # fmt: skip


async def employee(session: AsyncSession, company_id: UUID, employee_id: UUID, *, lock: bool = False) -> Any:  # noqa: ANN401
    found = await rows(
        session,
        f"SELECT {COLUMNS} FROM employee WHERE company_id = :company_id AND id = :id"  # noqa: S608 - our own columns
        + (" FOR NO KEY UPDATE" if lock else ""),
        company_id=company_id, id=employee_id,
    )  # fmt: skip
    if not found:
        raise NotFound
    return found[0]


async def lock_invitations(session: AsyncSession, company_id: UUID, employee_id: UUID | None = None) -> None:
    """Lock pending invitations before employees: acceptance takes them in this order."""
    await rows(
        session,
        "SELECT id FROM invitation WHERE organisation_id = :company_id AND ended_at IS NULL"
        " AND CASE WHEN CAST(:id AS uuid) IS NULL THEN employee_id IS NOT NULL ELSE employee_id = :id END"
        " ORDER BY id FOR NO KEY UPDATE",
        company_id=company_id,
        id=employee_id,
    )


async def withdraw_invitation(session: AsyncSession, employee_id: UUID) -> None:
    await session.execute(
        text("UPDATE invitation SET ended_at = :at WHERE employee_id = :id AND ended_at IS NULL"),
        {"at": clock.real(), "id": employee_id},
    )


async def lock_imports(session: AsyncSession, company_id: UUID) -> None:
    """Let one import of a company run at a time, so that two equal files do not both create."""
    await rows(
        session,
        "SELECT pg_advisory_xact_lock(hashtextextended('employee_import ' || CAST(:id AS text), 0))",
        id=str(company_id),
    )


async def matching(
    session: AsyncSession, company_id: UUID, external_ids: Sequence[str], indexes: Sequence[bytes]
) -> Sequence[Any]:
    """Lock and return every employment that a file could mean or collide with."""
    return await rows(
        session,
        f"SELECT {COLUMNS} FROM employee WHERE company_id = :company_id"  # noqa: S608 - our own column list
        " AND (fiscal_code_index = ANY(CAST(:indexes AS bytea[]))"
        "  OR ended_on IS NULL AND external_id = ANY(CAST(:external_ids AS text[])))"
        " ORDER BY id FOR NO KEY UPDATE",
        company_id=company_id, external_ids=list(external_ids), indexes=list(indexes),
    )  # fmt: skip


async def insert(
    session: AsyncSession, company_id: UUID, created_at: datetime, batch: Sequence[dict[str, Any]]
) -> None:
    await _store(session, INSERT, batch, company_id=company_id, created_at=created_at)


async def update(session: AsyncSession, company_id: UUID, batch: Sequence[dict[str, Any]]) -> None:
    await _store(session, UPDATE, batch, company_id=company_id)


async def _store(session: AsyncSession, sql: str, batch: Sequence[dict[str, Any]], **scalars: Any) -> None:  # noqa: ANN401
    for start in range(0, len(batch), BATCH):
        part = batch[start : start + BATCH]
        arrays = {name: [values[name] for values in part] for name in ("id", *TYPES)}
        await session.execute(text(sql), {**arrays, **scalars})


async def company_name(session: AsyncSession, company_id: UUID) -> str:
    found = await rows(session, "SELECT name FROM organisation WHERE id = :id", id=company_id)
    return str(found[0][0])
