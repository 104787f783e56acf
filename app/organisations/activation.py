"""The moment an employment becomes a person's: invitation accepted, login linked, HR's address emptied."""

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import rows
from app.errors import NotFound
from app.events.actions import NewEvent, record
from app.identity.actions import issue_session
from app.identity.invitations import redeem_invitation
from app.identity.models import Locale
from app.identity.schemas import TokenRead
from app.organisations import beneficiaries, sealing
from app.organisations.errors import LoginDiffers

LOCK = (
    "SELECT id, company_id, user_id, given_name, family_name, sealed_fiscal_code, fiscal_code_index"
    " FROM employee WHERE id = :id FOR NO KEY UPDATE"
)
LINK = text("UPDATE employee SET user_id = :user_id, email = NULL, version = version + 1 WHERE id = :id")


async def accept_invitation(
    session: AsyncSession, token: str, password: str, activation_code: str | None, locale: Locale, address: str | None
) -> TokenRead:
    """Redeem an invitation to an employment or to roles, and log in."""
    redeemed = await redeem_invitation(session, token, password, activation_code, locale, address=address)
    if redeemed.employee_id is not None:
        await _link(session, redeemed.employee_id, redeemed.user_id)
    return await issue_session(session, redeemed.user_id)


async def _link(session: AsyncSession, employee_id: UUID, user_id: UUID) -> None:
    found = await rows(session, LOCK, id=employee_id)
    if not found:
        raise NotFound
    employee = found[0]
    await _one_login_per_person(session, employee, user_id)
    await session.execute(LINK, {"id": employee_id, "user_id": user_id})
    await beneficiaries.ensure_self(
        session,
        user_id,
        given_name=employee.given_name,
        family_name=employee.family_name,
        fiscal_code=sealing.open_fiscal_code(employee.sealed_fiscal_code, employee_id),
    )
    await record(session, NewEvent("employee.joined", "employee", employee_id, (employee.company_id,)))


async def _one_login_per_person(session: AsyncSession, employee: Any, user_id: UUID) -> None:  # noqa: ANN401 - a row
    """Refuse to hand a re-hired person's new employment to another login: HR could have chosen its address."""
    others = await rows(
        session,
        "SELECT 1 FROM employee WHERE company_id = :company_id AND fiscal_code_index = :index"
        " AND user_id IS NOT NULL AND user_id <> :user_id",
        company_id=employee.company_id, index=bytes(employee.fiscal_code_index), user_id=user_id,
    )  # fmt: skip
    if others or employee.user_id not in {None, user_id}:
        raise LoginDiffers
