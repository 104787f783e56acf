"""What companies and the operator do: announce and confirm money, make programmes, grant credit.

Lock order: top-up, the company's account, grants. Whoever moves a grant locks the account first, so that two approvals
never spend the same money.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row
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
from app.funding.queries import one, some
from app.funding.schemas import GrantCreate, ProgrammeCreate, ProgrammeUpdate
from app.ids import ALPHABET
from app.ledger import actions as ledger
from app.ledger.instructions import NewTransfer
from app.ledger.queries import company_balance
from app.rules import book

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Account:
    """What `GET /account` shows."""

    balance_cents: int
    granted_cents: int
    awaiting_cents: int


@dataclass(frozen=True, slots=True)
class GrantState:
    """A grant and what the account lacks for it now; a dry run has no row, hence no id."""

    id: UUID | None
    programme_id: UUID
    status: str
    total_cents: int
    employee_count: int
    shortfall_cents: int
    generality_reason: str | None
    created_at: datetime
    approved_at: datetime | None = None
    activated_at: datetime | None = None
    version: int = 1


@dataclass(frozen=True, slots=True)
class _Draft:
    """A checked grant that nobody stored yet."""

    programme: Row[Any]
    lines: list[tuple[UUID, int]]
    generality_reason: str | None

    @property
    def total_cents(self) -> int:
        return sum(amount for _, amount in self.lines)


async def account_of(session: AsyncSession, company_id: UUID) -> Account:
    """Return a company's balance, what is in credit, and what waits for money."""
    balance = await _balance(session, company_id)
    sums = (await some(session, queries.GRANT_SUMS, company_id=company_id))[0]
    return Account(balance, sums.put_in_cents - sums.returned_cents, sums.awaiting_cents)


async def announce_top_up(session: AsyncSession, actor: Actor, company_id: UUID, amount_cents: int) -> Row[Any]:
    """Announce a bank transfer; nothing is credited before it is confirmed."""
    row = await one(
        session,
        queries.INSERT_TOP_UP,
        id=ids.new_id(),
        company_id=company_id,
        amount_cents=amount_cents,
        payment_reference=payment_reference(),
        created_by=actor.id,
        created_at=clock.now(),
    )
    if row is None:
        raise NotFound
    await audit.record(session, actor, "top_up.create", "top_up", row.id)
    return row


def payment_reference() -> str:
    """Return a new ISO 11649 creditor reference: its check digits catch a slip of the payer's."""
    body = "BEA" + "".join(secrets.choice(ALPHABET) for _ in range(9)).upper()
    return f"RF{mod_97_10.calc_check_digits(body + 'RF')}{body}"


async def confirm_top_up(session: AsyncSession, actor: Actor, top_up_id: UUID) -> Row[Any]:
    """Credit an announced transfer that arrived, then activate waiting grants, oldest first, each whole.

    AlreadyResolved where it was confirmed or returned before.
    """
    top_up = await _open_top_up(session, top_up_id)
    now = clock.now()
    company = await company_balance(session, top_up.company_id, for_update=True)
    if company is None:
        raise NotFound
    await session.execute(queries.RESOLVE_TOP_UP, {"id": top_up_id, "status": "confirmed", "by": actor.id, "at": now})
    bank_id = await session.scalar(queries.BANK_CLEARING)
    await ledger.transfer(
        session,
        [NewTransfer(ids.new_id(), bank_id, company.account_id, top_up.amount_cents, "top_up", now, top_up_id)],
    )
    await record_event(session, NewEvent("top_up.confirmed", "top_up", top_up_id, (top_up.company_id,)))
    await audit.record(session, actor, "top_up.confirm", "top_up", top_up_id)
    await _activate_waiting(session, top_up.company_id, company.balance.available_cents + top_up.amount_cents, now)
    return (await some(session, queries.LOCK_TOP_UP, id=top_up_id))[0]


async def return_top_up(session: AsyncSession, actor: Actor, top_up_id: UUID) -> Row[Any]:
    """Note that an announced transfer never came; AlreadyResolved where it was confirmed or returned before."""
    await _open_top_up(session, top_up_id)
    await session.execute(
        queries.RESOLVE_TOP_UP, {"id": top_up_id, "status": "returned", "by": actor.id, "at": clock.now()}
    )
    await audit.record(session, actor, "top_up.return", "top_up", top_up_id)
    return (await some(session, queries.LOCK_TOP_UP, id=top_up_id))[0]


async def _open_top_up(session: AsyncSession, top_up_id: UUID) -> Row[Any]:
    top_up = await one(session, queries.LOCK_TOP_UP, id=top_up_id)
    if top_up is None:
        raise NotFound
    if top_up.status != "pending":
        raise AlreadyResolved(top_up.status)
    return top_up


async def create_programme(session: AsyncSession, actor: Actor, company_id: UUID, given: ProgrammeCreate) -> Row[Any]:
    """Make a programme; the relatives' reading defaults to the company's."""
    fields = given.model_dump()
    if fields["expired_credit_to"] is None:
        fields["expired_credit_to"] = "company" if given.source == "on_top" else "solidarity_fund"
    _check_programme(fields)
    if fields["relatives_reading"] is None:
        fields["relatives_reading"] = await session.scalar(queries.COMPANY_READING, {"company_id": company_id})
    row = await one(
        session, queries.INSERT_PROGRAMME, id=ids.new_id(), company_id=company_id, created_at=clock.now(), **fields
    )
    if row is None:
        raise NotFound
    await audit.record(session, actor, "programme.create", "programme", row.id)
    return row


async def update_programme(
    session: AsyncSession,
    actor: Actor,
    company_id: UUID,
    programme_id: UUID,
    given: ProgrammeUpdate,
    expected_version: int,
) -> Row[Any]:
    """Change what was given; ProgrammeInUse when a grant uses the programme and more than the name would change."""
    scope = {"company_id": company_id, "id": programme_id}
    row = await one(session, queries.PROGRAMME_FOR_CHANGE, **scope)
    if row is None:
        raise NotFound
    if row.version != expected_version:
        raise PreconditionFailed
    before: Fields = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name
    changed = {
        name: value for name, value in given.model_dump(include=given.model_fields_set).items() if value != before[name]
    }
    if not changed:
        return row
    if set(changed) - {"name"}:
        if await session.scalar(queries.PROGRAMME_USED, scope):
            raise ProgrammeInUse
        _check_programme({**before, **changed})
    await audit.record(session, actor, "programme.update", "programme", programme_id)
    return (await some(session, queries.UPDATE_PROGRAMME, **{**before, **changed, **scope}))[0]


def _check_programme(fields: Fields) -> None:
    wrong: list[tuple[str, str, str]] = []
    if fields["source"] != "on_top":
        if fields["leavers_rule"] == "zero_at_leaving":
            wrong.append(("/leavers_rule", "only_on_top", "only on-top credit may end with the employment"))
        if fields["expired_credit_to"] == "company":
            wrong.append(("/expired_credit_to", "only_on_top", "only on-top credit may expire to the company"))
    if fields["lot_expires_on"] < clock.today():
        wrong.append(("/lot_expires_on", "past", "credit cannot expire before it exists"))
    if len(set(fields["rule_codes"])) < len(fields["rule_codes"]):
        wrong.append(("/rule_codes", "duplicate", "a rule code is given twice"))
    known = {category.code for category in book.categories(clock.today())}
    for index, code in enumerate(fields["categories"] or ()):
        if code not in known:
            wrong.append((f"/categories/{index}", "unknown_category", "there is no such category"))
        elif code in fields["categories"][:index]:
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
) -> GrantState:
    """Draft a grant; a dry run makes the same checks and stores nothing.

    Invalid where a line names somebody who cannot get it, or a lawful reason is missing (generality, art. 51 TUIR);
    `pointers` say where each line stands in what the caller sent.
    """
    draft = await _draft(session, company_id, given, pointers)
    balance = await _balance(session, company_id)
    shortfall_cents = max(0, draft.total_cents - balance)
    if dry_run:
        return GrantState(
            None,
            given.programme_id,
            "draft",
            draft.total_cents,
            len(draft.lines),
            shortfall_cents,
            draft.generality_reason,
            clock.now(),
        )
    grant_id = ids.new_id()
    row = await one(
        session,
        queries.INSERT_GRANT,
        id=grant_id,
        company_id=company_id,
        programme_id=given.programme_id,
        total_cents=draft.total_cents,
        employee_count=len(draft.lines),
        generality_reason=draft.generality_reason,
        created_by=actor.id,
        created_at=clock.now(),
    )
    await session.execute(
        queries.INSERT_LINES,
        {
            "grant_id": grant_id,
            "company_id": company_id,
            "lot_ids": [ids.new_id() for _ in draft.lines],
            "employee_ids": [employee_id for employee_id, _ in draft.lines],
            "amounts": [amount for _, amount in draft.lines],
        },
    )
    await audit.record(session, actor, "grant.create", "grant", grant_id)
    return _state(row, balance)


async def _draft(session: AsyncSession, company_id: UUID, given: GrantCreate, pointers: Sequence[str] | None) -> _Draft:
    programme = await one(session, queries.PROGRAMME_FOR_USE, company_id=company_id, id=given.programme_id)
    if programme is None:
        raise NotFound
    if programme.lot_expires_on < clock.today():
        raise ProgrammeEnded
    if given.lines is None:
        each = given.each_cents or 0
        lines = [
            (employee_id, each)
            for employee_id in await queries.employed_in_category(
                session, company_id, programme.employee_category, clock.today()
            )
        ]
        if not lines:
            raise Invalid("/programme_id", "empty_category", "nobody is employed in the programme's category")
    else:
        lines = [(line.employee_id, line.amount_cents) for line in given.lines]
        where = pointers or [f"/lines/{index}" for index in range(len(lines))]
        await _check_lines(session, company_id, programme, lines, where)
    await _check_generality(session, company_id, programme, lines, given.generality_reason)
    return _Draft(programme, lines, given.generality_reason)


async def _check_lines(
    session: AsyncSession,
    company_id: UUID,
    programme: Row[Any],
    lines: Sequence[tuple[UUID, int]],
    where: Sequence[str],
) -> None:
    employee_ids = [employee_id for employee_id, _ in lines]
    found = {row.id: row for row in await some(session, queries.EMPLOYEES, company_id=company_id, ids=employee_ids)}
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
    programme: Row[Any],
    lines: Sequence[tuple[UUID, int]],
    reason: str | None,
) -> None:
    """C2 credit goes to all or to homogeneous categories; what differs needs a recorded reason. C3 does not."""
    if reason is not None or set(programme.rule_codes) == {"C3_FRINGE"}:
        return
    sizes = (
        await some(
            session,
            queries.CATEGORY_SIZES,
            company_id=company_id,
            category=programme.employee_category,
            today=clock.today(),
        )
    )[0]
    if len({amount for _, amount in lines}) > 1:
        detail = "different amounts inside a category need a reason"
    elif len(lines) < sizes.in_category:
        detail = "a part of a category needs a reason"
    elif sizes.in_category == 1 and sizes.in_company > 1:
        detail = "a category of one person needs a reason"
    else:
        return
    raise Invalid("/generality_reason", "generality_reason_required", detail)


async def approve_grant(session: AsyncSession, actor: Actor, company_id: UUID, grant_id: UUID) -> GrantState:
    """Approve as another person than the maker: active when all the money is there, else waiting, nothing reserved.

    Approving a waiting grant again tries again.
    """
    available = await _balance(session, company_id, for_update=True)
    grant = await one(session, queries.GRANT_FOR_CHANGE, company_id=company_id, id=grant_id)
    if grant is None:
        raise NotFound
    if grant.status not in {"draft", "awaiting_funds"}:
        raise StateConflict(grant.status)
    if actor.id in {grant.created_by, grant.maker_id}:
        raise ApproverIsMaker
    programme = await one(session, queries.PROGRAMME, company_id=company_id, id=grant.programme_id)
    if programme is None or programme.lot_expires_on < clock.today():
        raise ProgrammeEnded
    await audit.record(session, actor, "grant.approve", "grant", grant_id)
    now = clock.now()
    if grant.total_cents <= available:
        return _state(await _activate(session, grant, actor.id, now), available - grant.total_cents)
    if grant.status == "draft":
        grant = await _move(session, grant, "awaiting_funds", actor.id, now)
    return _state(grant, available)


async def revoke_grant(session: AsyncSession, actor: Actor, company_id: UUID, grant_id: UUID) -> GrantState:
    """Cancel a grant; of an active one the unspent part of each lot returns to the company.

    What is held stays with its unit, what came back may make waiting grants active.
    """
    await _balance(session, company_id, for_update=True)
    grant = await one(session, queries.GRANT_FOR_CHANGE, company_id=company_id, id=grant_id)
    if grant is None:
        raise NotFound
    if grant.status == "revoked":
        raise StateConflict(grant.status)
    now = clock.now()
    revoked = await _move(session, grant, "revoked", None, now)
    await audit.record(session, actor, "grant.revoke", "grant", grant_id)
    if grant.status == "active":
        await session.execute(
            queries.RETURN_REVOKED,
            {
                "company_id": company_id,
                "grant_id": grant_id,
                "ids": [ids.new_id() for _ in range(grant.employee_count)],
                "on_day": clock.day_of(now),
                "at": now,
            },
        )
        await _activate_waiting(session, company_id, await _balance(session, company_id), now)
    return _state(revoked, 0)


async def grant_of(session: AsyncSession, company_id: UUID, grant_id: UUID) -> GrantState:
    """Return one grant of a company."""
    row = await one(session, queries.GRANT, company_id=company_id, id=grant_id)
    if row is None:
        raise NotFound
    return _state(row, await _balance(session, company_id))


async def grants_of(
    session: AsyncSession, company_id: UUID, status: str | None, after: UUID | None, limit: int
) -> list[GrantState]:
    """Return a company's grants, newest first."""
    rows = await some(
        session,
        queries.GRANTS,
        company_id=company_id,
        status=status,
        after=after or queries.LAST_ID,
        limit=limit,
    )
    balance = await _balance(session, company_id)
    return [_state(row, balance) for row in rows]


async def _activate_waiting(session: AsyncSession, company_id: UUID, available: int, at: datetime) -> None:
    """Activate waiting grants with the money on the locked account: oldest first, whole, skipping what does not fit."""
    waiting = await some(session, queries.WAITING_GRANTS, company_id=company_id, today=clock.day_of(at))
    for grant in waiting:
        if grant.total_cents <= available:
            available -= grant.total_cents
            await _activate(session, grant, None, at)


async def _activate(session: AsyncSession, grant: Row[Any], approved_by: UUID | None, at: datetime) -> Row[Any]:
    active = await _move(session, grant, "active", approved_by, at)
    await queries.make_lots(session, grant, [ids.new_id() for _ in range(grant.employee_count)], at)
    await record_event(session, NewEvent("grant.active", "grant", grant.id, (grant.company_id,)))
    return active


async def _move(
    session: AsyncSession, grant: Row[Any], status: str, approved_by: UUID | None, at: datetime
) -> Row[Any]:
    return (
        await some(
            session,
            queries.MOVE_GRANT,
            company_id=grant.company_id,
            id=grant.id,
            status=status,
            approved_by=approved_by,
            approved_at=None if approved_by is None else at,
            activated_at=at if status == "active" else None,
        )
    )[0]


async def _balance(session: AsyncSession, company_id: UUID, *, for_update: bool = False) -> int:
    found = await company_balance(session, company_id, for_update=for_update)
    if found is None:
        raise NotFound
    return found.balance.available_cents


def _state(row: Row[Any] | None, balance: int) -> GrantState:
    if row is None:
        raise NotFound
    waiting = row.status in {"draft", "awaiting_funds"}
    return GrantState(
        row.id,
        row.programme_id,
        row.status,
        row.total_cents,
        row.employee_count,
        max(0, row.total_cents - balance) if waiting else 0,
        row.generality_reason,
        row.created_at,
        row.approved_at,
        row.activated_at,
        row.version,
    )
