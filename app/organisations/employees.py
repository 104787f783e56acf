"""What HR does with employments. After activation login and contact are out of its reach."""

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.actor import Actor
from app.audit import actions as audit
from app.errors import Invalid, PreconditionFailed, StateConflict
from app.identity import attempts
from app.identity.invitations import EmployeeInvitation, invite_employees
from app.organisations import csv_files, employee_csv, employments
from app.organisations import employee_queries as queries
from app.organisations.csv_files import RowError
from app.organisations.employee_csv import Given
from app.organisations.employments import Values
from app.organisations.errors import ImportRefused
from app.organisations.people_schemas import EmployeeCreate, EmployeeUpdate

MAILS_PER_EMPLOYEE = 10
"""Invitations per hour to one employee: HR must not flood a mailbox."""


@dataclass(frozen=True)
class Imported:
    """What an import did, or with `dry_run` would do."""

    created: int
    updated: int
    unchanged: int
    errors: list[RowError]


async def create_employee(session: AsyncSession, actor: Actor, company_id: UUID, data: EmployeeCreate) -> Any:  # noqa: ANN401 - a row
    """Add an employment; with an e-mail address the person is invited."""
    values = employments.created(data, ids.new_id())
    _check(values)
    await queries.insert(session, company_id, clock.now(), [values])
    await audit.record(session, actor, "employee.create", "employee", values["id"])
    await _invite(session, company_id, [values])
    return await queries.employee(session, company_id, values["id"])


async def update_employee(
    session: AsyncSession, actor: Actor, company_id: UUID, employee_id: UUID, version: int, data: EmployeeUpdate
) -> Any:  # noqa: ANN401 - a row
    """Change an employment; a new address before activation replaces the invitation, none withdraws it."""
    await queries.lock_invitations(session, company_id, employee_id)
    row = await queries.employee(session, company_id, employee_id, lock=True)
    if row.version != version:
        raise PreconditionFailed
    old, values = employments.stored(row), employments.merged(row, data)
    if row.user_id is not None:
        if "email" in data.model_fields_set:
            raise StateConflict("active", "Login and contact belong to the person.")
        if values["fiscal_code_index"] != old["fiscal_code_index"]:
            raise StateConflict("active", "The fiscal code of a person with an active login is fixed.")
    _check(values)
    if values == old:
        return row
    await queries.update(session, company_id, [values])
    await audit.record(session, actor, "employee.update", "employee", employee_id)
    if values["email"] != old["email"]:
        await _count_mail(session, employee_id)
        if values["email"] is None:
            await queries.withdraw_invitation(session, employee_id)
        await _invite(session, company_id, [values])
    return await queries.employee(session, company_id, employee_id)


async def invite_again(session: AsyncSession, actor: Actor, company_id: UUID, employee_id: UUID) -> Any:  # noqa: ANN401
    """Send the first invitation once more; the earlier link stops working."""
    await queries.lock_invitations(session, company_id, employee_id)
    row = await queries.employee(session, company_id, employee_id, lock=True)
    status = employments.status_of(row)
    if status == "active":
        raise StateConflict(status, "The person has activated the login.")
    if status == "not_invited":
        raise StateConflict(status, "There is no e-mail address to send an invitation to.")
    await _count_mail(session, employee_id)
    await audit.record(session, actor, "employee.invite", "employee", employee_id)
    await _invite(session, company_id, [employments.stored(row)])
    return row


async def import_employees(
    session: AsyncSession, actor: Actor, company_id: UUID, raw: bytes, *, dry_run: bool
) -> Imported:
    """Apply a file, all or nothing: one lookup, one INSERT, one UPDATE, one batch of invitations."""
    # Seconds of pure computing for the largest files: other requests go on meanwhile.
    given, errors = await asyncio.to_thread(_parse, raw)
    await queries.lock_imports(session, company_id)
    await queries.lock_invitations(session, company_id)
    external_ids = [one.data.external_id for one in given if one.data.external_id is not None]
    rows = await queries.matching(session, company_id, external_ids, [one.index for one in given])
    plan = await asyncio.to_thread(employee_csv.plan, given, rows)
    errors = sorted([*errors, *plan.errors], key=lambda error: (error.row, error.field or ""))
    if errors and not dry_run:
        raise ImportRefused(errors=_pointers(errors), created=0, updated=0, unchanged=0)
    if not dry_run:
        await queries.insert(session, company_id, clock.now(), plan.creates)
        await queries.update(session, company_id, plan.updates)
        if plan.creates or plan.updates:
            await audit.record(session, actor, "employee.import", "organisation", company_id)
        new = {values["id"] for values in plan.creates}
        await _count_mail(session, *(values["id"] for values in plan.invitations if values["id"] not in new))
        await _invite(session, company_id, plan.invitations)
    return Imported(len(plan.creates), len(plan.updates), plan.unchanged, errors)


def _parse(raw: bytes) -> tuple[list[Given], list[RowError]]:
    return employee_csv.parse(csv_files.read(raw, employee_csv.COLUMNS))


def _pointers(errors: list[RowError]) -> list[dict[str, Any]]:
    """Name each place twice: as every problem does, and as the dry run does."""
    return [
        {
            "row": error.row,
            "field": error.field,
            "pointer": f"/rows/{error.row}" + (f"/{error.field}" if error.field else ""),
            "code": error.code,
            "detail": error.detail,
        }
        for error in errors
    ]


def _check(values: Values) -> None:
    found = [(f"/{name}", code, detail) for name, code, detail in employments.problems(values)]
    if found:
        raise Invalid(*found[0], *found[1:])


async def _count_mail(session: AsyncSession, *employee_ids: UUID) -> None:
    if employee_ids:
        limits = {attempts.key("invitation", str(one)): MAILS_PER_EMPLOYEE for one in employee_ids}
        await attempts.count(session, limits)


async def _invite(session: AsyncSession, company_id: UUID, batch: list[Values]) -> None:
    """Invite whoever has an address and has not left."""
    today = clock.today()
    invited = [
        values
        for values in batch
        if values["email"] is not None and (values["ended_on"] is None or values["ended_on"] >= today)
    ]
    if not invited:
        return
    company_name = await queries.company_name(session, company_id)
    for start in range(0, len(invited), queries.BATCH):
        await invite_employees(
            session,
            [
                EmployeeInvitation(
                    email=values["email"],
                    organisation_id=company_id,
                    organisation_name=company_name,
                    employee_id=values["id"],
                )
                for values in invited[start : start + queries.BATCH]
            ],
        )
