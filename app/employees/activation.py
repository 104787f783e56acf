"""The moment an employment becomes a person's: invitation accepted, login linked, HR's address emptied."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import exists, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app import sealing
from app.actor import Locale
from app.beneficiaries import actions as beneficiaries
from app.db import Query
from app.employees.errors import LoginDiffers
from app.employees.models import Employee
from app.errors import NotFound
from app.events.actions import NewEvent, record
from app.identity import second_factor, sessions
from app.identity.invitations import redeem_invitation
from app.identity.schemas import TokenRead
from app.organisations import members


@dataclass(frozen=True, slots=True)
class EmployeeToLink:
    company_id: UUID
    user_id: UUID | None
    given_name: str
    family_name: str
    sealed_fiscal_code: bytes
    fiscal_code_index: bytes


LOCK_TO_LINK = Query(EmployeeToLink, "employees.lock_to_link")


async def accept_invitation(
    session: AsyncSession,
    token: str,
    password: str,
    activation_code: str | None,
    otp: str | None,
    locale: Locale,
    address: str | None,
) -> TokenRead:
    """Redeem an invitation to an employment or to roles, and log in."""
    redeemed = await redeem_invitation(session, token, password, activation_code, locale, address=address)
    factor = await second_factor.check_if_there(session, redeemed.user_id, otp)
    if redeemed.employee_id is not None:
        await _link(session, redeemed.employee_id, redeemed.user_id)
    else:
        await members.admit(session, redeemed)
    return await sessions.begin(session, redeemed.user_id, by_second_factor=factor)


async def _link(session: AsyncSession, employee_id: UUID, user_id: UUID) -> None:
    employee = await LOCK_TO_LINK.maybe(session, id=employee_id)
    if employee is None:
        raise NotFound
    await _one_login_per_person(session, employee, user_id)
    linked = update(Employee).where(Employee.id == employee_id)
    await session.execute(linked.values(user_id=user_id, email=None, version=Employee.version + 1))
    await beneficiaries.ensure_self(
        session,
        user_id,
        given_name=employee.given_name,
        family_name=employee.family_name,
        fiscal_code=sealing.open_fiscal_code(employee.sealed_fiscal_code, employee_id),
    )
    await record(session, NewEvent("employee.joined", "employee", employee_id, (employee.company_id,)))


async def _one_login_per_person(session: AsyncSession, employee: EmployeeToLink, user_id: UUID) -> None:
    """Refuse to hand a re-hired person's new employment to another login: HR could have chosen its address."""
    others = exists().where(
        Employee.company_id == employee.company_id,
        Employee.fiscal_code_index == employee.fiscal_code_index,
        Employee.user_id != user_id,
    )
    if await session.scalar(select(others)) or employee.user_id not in {None, user_id}:
        raise LoginDiffers
