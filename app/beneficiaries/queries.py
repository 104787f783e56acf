"""Rows of beneficiaries, always of one person; their facts for decisions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, TypeAdapter
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, sealing
from app.beneficiaries.models import Beneficiary
from app.beneficiaries.schemas import HomeAddressRead
from app.db import NOTHING, Query
from app.errors import NotFound
from app.rules.beneficiary import BeneficiaryFacts, Certificate, Period, Relation


@dataclass(frozen=True, slots=True)
class StoredPeriod:
    """Days from `start` to `end`, both included, as the column has them; an open end is None."""

    start: Annotated[date, Field(alias="from")]
    end: Annotated[date | None, Field(alias="to")]


@dataclass(frozen=True, slots=True)
class StoredCertificate:
    kind: Literal["non_self_sufficient"]
    valid_from: date
    valid_to: date | None


PERIODS = TypeAdapter(tuple[StoredPeriod, ...])
CERTIFICATES = TypeAdapter(tuple[StoredCertificate, ...])


@dataclass(frozen=True, slots=True)
class BeneficiaryRow:
    """A beneficiary as stored, or as a request would have it stored."""

    id: UUID
    relation: Relation
    given_name: str
    family_name: str
    birth_date: date
    sealed_fiscal_code: bytes | None
    phone: str | None
    street: str | None
    postcode: str | None
    istat_code: str | None
    sealed_access_notes: bytes | None
    cohabitation: tuple[StoredPeriod, ...]
    maintained: tuple[StoredPeriod, ...]
    dependent_years: list[int]
    certificates: tuple[StoredCertificate, ...]
    version: int

    @property
    def fiscal_code(self) -> str | None:
        return None if self.sealed_fiscal_code is None else sealing.open_fiscal_code(self.sealed_fiscal_code, self.id)

    @property
    def access_notes(self) -> str | None:
        sealed = self.sealed_access_notes
        return None if sealed is None else sealing.open_access_notes(sealed, self.id)

    @property
    def address(self) -> HomeAddressRead | None:
        return None if self.istat_code is None else HomeAddressRead.model_validate(self)


PLAIN = (
    "relation", "given_name", "family_name", "birth_date", "sealed_fiscal_code", "phone", "street", "postcode",
    "istat_code", "sealed_access_notes", "dependent_years",
)  # fmt: skip
"""The columns that are written as they are."""
BENEFICIARIES = Query(BeneficiaryRow, "beneficiaries.beneficiaries")
BENEFICIARY = Query(BeneficiaryRow, "beneficiaries.beneficiary")
LOCK_BENEFICIARY = Query(BeneficiaryRow, "beneficiaries.lock_beneficiary")
ENSURE_SELF = Query(NOTHING, "beneficiaries.ensure_self")


@dataclass(frozen=True)
class BeneficiaryForCare:
    """What quotes and bookings need: facts, their version, and the municipality of the address (null: none given)."""

    id: UUID
    version: int
    facts: BeneficiaryFacts
    istat_code: str | None


async def beneficiaries(session: AsyncSession, user_id: UUID, after: UUID | None, limit: int) -> list[BeneficiaryRow]:
    return await BENEFICIARIES.all(session, user_id=user_id, after=after, limit=limit)


async def beneficiary(
    session: AsyncSession, user_id: UUID, beneficiary_id: UUID, *, lock: bool = False
) -> BeneficiaryRow:
    statement = LOCK_BENEFICIARY if lock else BENEFICIARY
    found = await statement.maybe(session, user_id=user_id, id=beneficiary_id)
    if found is None:
        raise NotFound
    return found


async def add(session: AsyncSession, user_id: UUID, row: BeneficiaryRow) -> None:
    created = insert(Beneficiary).values(id=row.id, user_id=user_id, created_at=clock.now(), **_columns(row))
    await session.execute(created)


async def change(session: AsyncSession, user_id: UUID, row: BeneficiaryRow) -> None:
    changed = update(Beneficiary).where(Beneficiary.id == row.id, Beneficiary.user_id == user_id)
    await session.execute(changed.values(version=Beneficiary.version + 1, **_columns(row)))


async def archive(session: AsyncSession, beneficiary_id: UUID, at: datetime) -> None:
    archived = update(Beneficiary).where(Beneficiary.id == beneficiary_id)
    await session.execute(archived.values(ended_at=at, version=Beneficiary.version + 1))


async def family(session: AsyncSession, user_id: UUID, *, but: UUID) -> Sequence[tuple[Relation, date]]:
    """Return relation and birth date of the person and of everybody the person looks after, one left out."""
    others = select(Beneficiary.relation, Beneficiary.birth_date).where(
        Beneficiary.user_id == user_id, Beneficiary.ended_at.is_(None), Beneficiary.id != but
    )
    return (await session.execute(others)).all()


async def for_care(session: AsyncSession, user_id: UUID, beneficiary_id: UUID) -> BeneficiaryForCare:
    """Return the facts of one of the person's beneficiaries; without an own address the employee's counts."""
    row = await beneficiary(session, user_id, beneficiary_id)
    istat_code = row.istat_code
    if istat_code is None:
        own = select(Beneficiary.istat_code).where(Beneficiary.user_id == user_id, Beneficiary.relation == "self")
        istat_code = await session.scalar(own)
    return BeneficiaryForCare(row.id, row.version, facts_of(row), istat_code)


def facts_of(row: BeneficiaryRow) -> BeneficiaryFacts:
    """Map a row's facts to what the rules ask for."""
    return BeneficiaryFacts(
        relation=row.relation,
        birth_date=row.birth_date,
        cohabitation=_periods(row.cohabitation),
        maintained=_periods(row.maintained),
        dependent_years=frozenset(row.dependent_years),
        certificates=tuple(Certificate(one.kind, Period(one.valid_from, one.valid_to)) for one in row.certificates),
    )


def _periods(stored: Sequence[StoredPeriod]) -> tuple[Period, ...]:
    return tuple(Period(one.start, one.end) for one in stored)


def _columns(row: BeneficiaryRow) -> dict[str, object]:
    columns: dict[str, object] = {name: getattr(row, name) for name in PLAIN}
    return columns | {
        "cohabitation": PERIODS.dump_python(row.cohabitation, mode="json", by_alias=True),
        "maintained": PERIODS.dump_python(row.maintained, mode="json", by_alias=True),
        "certificates": CERTIFICATES.dump_python(row.certificates, mode="json"),
    }
