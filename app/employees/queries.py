"""Rows of employments, always inside one company but for a person's own."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import Field, TypeAdapter
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, sealing
from app.db import HR, NOTHING, Query
from app.employees.models import Contract
from app.employees.schemas import Status
from app.errors import NotFound
from app.identity.models import Invitation
from app.listing import ListQuery
from app.organisations.models import Organisation
from app.rules.decisions import Reading

BATCH = 2_000
"""Rows per statement: far below the statement time-out, however slow the machine."""


@dataclass(frozen=True, slots=True)
class Employment:
    """An employment as funding and bookings need it; days are inclusive."""

    employee_id: UUID
    company_id: UUID
    company_name: str
    relatives_reading: Reading
    category: str
    hired_on: date
    ended_on: date | None


@dataclass(frozen=True, slots=True)
class Leave:
    """Days of unpaid leave, both included."""

    start: Annotated[date, Field(alias="from")]
    end: Annotated[date, Field(alias="to")]


LEAVES = TypeAdapter(tuple[Leave, ...])


@dataclass(frozen=True, slots=True)
class EmployeeRow:
    """An employment as it is stored, or as a request or a row of a file would have it stored."""

    id: UUID
    user_id: UUID | None
    email: str | None
    given_name: str
    family_name: str
    sealed_fiscal_code: bytes
    fiscal_code_index: bytes
    external_id: str | None
    category: str
    hired_on: date
    ended_on: date | None
    contract: Contract
    contract_ends_on: date | None
    probation_ends_on: date | None
    unpaid_leave: tuple[Leave, ...]
    agreement_code: str | None
    version: int

    @property
    def status(self) -> Status:
        if self.user_id is not None:
            return "active"
        return "invited" if self.email is not None else "not_invited"

    @property
    def fiscal_code(self) -> str:
        return sealing.open_fiscal_code(self.sealed_fiscal_code, self.id)


@dataclass(frozen=True, slots=True)
class CategoryCount:
    """A group of staff by the company's own word, and how many work in it today."""

    category: str
    employee_count: int


WRITTEN = (
    "id", "email", "given_name", "family_name", "sealed_fiscal_code", "fiscal_code_index", "external_id", "category",
    "hired_on", "ended_on", "contract", "contract_ends_on", "probation_ends_on", "agreement_code",
)  # fmt: skip
"""The columns that HR's statements write as they are; never user_id."""
EMPLOYMENTS_OF = Query(Employment, "employees.employments_of")
EMPLOYEES = ListQuery(
    EmployeeRow,
    "employees.employees",
    {"created_at": "id uuid", "family_name": "family_name text, given_name text, id uuid"},
    roles=(HR,),
)
EXPORTED = Query(EmployeeRow, "employees.exported", roles=(HR,))
EMPLOYEE_CATEGORIES = ListQuery(
    CategoryCount, "employees.employee_categories", {"category": "category text"}, roles=(HR,)
)
LOCK_TO_INVITE = Query(EmployeeRow, "employees.lock_to_invite", roles=(HR,))
EMPLOYEE = Query(EmployeeRow, "employees.employee", roles=(HR,))
LOCK_EMPLOYEE = Query(EmployeeRow, "employees.lock_employee", roles=(HR,))
LOCK_MATCHING = Query(EmployeeRow, "employees.lock_matching", roles=(HR,))
INSERT = Query(NOTHING, "employees.insert_employees", roles=(HR,))
UPDATE = Query(NOTHING, "employees.update_employees", roles=(HR,))
LOCK_INVITATIONS = Query(UUID, "employees.lock_invitations", roles=(HR,))
LOCK_IMPORTS = Query(NOTHING, "employees.lock_imports", roles=(HR,))


async def employments_of(session: AsyncSession, user_id: UUID) -> list[Employment]:
    """Return a person's employments, ended ones too: their credit may outlive them by the programme's rule."""
    return await EMPLOYMENTS_OF.all(session, user_id=user_id)


async def employee(session: AsyncSession, company_id: UUID, employee_id: UUID, *, lock: bool = False) -> EmployeeRow:
    statement = LOCK_EMPLOYEE if lock else EMPLOYEE
    found = await statement.maybe(session, company_id=company_id, id=employee_id)
    if found is None:
        raise NotFound
    return found


async def lock_invitations(session: AsyncSession, company_id: UUID, employee_id: UUID | None = None) -> None:
    """Lock pending invitations before employees: acceptance takes them in this order."""
    await LOCK_INVITATIONS.run(session, company_id=company_id, employee_id=employee_id)


async def withdraw_invitation(session: AsyncSession, employee_id: UUID) -> None:
    pending = update(Invitation).where(Invitation.employee_id == employee_id, Invitation.ended_at.is_(None))
    await session.execute(pending.values(ended_at=clock.real()))


async def lock_imports(session: AsyncSession, company_id: UUID) -> None:
    """Let one import of a company run at a time."""
    await LOCK_IMPORTS.run(session, company_id=str(company_id))


async def matching(
    session: AsyncSession, company_id: UUID, external_ids: Sequence[str], indexes: Sequence[bytes]
) -> list[EmployeeRow]:
    """Lock and return every employment that a file could mean or collide with."""
    return await LOCK_MATCHING.all(
        session, company_id=company_id, external_ids=list(external_ids), indexes=list(indexes)
    )


async def insert(session: AsyncSession, company_id: UUID, employees: Sequence[EmployeeRow]) -> None:
    await _store(session, INSERT, employees, company_id=company_id, created_at=clock.now())


async def change(session: AsyncSession, company_id: UUID, employees: Sequence[EmployeeRow]) -> None:
    await _store(session, UPDATE, employees, company_id=company_id, noted_at=clock.now())


async def _store(
    session: AsyncSession, statement: Query[None], employees: Sequence[EmployeeRow], **scalars: object
) -> None:
    for start in range(0, len(employees), BATCH):
        batch = employees[start : start + BATCH]
        arrays = {name: [getattr(one, name) for one in batch] for name in WRITTEN}
        leave = [LEAVES.dump_json(one.unpaid_leave, by_alias=True).decode() for one in batch]
        await statement.run(session, **arrays, **scalars, unpaid_leave=leave)


async def company_name(session: AsyncSession, company_id: UUID) -> str:
    return (await session.scalars(select(Organisation.name).where(Organisation.id == company_id))).one()
