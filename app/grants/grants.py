"""Grants: drafted by one person, approved by another, whole or not at all.

Whoever moves a grant locks the company's account first, so that two approvals never spend the same money.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.actor import Actor
from app.credit import batches
from app.errors import Invalid, NotFound, StateConflict
from app.events.actions import NewEvent
from app.events.actions import record as record_event
from app.grants import due, queries
from app.grants.agreements import YearsCredit
from app.grants.due import Judged, Problem
from app.grants.errors import AmountsIdentify, ApproverIsMaker, ProgrammeArchived, ProgrammeEnded
from app.grants.models import Grant, GrantStatus
from app.grants.queries import GrantRow, LockedGrant, ProgrammeToGrant
from app.grants.schemas import MAX_LINES, GrantCreate
from app.ledger.queries import company_balance
from app.rules.book import require_signed


@dataclass(frozen=True, slots=True)
class DraftedGrant(GrantRow):
    """A grant as it was drafted, with whom of the category a collective agreement leaves out of it."""

    left_out: list[Judged]


async def create_grant(
    session: AsyncSession,
    actor: Actor,
    company_id: UUID,
    given: GrantCreate,
    *,
    dry_run: bool,
    pointers: Sequence[str] | None = None,
) -> DraftedGrant:
    """Draft a grant; a dry run makes the same checks and stores nothing: nobody will find its id.

    Under a collective agreement it tells whom of the category the agreement leaves out, and why.

    Invalid where a line names somebody who cannot get it, or a lawful reason is missing (generality, art. 51 TUIR);
    AmountsIdentify where what comes back would tell who used it. `pointers` say where each line stands in what the
    caller sent.
    """
    programme, lines, left_out = await _lines(session, company_id, given, pointers)
    grant = DraftedGrant(
        id=ids.new_id(),
        company_id=company_id,
        programme_id=given.programme_id,
        status="draft",
        total_cents=sum(amount for _, amount in lines),
        employee_count=len(lines),
        generality_reason=given.generality_reason or ("agreement" if programme.agreement_code else None),
        generality_note=given.generality_note,
        created_at=clock.now(),
        approved_at=None,
        activated_at=None,
        version=1,
        external_id=given.external_id,
        metadata=given.metadata,
        programme_name=programme.name,
        available_cents=await balance_of(session, company_id),
        left_out=left_out,
    )
    if dry_run:
        return grant
    await session.execute(
        insert(Grant).values(
            id=grant.id,
            company_id=company_id,
            programme_id=grant.programme_id,
            total_cents=grant.total_cents,
            employee_count=grant.employee_count,
            generality_reason=grant.generality_reason,
            generality_note=grant.generality_note,
            external_id=grant.external_id,
            metadata_=grant.metadata,
            created_by=actor.id,
            created_at=grant.created_at,
        )
    )
    await queries.INSERT_LINES.run(
        session,
        grant_id=grant.id,
        company_id=company_id,
        employee_ids=[employee_id for employee_id, _ in lines],
        amounts=[amount for _, amount in lines],
    )
    return grant


async def _programme_in_use(session: AsyncSession, company_id: UUID, programme_id: UUID) -> ProgrammeToGrant:
    programme = await queries.PROGRAMME_TO_GRANT.maybe(session, company_id=company_id, id=programme_id)
    if programme is None:
        raise NotFound
    if programme.lot_expires_on < clock.today():
        raise ProgrammeEnded
    if programme.archived_at is not None:
        raise ProgrammeArchived
    return programme


async def _lines(
    session: AsyncSession, company_id: UUID, given: GrantCreate, pointers: Sequence[str] | None
) -> tuple[ProgrammeToGrant, list[tuple[UUID, int]], list[Judged]]:
    """Return the programme, who gets how much from a grant that may be drafted, and whom its agreement leaves out."""
    programme = await _programme_in_use(session, company_id, given.programme_id)
    credit, left_out = due.credit_of(programme.agreement_code, programme.agreement_year), list[Judged]()
    if credit is not None:
        require_signed(credit.row)
    if given.lines is None and credit is not None:
        lines, left_out = await _all_due(session, company_id, programme, credit, given.each_cents or 0)
    elif given.lines is None:
        employed = await queries.EMPLOYED_IN_CATEGORY.all(
            session, company_id=company_id, category=programme.employee_category, today=clock.today()
        )
        if not employed:
            raise Invalid("/programme_id", "empty_category", "nobody is employed in the programme's category")
        lines = [(employee_id, given.each_cents or 0) for employee_id in employed]
    else:
        lines = [(line.employee_id, line.amount_cents) for line in given.lines]
        where = pointers or [f"/lines/{index}" for index in range(len(lines))]
        await _check_lines(session, company_id, programme, lines, where)
        if credit is not None:
            judged = await due.judge(
                session, company_id, credit, programme.employee_category, [who for who, _ in lines]
            )
            _refuse(due.problems(credit, judged, lines, where))
    if len(lines) > MAX_LINES:
        raise Invalid("/each_cents", "too_long", "at most 20,000 people in one grant")
    await _check_generality(session, company_id, programme, lines, given.generality_reason)
    if await queries.AMOUNTS_IDENTIFY.one(
        session,
        programme_id=given.programme_id,
        employee_ids=[employee_id for employee_id, _ in lines],
        amounts=[amount for _, amount in lines],
        on=clock.today(),
    ):
        raise AmountsIdentify
    return programme, lines, left_out


async def _all_due(
    session: AsyncSession, company_id: UUID, programme: ProgrammeToGrant, credit: YearsCredit, each_cents: int
) -> tuple[list[tuple[UUID, int]], list[Judged]]:
    """Return a line for everybody of the category whom the agreement owes its credit now, and the others."""
    if each_cents < credit.row.amount_cents:
        raise Invalid("/each_cents", "below_agreement", "the agreement gives more to each")
    judged = await due.judge(session, company_id, credit, programme.employee_category)
    lines = [(one.facts.id, each_cents) for one in judged if one.found.code == "due"]
    if not lines:
        raise Invalid("/programme_id", "nobody_due", "the agreement owes its credit to nobody of this category now")
    return lines, [one for one in judged if one.found.code != "due"]


def _refuse(wrong: Sequence[Problem]) -> None:
    if wrong:
        raise Invalid(*wrong[0], *wrong[1:100])


async def _check_lines(
    session: AsyncSession,
    company_id: UUID,
    programme: ProgrammeToGrant,
    lines: Sequence[tuple[UUID, int]],
    where: Sequence[str],
) -> None:
    employee_ids = [employee_id for employee_id, _ in lines]
    found = {row.id: row for row in await queries.EMPLOYEES.all(session, company_id=company_id, ids=employee_ids)}
    wrong: list[tuple[str, str, str]] = []
    seen: set[UUID] = set()
    for line, employee_id in zip(where, employee_ids, strict=True):
        pointer = f"{line}/employee_id"
        employee = found.get(employee_id)
        if employee_id in seen:
            wrong.append((pointer, "duplicate", "this employee is given twice"))
        elif employee is None:
            wrong.append((pointer, "unknown_employee", "there is no such employee"))
        elif employee.ended_on is not None and employee.ended_on < clock.today():
            wrong.append((pointer, "employment_ended", "this employment has ended"))
        elif employee.category != programme.employee_category:
            wrong.append((pointer, "other_category", "this employee is not of the programme's category"))
        seen.add(employee_id)
    _refuse(wrong)


async def _check_generality(
    session: AsyncSession,
    company_id: UUID,
    programme: ProgrammeToGrant,
    lines: Sequence[tuple[UUID, int]],
    reason: str | None,
) -> None:
    """C2 credit goes to all or to homogeneous categories; what differs needs a recorded reason. C3 does not."""
    if reason is not None or set(programme.rule_codes) == {"C3_FRINGE"}:
        return
    if programme.agreement_code is not None and len({amount for _, amount in lines}) == 1:
        return  # the agreement itself says to whom
    sizes = await queries.CATEGORY_SIZES.one(
        session, company_id=company_id, category=programme.employee_category, today=clock.today()
    )
    if len({amount for _, amount in lines}) > 1:
        detail = "different amounts inside a category need a reason"
    elif len(lines) < sizes.in_category:
        detail = "a part of a category needs a reason"
    elif sizes.in_category == 1 and sizes.in_company > 1:
        detail = "a category of one person needs a reason"
    else:
        return
    raise Invalid("/generality_reason", "generality_reason_required", detail)


async def approve_grant(session: AsyncSession, actor: Actor, company_id: UUID, grant_id: UUID) -> GrantRow:
    """Approve as another person than the maker: active when all the money is there, else waiting, nothing reserved.

    Approving a waiting grant again tries again.
    """
    grant = await locked_grant(session, company_id, grant_id)
    if grant.status not in {"draft", "awaiting_funds"}:
        raise StateConflict(grant.status)
    if actor.id in {grant.created_by, grant.maker_id}:
        raise ApproverIsMaker
    if grant.lot_expires_on < clock.today():
        raise ProgrammeEnded
    if grant.status == "draft" and await queries.LINES_IDENTIFY.one(
        session, programme_id=grant.programme_id, company_id=company_id, grant_id=grant_id, on=clock.today()
    ):
        raise AmountsIdentify
    now = clock.now()
    if not grant.shortfall_cents:
        return await _activate(session, grant, actor.id, now)
    return await _move(session, grant, "awaiting_funds", actor.id, now) if grant.status == "draft" else grant


async def cancel_grant(session: AsyncSession, grant: LockedGrant) -> GrantRow:
    """Cancel a grant that has no lots yet."""
    return await _move(session, grant, "revoked", None, clock.now())


async def grant_of(session: AsyncSession, company_id: UUID, grant_id: UUID) -> GrantRow:
    """Return one grant of a company."""
    grant = await queries.GRANT.maybe(session, company_id=company_id, id=grant_id)
    if grant is None:
        raise NotFound
    return grant


async def locked_grant(session: AsyncSession, company_id: UUID, grant_id: UUID) -> LockedGrant:
    """Lock the company's account, then the grant."""
    await balance_of(session, company_id, for_update=True)
    grant = await queries.LOCK_GRANT.maybe(session, company_id=company_id, id=grant_id)
    if grant is None:
        raise NotFound
    return grant


async def activate_waiting(session: AsyncSession, company_id: UUID, available: int, at: datetime) -> None:
    """Activate waiting grants with the money on the locked account: oldest first, whole, skipping what does not fit."""
    for grant in await queries.WAITING_GRANTS.all(session, company_id=company_id, today=clock.day_of(at)):
        if grant.total_cents <= available:
            available -= grant.total_cents
            await _activate(session, grant, None, at)


async def _activate(session: AsyncSession, grant: GrantRow, approved_by: UUID | None, at: datetime) -> GrantRow:
    active = await queries.ACTIVATE_GRANT.one(
        session,
        company_id=grant.company_id,
        id=grant.id,
        approved_by=approved_by,
        approved_at=None if approved_by is None else at,
        at=at,
    )
    lines = zip(active.employee_ids, active.amounts, strict=True)
    await batches.open_lots(
        session,
        batches.Source(active.programme_id, active.funded_by_account_id),
        [batches.NewLot(ids.new_id(), amount, active.company_id, employee_id) for employee_id, amount in lines],
        expires_on=active.lot_expires_on,
        at=at,
        grant_id=active.id,
    )
    await record_event(session, NewEvent("grant.active", "grant", grant.id, (grant.company_id,)))
    return active


async def _move(
    session: AsyncSession, grant: GrantRow, status: GrantStatus, approved_by: UUID | None, at: datetime
) -> GrantRow:
    return await queries.MOVE_GRANT.one(
        session,
        company_id=grant.company_id,
        id=grant.id,
        status=status,
        approved_by=approved_by,
        approved_at=None if approved_by is None else at,
    )


async def balance_of(session: AsyncSession, company_id: UUID, *, for_update: bool = False) -> int:
    """Return what is on a company's account, locked on demand."""
    found = await company_balance(session, company_id, for_update=for_update)
    if found is None:
        raise NotFound
    return found.balance.available_cents
