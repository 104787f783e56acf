"""Using credit: the only ways in which bookings and claims touch a lot. They apply expiry, leaving and grace.

Every function locks lots by id before it looks at them, so that what it decides holds until the commit. `at` is the
instant at which the thing happens: a lot is over from the midnight after its last day, whether or not a sweep ran.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.config import settings
from app.credit import lot_life, queries
from app.credit.errors import InsufficientCredit
from app.credit.lot_life import Fate
from app.credit.queries import HeldLot, LotAndHeirs, UsableLot, usable_lots
from app.db import Query
from app.ledger import actions as ledger
from app.ledger.errors import Refused, refusals
from app.ledger.instructions import Capture as LedgerCapture
from app.ledger.instructions import HoldRelease, NewAccount, NewHold, NewTransfer, Reversal

__all__ = [
    "Capture",
    "HoldRequest",
    "InsufficientCredit",
    "Refund",
    "UsableLot",
    "capture",
    "end_lots",
    "place",
    "refund",
    "release",
    "reverse_captures",
    "usable_lots",
]

PLACE: Query[int | None] = Query(int, "credit.place")


@dataclass(frozen=True, slots=True)
class HoldRequest:
    """Reserve an amount of a lot for a payee's account; ids are made by the caller, `cause_id` names its object."""

    hold_id: UUID
    lot_id: UUID
    payee_account_id: UUID
    amount_cents: int
    cause_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Capture:
    """Pay a hold to its payee: all of it, or `amount_cents` of it and the rest is freed.

    Name an amount only where something may be freed: that costs a lock and a read more.
    """

    hold_id: UUID
    amount_cents: int | None = None
    cause_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Refund:
    """Undo a capture: all of it, or `amount_cents` of it. Once per hold."""

    hold_id: UUID
    amount_cents: int | None = None


@dataclass(frozen=True, slots=True)
class _Freed:
    """Credit that came free on a lot."""

    lot: LotAndHeirs
    amount_cents: int
    cause_id: UUID | None
    grace_days: int = 0


async def place(session: AsyncSession, user_id: UUID, holds: Sequence[HoldRequest], *, at: datetime) -> None:
    """Reserve credit of the person's own living lots, all or nothing, in one round trip.

    InsufficientCredit where a lot is over, foreign or too small; nothing was written then.
    """
    if not holds:
        return
    try:
        with refusals():
            available_cents = await PLACE.one(
                session,
                person_id=user_id,
                on_day=clock.day_of(at),
                hold_ids=[hold.hold_id for hold in holds],
                lot_ids=[hold.lot_id for hold in holds],
                payee_ids=[hold.payee_account_id for hold in holds],
                amounts=[hold.amount_cents for hold in holds],
                cause_ids=[hold.cause_id for hold in holds],
                at=at,
                created_at=clock.now(),
            )
    except Refused as refused:
        if refused.guard != "lot_held_alive":
            raise
        # Revoked since this transaction looked: a revocation waits for no booking.
        raise InsufficientCredit(0) from refused
    if available_cents is not None:
        raise InsufficientCredit(available_cents)


async def release(
    session: AsyncSession,
    hold_ids: Sequence[UUID],
    *,
    at: datetime,
    caused_by_employee: bool,
    asked_on: date | None = None,
) -> None:
    """Free reservations; `asked_on` is the day of a request that simply was not answered.

    What a lot that is over gets back goes on at once to where its credit goes; what comes free by others' fault then or
    in the lot's last days, becomes a grace lot (one per lot and call), a short one where it was asked for in those last
    days and not answered. HoldEnded where one has ended already.
    """
    if not hold_ids:
        return
    await queries.lock_for_holds(session, hold_ids)
    held = await queries.held_lots(session, hold_ids, clock.day_of(at))
    await ledger.release(session, [HoldRelease(hold_id, at) for hold_id in hold_ids])
    freed = [(lot, lot.amount_cents) for lot in held.values()]
    await _send_on(session, freed, at, caused_by_employee=caused_by_employee, asked_on=asked_on)


async def capture(
    session: AsyncSession,
    captures: Sequence[Capture],
    *,
    at: datetime,
    reason: str = "captured",
    caused_by_employee: bool = True,
) -> None:
    """Pay reservations to their payees, also after the lot's last day: held credit stays with its unit.

    What a partial capture frees is treated as released. HoldEnded where a hold has ended already.
    """
    partial = {each.hold_id: each.amount_cents for each in captures if each.amount_cents is not None}
    held: Mapping[UUID, HeldLot] = {}
    if partial:
        await queries.lock_for_holds(session, [each.hold_id for each in captures])
        held = await queries.held_lots(session, list(partial), clock.day_of(at))
    await ledger.capture(
        session,
        [LedgerCapture(ids.new_id(), each.hold_id, reason, at, each.amount_cents, each.cause_id) for each in captures],
    )
    freed = [(lot, lot.amount_cents - partial[lot.hold_id]) for lot in held.values()]
    await _send_on(session, freed, at, caused_by_employee=caused_by_employee)


async def refund(
    session: AsyncSession,
    refunds: Sequence[Refund],
    *,
    at: datetime,
    caused_by_employee: bool = False,
    reason: str = "refunded",
) -> None:
    """Send captured credit back to its lot, or on as grace or to where the lot's credit goes when that is over.

    The payee's account is the one that was paid: the caller moves money back there first. AlreadyReversed where it was
    refunded before.
    """
    amounts = {each.hold_id: each.amount_cents for each in refunds}
    await queries.lock_for_holds(session, list(amounts))
    returned = await _reverse(session, amounts, at, reason)
    held = await queries.held_lots(session, list(amounts), clock.day_of(at))
    freed = [(held[hold_id], amount) for hold_id, amount in returned.items()]
    await _send_on(session, freed, at, caused_by_employee=caused_by_employee)


async def reverse_captures(
    session: AsyncSession, hold_ids: Sequence[UUID], new_holds: Sequence[HoldRequest], *, at: datetime
) -> None:
    """Undo captures and reserve the same credit again for the same units (a delivery was reverted).

    The credit never becomes available in between, so it does not matter whether the lot is over. ValueError where the
    new holds are not exactly what the captures gave back, lot by lot.
    """
    await queries.lock_for_holds(session, hold_ids)
    back: dict[UUID, int] = {}
    for row in await queries.captures_of(session, hold_ids):
        back[row.lot_id] = back.get(row.lot_id, 0) + row.amount_cents
    for hold in new_holds:
        back[hold.lot_id] = back.get(hold.lot_id, 0) - hold.amount_cents
    if any(back.values()):
        raise ValueError("the new holds differ from the captures")
    await _reverse(session, dict.fromkeys(hold_ids), at, "reverted")
    await ledger.place_holds(
        session,
        [
            NewHold(new.hold_id, new.lot_id, new.payee_account_id, new.amount_cents, at, new.cause_id)
            for new in new_holds
        ],
    )


async def end_lots(session: AsyncSession, ended: Mapping[UUID, tuple[LotAndHeirs, datetime]]) -> None:
    """Let the available rest of locked lots leave them, at the given instants; what is held stays with its unit."""
    lots = [lot for lot, _ in ended.values()]
    available = await queries.available(session, lots)
    rests: dict[Fate, list[_Freed]] = {}
    for lot in lots:
        if available[lot.id]:
            rests.setdefault(lot_life.fate_at_end(lot), []).append(_Freed(lot, available[lot.id], None))
    instants = {id_: instant for id_, (_, instant) in ended.items()}
    for fate, freed in rests.items():
        await _move(session, fate, freed, instants)
    await queries.mark_ended(session, instants)


async def _reverse(
    session: AsyncSession, amounts: Mapping[UUID, int | None], at: datetime, reason: str
) -> dict[UUID, int]:
    """Reverse the captures of holds; return what came back by hold. `Refused` where a hold was not captured."""
    rows = await queries.captures_of(session, list(amounts))
    if len(rows) != len(amounts):
        raise Refused("unknown_reference")
    await ledger.reverse(
        session,
        [Reversal(ids.new_id(), row.id, reason, at, amounts[row.hold_id], row.cause_id) for row in rows],
    )
    return {row.hold_id: amounts[row.hold_id] or row.amount_cents for row in rows}


async def _send_on(
    session: AsyncSession,
    freed: Sequence[tuple[HeldLot, int]],
    at: datetime,
    *,
    caused_by_employee: bool,
    asked_on: date | None = None,
) -> None:
    day = clock.day_of(at)
    by_fate: dict[Fate, list[_Freed]] = {}
    for lot, amount_cents in freed:
        fate = lot_life.fate_of_freed(
            lot, day, caused_by_employee=caused_by_employee, grace_window_days=lot.grace_window_days
        )
        if fate != "stays" and amount_cents:
            by_fate.setdefault(fate, []).append(_Freed(lot, amount_cents, lot.hold_id, _grace_days(lot, asked_on)))
    for fate, parts in by_fate.items():
        # A sweep may be late with what was due before the lot ended: credit cannot go on before that.
        await _move(session, fate, parts, {each.lot.id: max(at, each.lot.ended_at or at) for each in parts})


async def _move(session: AsyncSession, fate: Fate, freed: Sequence[_Freed], instants: Mapping[UUID, datetime]) -> None:
    """Move freed credit out of its lots: into one new lot each, or to the heirs' accounts."""
    targets = await _successors(session, fate, freed, instants) if fate in {"grace", "carried_over"} else {}
    sums: dict[UUID, _Freed] = {}
    for each in freed:
        before = sums.get(each.lot.id)
        sums[each.lot.id] = _Freed(
            each.lot, each.amount_cents + (before.amount_cents if before else 0), each.cause_id if not before else None
        )
    await ledger.transfer(
        session,
        [
            NewTransfer(
                ids.new_id(),
                lot_id,
                targets.get(lot_id, each.lot.heir_account_id),
                each.amount_cents,
                fate,
                instants[lot_id],
                each.cause_id,
            )
            for lot_id, each in sums.items()
        ],
    )


async def _successors(
    session: AsyncSession, fate: Fate, freed: Sequence[_Freed], instants: Mapping[UUID, datetime]
) -> dict[UUID, UUID]:
    """Open a lot for what was freed on each lot; return its id by the old one's."""
    amounts: dict[UUID, int] = {}
    for each in freed:
        amounts[each.lot.id] = amounts.get(each.lot.id, 0) + each.amount_cents
    lives = {each.lot.id: each for each in freed}
    made = {lot_id: ids.new_id() for lot_id in amounts}
    days = {lot_id: clock.day_of(instants[lot_id]) for lot_id in amounts}
    until = {lot_id: _lives_until(lives[lot_id], fate, day) for lot_id, day in days.items()}
    await ledger.open_accounts(session, [NewAccount(lot_id, "lot", lot_id) for lot_id in made.values()])
    await queries.INSERT_SUCCESSORS.run(
        session,
        ids=list(made.values()),
        grace_of=list(made),
        amounts=[amounts[lot_id] for lot_id in made],
        valid_from=[days[lot_id] for lot_id in made],
        expires_on=list(until.values()),
        grace_until=[until[lot_id] if fate == "grace" else None for lot_id in made],
        created_at=clock.now(),
    )
    return made


def _grace_days(lot: HeldLot, asked_on: date | None) -> int:
    """Return how long grace is; shorter where a request of the lot's last days simply was not answered."""
    if asked_on is not None and lot_life.in_window(lot, asked_on, lot.grace_window_days):
        return min(lot.grace_days, settings().unanswered_grace_days)
    return lot.grace_days


def _lives_until(freed: _Freed, fate: Fate, day: date) -> date:
    """Return the last day of the lot that continues what was freed on a day."""
    if fate != "grace":
        return lot_life.carried_until(freed.lot.expires_on, day)
    return day + timedelta(days=freed.grace_days)
