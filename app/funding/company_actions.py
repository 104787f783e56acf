"""What companies and the operator do: announce and confirm money, make programmes, grant credit.

Lock order: top-up, the company's account, grants. Whoever moves a grant locks the account first, so that two approvals
never spend the same money.
"""

import secrets
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncSession
from stdnum.iso7064 import mod_97_10

from app import clock, ids
from app.actor import Actor
from app.audit import actions as audit
from app.errors import AlreadyResolved, Invalid, NotFound, PreconditionFailed, StateConflict
from app.events.actions import NewEvent
from app.events.actions import record as record_event
from app.funding import queries
from app.funding.errors import ApproverIsMaker, ProgrammeEnded, ProgrammeInUse
from app.funding.models import Grant, GrantStatus, Programme, TopUp
from app.funding.queries import CompanyMoney, GrantRow, LockedGrant, NamedTopUp, ProgrammeToGrant
from app.funding.schemas import GrantCreate, ProgrammeCreate, ProgrammeRead, ProgrammeUpdate
from app.ids import ALPHABET
from app.ledger import actions as ledger
from app.ledger.instructions import NewTransfer
from app.ledger.queries import company_balance
from app.rules.book import book_in_force


async def money_of(session: AsyncSession, company_id: UUID) -> CompanyMoney:
    """Return a company's balance, what is in credit, and what waits for money."""
    found = await queries.COMPANY_MONEY.maybe(session, company_id=company_id)
    if found is None:
        raise NotFound
    return found


async def announce_top_up(session: AsyncSession, actor: Actor, company_id: UUID, amount_cents: int) -> TopUp:
    """Announce a bank transfer; nothing is credited before it is confirmed."""
    made = await session.execute(
        insert(TopUp)
        .values(
            id=ids.new_id(),
            company_id=company_id,
            amount_cents=amount_cents,
            payment_reference=payment_reference(),
            created_by=actor.id,
            created_at=clock.now(),
        )
        .returning(TopUp)
    )
    top_up = made.scalar_one()
    await audit.record(session, actor, "top_up.create", "top_up", top_up.id)
    return top_up


def payment_reference() -> str:
    """Return a new ISO 11649 creditor reference: its check digits catch a slip of the payer's."""
    body = "BEA" + "".join(secrets.choice(ALPHABET) for _ in range(9)).upper()
    return f"RF{mod_97_10.calc_check_digits(body + 'RF')}{body}"


async def confirm_top_up(session: AsyncSession, actor: Actor, top_up_id: UUID) -> NamedTopUp:
    """Credit an announced transfer that arrived, then activate waiting grants, oldest first, each whole.

    AlreadyResolved where it was confirmed or returned before.
    """
    top_up = await _pending_top_up(session, top_up_id)
    now = clock.now()
    company = await company_balance(session, top_up.company_id, for_update=True)
    if company is None:
        raise NotFound
    confirmed = await queries.RESOLVE_TOP_UP.one(session, id=top_up_id, status="confirmed", by=actor.id, at=now)
    bank_id = await queries.BANK_CLEARING.one(session)
    await ledger.transfer(
        session,
        [NewTransfer(ids.new_id(), bank_id, company.account_id, top_up.amount_cents, "top_up", now, top_up_id)],
    )
    await record_event(session, NewEvent("top_up.confirmed", "top_up", top_up_id, (top_up.company_id,)))
    await audit.record(session, actor, "top_up.confirm", "top_up", top_up_id)
    await _activate_waiting(session, top_up.company_id, company.balance.available_cents + top_up.amount_cents, now)
    return confirmed


async def return_top_up(session: AsyncSession, actor: Actor, top_up_id: UUID) -> NamedTopUp:
    """Note that an announced transfer never came; AlreadyResolved where it was confirmed or returned before."""
    await _pending_top_up(session, top_up_id)
    await audit.record(session, actor, "top_up.return", "top_up", top_up_id)
    return await queries.RESOLVE_TOP_UP.one(session, id=top_up_id, status="returned", by=actor.id, at=clock.now())


async def _pending_top_up(session: AsyncSession, top_up_id: UUID) -> NamedTopUp:
    top_up = await queries.LOCK_TOP_UP.maybe(session, id=top_up_id)
    if top_up is None:
        raise NotFound
    if top_up.status != "pending":
        raise AlreadyResolved(top_up.status)
    return top_up


async def create_programme(session: AsyncSession, actor: Actor, company_id: UUID, given: ProgrammeCreate) -> Programme:
    """Make a programme; the relatives' reading defaults to the company's."""
    if given.expired_credit_to is None:
        heir = "company" if given.source == "on_top" else "solidarity_fund"
        given = given.model_copy(update={"expired_credit_to": heir})
    _check_programme(given)
    if given.relatives_reading is None:
        reading = await queries.COMPANY_READING.one(session, company_id=company_id)
        given = given.model_copy(update={"relatives_reading": reading})
    made = await session.execute(
        insert(Programme)
        .values(id=ids.new_id(), company_id=company_id, created_at=clock.now(), **given.model_dump())
        .returning(Programme)
    )
    programme = made.scalar_one()
    await audit.record(session, actor, "programme.create", "programme", programme.id)
    return programme


async def update_programme(
    session: AsyncSession,
    actor: Actor,
    company_id: UUID,
    programme_id: UUID,
    given: ProgrammeUpdate,
    expected_version: int,
) -> Programme:
    """Change what was given; ProgrammeInUse when a grant uses the programme and more than the name would change."""
    programme = await queries.programme_of(session, company_id, programme_id, for_change=True)
    if programme is None:
        raise NotFound
    if programme.version != expected_version:
        raise PreconditionFailed
    before = ProgrammeRead.model_validate(programme)
    after = before.model_copy(update=given.model_dump(include=given.model_fields_set))
    changed = {name: value for name, value in after if value != getattr(before, name)}
    if not changed:
        return programme
    if changed.keys() - {"name"}:
        if await queries.programme_used(session, company_id, programme_id):
            raise ProgrammeInUse
        _check_programme(after)
    await audit.record(session, actor, "programme.update", "programme", programme_id)
    made = await session.execute(
        update(Programme)
        .where(Programme.company_id == company_id, Programme.id == programme_id)
        .values(**changed, version=Programme.version + 1)
        .returning(Programme)
    )
    return made.scalar_one()


def _check_programme(terms: ProgrammeCreate | ProgrammeRead) -> None:
    wrong: list[tuple[str, str, str]] = []
    if terms.source != "on_top":
        if terms.leavers_rule == "zero_at_leaving":
            wrong.append(("/leavers_rule", "only_on_top", "only on-top credit may end with the employment"))
        if terms.expired_credit_to == "company":
            wrong.append(("/expired_credit_to", "only_on_top", "only on-top credit may expire to the company"))
    if terms.lot_expires_on < clock.today():
        wrong.append(("/lot_expires_on", "past", "credit cannot expire before it exists"))
    if len(set(terms.rule_codes)) < len(terms.rule_codes):
        wrong.append(("/rule_codes", "duplicate", "a rule code is given twice"))
    known = {category.code for category in book_in_force().categories_on(clock.today())}
    categories = terms.categories or []
    for index, code in enumerate(categories):
        if code not in known:
            wrong.append((f"/categories/{index}", "unknown_category", "there is no such category"))
        elif code in categories[:index]:
            wrong.append((f"/categories/{index}", "duplicate", "a category is given twice"))
    _refuse(wrong)


def _refuse(wrong: Sequence[tuple[str, str, str]]) -> None:
    if wrong:
        raise Invalid(*wrong[0], *wrong[1:100])


async def create_grant(
    session: AsyncSession,
    actor: Actor,
    company_id: UUID,
    given: GrantCreate,
    *,
    dry_run: bool,
    pointers: Sequence[str] | None = None,
) -> GrantRow:
    """Draft a grant; a dry run makes the same checks and stores nothing: nobody will find its id.

    Invalid where a line names somebody who cannot get it, or a lawful reason is missing (generality, art. 51 TUIR);
    `pointers` say where each line stands in what the caller sent.
    """
    lines = await _lines(session, company_id, given, pointers)
    grant = GrantRow(
        id=ids.new_id(),
        company_id=company_id,
        programme_id=given.programme_id,
        status="draft",
        total_cents=sum(amount for _, amount in lines),
        employee_count=len(lines),
        generality_reason=given.generality_reason,
        created_at=clock.now(),
        approved_at=None,
        activated_at=None,
        version=1,
        available_cents=await _balance(session, company_id),
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
            created_by=actor.id,
            created_at=grant.created_at,
        )
    )
    await queries.INSERT_LINES.run(
        session,
        grant_id=grant.id,
        company_id=company_id,
        lot_ids=[ids.new_id() for _ in lines],
        employee_ids=[employee_id for employee_id, _ in lines],
        amounts=[amount for _, amount in lines],
    )
    await audit.record(session, actor, "grant.create", "grant", grant.id)
    return grant


async def _lines(
    session: AsyncSession, company_id: UUID, given: GrantCreate, pointers: Sequence[str] | None
) -> list[tuple[UUID, int]]:
    """Return who gets how much from a grant that may be drafted."""
    programme = await queries.PROGRAMME_TO_GRANT.maybe(session, company_id=company_id, id=given.programme_id)
    if programme is None:
        raise NotFound
    if programme.lot_expires_on < clock.today():
        raise ProgrammeEnded
    if given.lines is None:
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
    await _check_generality(session, company_id, programme, lines, given.generality_reason)
    return lines


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
    grant = await _locked_grant(session, company_id, grant_id)
    if grant.status not in {"draft", "awaiting_funds"}:
        raise StateConflict(grant.status)
    if actor.id in {grant.created_by, grant.maker_id}:
        raise ApproverIsMaker
    if grant.lot_expires_on < clock.today():
        raise ProgrammeEnded
    await audit.record(session, actor, "grant.approve", "grant", grant_id)
    now = clock.now()
    if not grant.shortfall_cents:
        return await _activate(session, grant, actor.id, now)
    return await _move(session, grant, "awaiting_funds", actor.id, now) if grant.status == "draft" else grant


async def revoke_grant(session: AsyncSession, actor: Actor, company_id: UUID, grant_id: UUID) -> GrantRow:
    """Cancel a grant; of an active one the unspent part of each lot returns to the company.

    What is held stays with its unit, what came back may make waiting grants active.
    """
    grant = await _locked_grant(session, company_id, grant_id)
    if grant.status == "revoked":
        raise StateConflict(grant.status)
    now = clock.now()
    revoked = await _move(session, grant, "revoked", None, now)
    await audit.record(session, actor, "grant.revoke", "grant", grant_id)
    if grant.status == "active":
        await queries.RETURN_REVOKED.run(
            session,
            company_id=company_id,
            grant_id=grant_id,
            ids=[ids.new_id() for _ in range(grant.employee_count)],
            on_day=clock.day_of(now),
            at=now,
        )
        await _activate_waiting(session, company_id, await _balance(session, company_id), now)
    return revoked


async def grant_of(session: AsyncSession, company_id: UUID, grant_id: UUID) -> GrantRow:
    """Return one grant of a company."""
    grant = await queries.GRANT.maybe(session, company_id=company_id, id=grant_id)
    if grant is None:
        raise NotFound
    return grant


async def _locked_grant(session: AsyncSession, company_id: UUID, grant_id: UUID) -> LockedGrant:
    """Lock the company's account, then the grant."""
    await _balance(session, company_id, for_update=True)
    grant = await queries.LOCK_GRANT.maybe(session, company_id=company_id, id=grant_id)
    if grant is None:
        raise NotFound
    return grant


async def _activate_waiting(session: AsyncSession, company_id: UUID, available: int, at: datetime) -> None:
    """Activate waiting grants with the money on the locked account: oldest first, whole, skipping what does not fit."""
    for grant in await queries.WAITING_GRANTS.all(session, company_id=company_id, today=clock.day_of(at)):
        if grant.total_cents <= available:
            available -= grant.total_cents
            await _activate(session, grant, None, at)


async def _activate(session: AsyncSession, grant: GrantRow, approved_by: UUID | None, at: datetime) -> GrantRow:
    active = await _move(session, grant, "active", approved_by, at)
    await queries.make_lots(session, grant, [ids.new_id() for _ in range(grant.employee_count)], at)
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
        activated_at=at if status == "active" else None,
    )


async def _balance(session: AsyncSession, company_id: UUID, *, for_update: bool = False) -> int:
    found = await company_balance(session, company_id, for_update=for_update)
    if found is None:
        raise NotFound
    return found.balance.available_cents
