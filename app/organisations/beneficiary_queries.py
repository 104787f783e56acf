"""Rows of beneficiaries, always of one person; their facts for decisions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, cast
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.db import rows
from app.errors import NotFound
from app.rules.beneficiary import BeneficiaryFacts, Certificate, Period, Relation

COLUMNS = (
    "id, user_id, relation, given_name, family_name, birth_date, sealed_fiscal_code, phone, street, postcode,"
    " istat_code, sealed_access_notes, cohabitation, maintained, dependent_years, certificates, version"
)


@dataclass(frozen=True)
class BeneficiaryForCare:
    """What quotes and bookings need: facts, their version, and the municipality of the address (null: none given)."""

    id: UUID
    version: int
    facts: BeneficiaryFacts
    istat_code: str | None


async def beneficiaries(
    session: AsyncSession, user_id: UUID, after: tuple[Any, ...] | None, limit: int
) -> Sequence[Any]:
    return await rows(
        session,
        f"SELECT {COLUMNS} FROM care.beneficiary WHERE user_id = :user_id AND ended_at IS NULL"  # noqa: S608 - ours
        " AND (CAST(:after AS uuid) IS NULL OR id > CAST(:after AS uuid)) ORDER BY id LIMIT :limit",
        user_id=user_id, after=after[0] if after else None, limit=limit,
    )  # fmt: skip


async def beneficiary(session: AsyncSession, user_id: UUID, beneficiary_id: UUID, *, lock: bool = False) -> Any:  # noqa: ANN401
    found = await rows(
        session,
        f"SELECT {COLUMNS} FROM care.beneficiary"  # noqa: S608 - our own column list
        " WHERE user_id = :user_id AND id = :id AND ended_at IS NULL" + (" FOR NO KEY UPDATE" if lock else ""),
        user_id=user_id, id=beneficiary_id,
    )  # fmt: skip
    if not found:
        raise NotFound
    return found[0]


async def family(session: AsyncSession, user_id: UUID) -> Sequence[Any]:
    """Return relation, birth date and id of everybody the person looks after, and of the person."""
    return await rows(
        session,
        "SELECT id, relation, birth_date FROM care.beneficiary WHERE user_id = :user_id AND ended_at IS NULL",
        user_id=user_id,
    )


async def for_care(session: AsyncSession, user_id: UUID, beneficiary_id: UUID) -> BeneficiaryForCare:
    """Return the facts of one of the person's beneficiaries; without an own address the employee's counts."""
    row = await beneficiary(session, user_id, beneficiary_id)
    istat_code = row.istat_code
    if istat_code is None:
        own = await rows(
            session,
            "SELECT istat_code FROM care.beneficiary WHERE user_id = :user_id AND relation = 'self'",
            user_id=user_id,
        )
        istat_code = own[0][0] if own else None
    return BeneficiaryForCare(row.id, row.version, facts_of(row), istat_code)


def facts_of(row: Any) -> BeneficiaryFacts:  # noqa: ANN401 - a row
    """Map a row's facts to what the rules ask for."""
    return BeneficiaryFacts(
        relation=cast("Relation", row.relation),
        birth_date=row.birth_date,
        cohabitation=_periods(row.cohabitation),
        maintained=_periods(row.maintained),
        dependent_years=frozenset(row.dependent_years),
        certificates=tuple(
            Certificate(item["kind"], _period(item["valid_from"], item["valid_to"])) for item in row.certificates
        ),
    )


def _periods(items: Sequence[dict[str, Any]]) -> tuple[Period, ...]:
    return tuple(_period(item["from"], item["to"]) for item in items)


def _period(start: str, end: str | None) -> Period:
    return Period(date.fromisoformat(start), None if end is None else date.fromisoformat(end))
