"""What HR does with employments. After activation login and contact are out of its reach."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.actor import Actor
from app.audit import actions as audit
from app.employees import employments, importing, queries
from app.employees.importing import Given
from app.employees.queries import EmployeeRow
from app.employees.schemas import EmployeeCreate, EmployeeUpdate
from app.errors import AppError, Invalid, NotFound, PreconditionFailed, StateConflict
from app.files import csv
from app.files.csv import RowError
from app.files.errors import ImportRefused
from app.identity import attempts
from app.identity.invitations import EmployeeInvitation, invite_employees

MAILS_PER_EMPLOYEE = 10
"""Invitations per hour to one employee: HR must not flood a mailbox."""


@dataclass(frozen=True)
class Imported:
    """What an import did, or with `dry_run` would do."""

    created: int
    updated: int
    unchanged: int
    errors: list[RowError]


async def create_employee(session: AsyncSession, company_id: UUID, data: EmployeeCreate) -> EmployeeRow:
    """Add an employment; with an e-mail address the person is invited."""
    row = employments.created(data, ids.new_id())
    _check(row)
    await queries.insert(session, company_id, [row])
    await _invite(session, company_id, [row])
    return row


async def update_employee(
    session: AsyncSession, actor: Actor, company_id: UUID, employee_id: UUID, version: int, data: EmployeeUpdate
) -> EmployeeRow:
    """Change an employment; a new address before activation replaces the invitation, none withdraws it."""
    await queries.lock_invitations(session, company_id, employee_id)
    old = await queries.employee(session, company_id, employee_id, lock=True)
    if old.version != version:
        raise PreconditionFailed
    row = employments.merged(old, data)
    if old.user_id is not None:
        if "email" in data.model_fields_set:
            raise StateConflict("active", "Login and contact belong to the person.")
        if row.fiscal_code_index != old.fiscal_code_index:
            raise StateConflict("active", "The fiscal code of a person with an active login is fixed.")
    _check(row)
    if row == old:
        return old
    await queries.change(session, company_id, [row])
    await audit.record(session, actor, "employee.update", "employee", employee_id)
    if row.email != old.email:
        await _count_mail(session, employee_id)
        if row.email is None:
            await queries.withdraw_invitation(session, employee_id)
        await _invite(session, company_id, [row])
    return replace(row, version=old.version + 1)


async def invite_again(session: AsyncSession, company_id: UUID, employee_id: UUID) -> EmployeeRow:
    """Send the first invitation once more; the earlier link stops working."""
    await queries.lock_invitations(session, company_id, employee_id)
    row = await queries.employee(session, company_id, employee_id, lock=True)
    if error := _not_invitable(row):
        raise error
    await _count_mail(session, employee_id)
    await _invite(session, company_id, [row])
    return row


async def invite_many(
    session: AsyncSession, company_id: UUID, employee_ids: Sequence[UUID]
) -> dict[UUID, AppError | None]:
    """Send the first invitation of each once more, and say of whom it was refused and why."""
    await queries.lock_invitations(session, company_id)
    found = {
        row.id: row for row in await queries.LOCK_TO_INVITE.all(session, company_id=company_id, ids=list(employee_ids))
    }
    refused = {one: _not_invitable(found.get(one)) for one in employee_ids}
    invited = [found[one] for one, error in refused.items() if error is None]
    await _count_mail(session, *(row.id for row in invited))
    await _invite(session, company_id, invited)
    return refused


def _not_invitable(row: EmployeeRow | None) -> AppError | None:
    if row is None:
        return NotFound()
    if row.status == "active":
        return StateConflict(row.status, "The person has activated the login.")
    if row.ended_on is not None and row.ended_on < clock.today():
        return StateConflict("left", "The employment has ended.")
    if row.status == "not_invited":
        return StateConflict(row.status, "There is no e-mail address to send an invitation to.")
    return None


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
    plan = await asyncio.to_thread(importing.plan, given, rows)
    errors = sorted([*errors, *plan.errors], key=lambda error: (error.row, error.field or ""))
    if errors and not dry_run:
        raise ImportRefused(errors=_pointers(errors), created=0, updated=0, unchanged=0)
    if not dry_run:
        await queries.insert(session, company_id, plan.creates)
        await queries.change(session, company_id, plan.updates)
        if plan.creates or plan.updates:
            await audit.record(session, actor, "employee.import", "organisation", company_id)
        new = {row.id for row in plan.creates}
        await _count_mail(session, *(row.id for row in plan.invitations if row.id not in new))
        await _invite(session, company_id, plan.invitations)
    return Imported(len(plan.creates), len(plan.updates), plan.unchanged, errors)


def _parse(raw: bytes) -> tuple[list[Given], list[RowError]]:
    return importing.parse(csv.read(raw, importing.COLUMNS))


def _pointers(errors: list[RowError]) -> list[dict[str, object]]:
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


def _check(row: EmployeeRow) -> None:
    found = [(f"/{name}", code, detail) for name, code, detail in employments.problems(row)]
    if found:
        raise Invalid(*found[0], *found[1:])


async def _count_mail(session: AsyncSession, *employee_ids: UUID) -> None:
    if employee_ids:
        limits = {attempts.key("invitation", str(one)): MAILS_PER_EMPLOYEE for one in employee_ids}
        await attempts.count(session, limits)


async def _invite(session: AsyncSession, company_id: UUID, employees: list[EmployeeRow]) -> None:
    """Invite whoever has an address and has not left."""
    today = clock.today()
    invited = [
        (row.id, row.email)
        for row in employees
        if row.email is not None and (row.ended_on is None or row.ended_on >= today)
    ]
    if not invited:
        return
    company_name = await queries.company_name(session, company_id)
    for start in range(0, len(invited), queries.BATCH):
        await invite_employees(
            session,
            [
                EmployeeInvitation(
                    email=email, organisation_id=company_id, organisation_name=company_name, employee_id=employee_id
                )
                for employee_id, email in invited[start : start + queries.BATCH]
            ],
        )
