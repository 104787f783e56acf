"""Rows of beneficiaries, always of one person; their facts for decisions."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, sealing
from app.beneficiaries.details import Details, StoredCertificate, StoredPeriod, open_details, seal_details
from app.beneficiaries.models import Beneficiary
from app.beneficiaries.schemas import HomeAddressRead
from app.db import NOTHING, Query
from app.errors import NotFound
from app.listing import Found, ListQuery, Window
from app.rules.beneficiary import BeneficiaryFacts, Certificate, Period, Relation


@dataclass(frozen=True, slots=True)
class StoredBeneficiary:
    """A row as it is stored."""

    id: UUID
    relation: Relation
    given_name: str
    family_name: str
    sealed_fiscal_code: bytes | None
    istat_code: str | None
    sealed_access_notes: bytes | None
    sealed_details: bytes
    version: int


@dataclass(frozen=True, slots=True)
class BeneficiaryRow:
    """A beneficiary with its details open, or as a request would have it stored."""

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
    dependent_years: tuple[int, ...]
    certificates: tuple[StoredCertificate, ...]
    died_on: date | None
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

    @property
    def details(self) -> Details:
        return Details(**{one.name: getattr(self, one.name) for one in fields(Details)})


PLAIN = ("relation", "given_name", "family_name", "sealed_fiscal_code", "istat_code", "sealed_access_notes")
"""The columns that are written as they are."""
BENEFICIARIES = ListQuery(StoredBeneficiary, "beneficiaries.beneficiaries", {"created_at": "id uuid"})
BENEFICIARY = Query(StoredBeneficiary, "beneficiaries.beneficiary")
LOCK_BENEFICIARY = Query(StoredBeneficiary, "beneficiaries.lock_beneficiary")
ENSURE_SELF = Query(NOTHING, "beneficiaries.ensure_self")


@dataclass(frozen=True)
class BeneficiaryForCare:
    """What quotes and bookings need: facts, their version, and the municipality of the address (null: none given)."""

    id: UUID
    version: int
    facts: BeneficiaryFacts
    istat_code: str | None
    died_on: date | None


async def beneficiaries(session: AsyncSession, user_id: UUID, window: Window) -> Found[BeneficiaryRow]:
    return (await BENEFICIARIES.page(session, window, user_id=user_id)).each(_opened)


async def beneficiary(
    session: AsyncSession, user_id: UUID, beneficiary_id: UUID, *, lock: bool = False
) -> BeneficiaryRow:
    statement = LOCK_BENEFICIARY if lock else BENEFICIARY
    found = await statement.maybe(session, user_id=user_id, id=beneficiary_id)
    if found is None:
        raise NotFound
    return _opened(found)


def _opened(stored: StoredBeneficiary) -> BeneficiaryRow:
    details = open_details(stored.sealed_details, stored.id)
    return BeneficiaryRow(
        id=stored.id,
        relation=stored.relation,
        given_name=stored.given_name,
        family_name=stored.family_name,
        sealed_fiscal_code=stored.sealed_fiscal_code,
        istat_code=stored.istat_code,
        sealed_access_notes=stored.sealed_access_notes,
        version=stored.version,
        **{one.name: getattr(details, one.name) for one in fields(Details)},
    )


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
    others = select(Beneficiary.id, Beneficiary.relation, Beneficiary.sealed_details).where(
        Beneficiary.user_id == user_id, Beneficiary.ended_at.is_(None), Beneficiary.id != but
    )
    found = (await session.execute(others)).all()
    return [(relation, open_details(sealed, row_id).birth_date) for row_id, relation, sealed in found]


async def years_with_children(session: AsyncSession, user_ids: Sequence[UUID]) -> dict[UUID, frozenset[int]]:
    """Return for each of these people the tax years in which some child depends on the person for tax."""
    children = select(Beneficiary.id, Beneficiary.user_id, Beneficiary.sealed_details).where(
        Beneficiary.user_id.in_(user_ids), Beneficiary.relation == "child", Beneficiary.ended_at.is_(None)
    )
    years: dict[UUID, frozenset[int]] = dict.fromkeys(user_ids, frozenset())
    for row_id, user_id, sealed in (await session.execute(children)).all():
        years[user_id] |= frozenset(open_details(sealed, row_id).dependent_years)
    return years


async def for_care(session: AsyncSession, user_id: UUID, beneficiary_id: UUID) -> BeneficiaryForCare:
    """Return the facts of one of the person's beneficiaries; without an own address the employee's counts."""
    row = await beneficiary(session, user_id, beneficiary_id)
    istat_code = row.istat_code
    if istat_code is None:
        own = select(Beneficiary.istat_code).where(Beneficiary.user_id == user_id, Beneficiary.relation == "self")
        istat_code = await session.scalar(own)
    return BeneficiaryForCare(row.id, row.version, facts_of(row), istat_code, row.died_on)


async def known_of(session: AsyncSession, beneficiary_id: UUID) -> tuple[BeneficiaryFacts, date | None]:
    """Return the facts about somebody for whom something is booked, also when taken out of the list, and a death."""
    row = (await session.execute(select(Beneficiary).where(Beneficiary.id == beneficiary_id))).scalar_one()
    details = open_details(row.sealed_details, row.id)
    return _facts(row.relation, details), details.died_on


def facts_of(row: BeneficiaryRow) -> BeneficiaryFacts:
    """Map a row's facts to what the rules ask for."""
    return _facts(row.relation, row.details)


def _facts(relation: Relation, known: Details) -> BeneficiaryFacts:
    return BeneficiaryFacts(
        relation=relation,
        birth_date=known.birth_date,
        cohabitation=_periods(known.cohabitation),
        maintained=_periods(known.maintained),
        dependent_years=frozenset(known.dependent_years),
        certificates=tuple(Certificate(one.kind, Period(one.valid_from, one.valid_to)) for one in known.certificates),
    )


def _periods(stored: Sequence[StoredPeriod]) -> tuple[Period, ...]:
    return tuple(Period(one.start, one.end) for one in stored)


def _columns(row: BeneficiaryRow) -> dict[str, object]:
    columns: dict[str, object] = {name: getattr(row, name) for name in PLAIN}
    return columns | {"sealed_details": seal_details(row.details, row.id)}
