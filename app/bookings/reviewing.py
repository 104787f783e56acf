"""Deciding again what credit may pay of what is to come, and what becomes of units that it may not pay any more.

Facts about a relative change (she moves out, a certificate is withdrawn, she dies), or the rules of law do. Each open
unit on credit is asked about anew: one that is no longer allowed is flagged, waits for its person until a deadline, and
is then cancelled free of charge; one that is allowed again loses the flag. What has begun keeps what was decided.
"""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import ids
from app.actor import Actor
from app.beneficiaries import actions as beneficiaries
from app.beneficiaries.queries import BeneficiaryRow, known_of
from app.beneficiaries.schemas import BeneficiaryUpdate
from app.bookings import ending, notices, queries, state, views
from app.bookings.decisions import Loaded, no_fee, review_by
from app.bookings.ending import Ending
from app.bookings.examining import Examiner, rules_digest
from app.bookings.models import OPEN
from app.bookings.queries import UnitState, WhoseBooking
from app.bookings.schemas import BookingRead, Resolution
from app.credit import actions as credit
from app.credit.queries import lot_terms
from app.rules.book import book_in_force

BATCH = 100


async def change_facts(
    session: AsyncSession, actor: Actor, beneficiary_id: UUID, version: int, data: BeneficiaryUpdate
) -> BeneficiaryRow:
    """Change what is known of a beneficiary, and decide again about what is booked for her."""
    row = await beneficiaries.update_beneficiary(session, actor, beneficiary_id, version, data)
    if row.version != version:
        booking_ids = await queries.TO_REVIEW.all(session, user_id=actor.user_id, beneficiary_id=beneficiary_id)
        await state.lock_ahead(session, booking_ids)
        if await _review(session, actor.user_id, beneficiary_id, booking_ids):
            await notices.warn(session, [actor.user_id])
    return row


async def resolve(
    session: AsyncSession, user_id: UUID, booking_id: UUID, unit_ids: Sequence[UUID] | None, how: Resolution
) -> BookingRead:
    """Let the person pay for doubtful units herself, or cancel them free of charge."""
    loaded = await state.load(session, booking_id, user_id=user_id)
    chosen = loaded.chosen(unit_ids, loaded.doubtful)
    loaded.require(chosen, loaded.doubtful)
    after = await (_cancel(session, loaded, chosen) if how == "cancel" else _pay_oneself(session, loaded, chosen))
    await notices.tell_providers(session, [loaded.booking.provider_id])
    return views.booking_read(after)


async def due(session: AsyncSession, now: datetime) -> datetime | None:
    """Return now where something was decided with other rules than those in force."""
    other = await queries.ANY_DECIDED_OTHERWISE.one(session, digest=rules_digest())
    return now if other else None


async def review(session: AsyncSession, until: datetime) -> int:  # noqa: ARG001 - rules change without an instant
    """Decide again about a batch of bookings after the rules have changed."""
    found = await queries.DECIDED_OTHERWISE.all(session, digest=rules_digest(), limit=BATCH)
    await state.lock_ahead(session, [row.id for row in found])
    warned = [row.user_id for row in found if await _review(session, row.user_id, row.beneficiary_id, [row.id])]
    await notices.warn(session, warned)
    return len(found)


async def cancel_unresolved(session: AsyncSession, until: datetime) -> int:
    """Cancel units of which nobody said in time what becomes of them; tell both sides."""
    found = await queries.UNRESOLVED.all(session, until=until, limit=BATCH)
    await state.lock_ahead(session, [row.id for row in found])
    return sum([await _cancel_late(session, row, until) for row in found])


async def _cancel_late(session: AsyncSession, row: WhoseBooking, until: datetime) -> int:
    loaded = await state.load(session, row.id, user_id=row.user_id)
    late = [unit for unit in loaded.units if unit.review_by is not None and unit.review_by <= until]
    if late:
        await _cancel(session, loaded, late, at=max(unit.review_by or until for unit in late))
        await notices.tell(session, row.user_id, "booking_cancelled", row.id)
        await notices.tell_providers(session, [row.provider_id])
    return len(late)


async def _review(session: AsyncSession, user_id: UUID, beneficiary_id: UUID, booking_ids: Sequence[UUID]) -> bool:
    """Decide again about locked bookings for one beneficiary; return whether any unit has become doubtful."""
    facts, died_on = await known_of(session, beneficiary_id)
    doubtful = False
    for booking_id in booking_ids:
        loaded = await state.load(session, booking_id, user_id=user_id)
        if died_on is not None:
            loaded = await _end_after_death(session, loaded, died_on)
        examiner = Examiner(loaded.booking.category, facts, book_in_force())
        doubtful |= await _decide_again(session, loaded, examiner)
    await queries.MARK_DECIDED.run(session, ids=list(booking_ids), digest=rules_digest())
    return doubtful


async def _decide_again(session: AsyncSession, loaded: Loaded, examiner: Examiner) -> bool:
    ahead = [unit for unit in loaded.open_units if unit.on_credit and unit.starts_at > loaded.now]
    lots = await lot_terms(session, {leg.lot_id for unit in ahead for leg in unit.legs if leg.lot_id is not None})
    flags: dict[UUID, datetime | None] = {}
    for unit in ahead:
        codes = examiner.still(lots, unit.legs, unit.service_on)
        if codes is None and not unit.needs_review:
            flags[unit.id] = review_by(unit, loaded.now)
        elif codes is not None and unit in loaded.doubtful:
            flags[unit.id] = None
        await _recode(session, unit, codes or {})
    if flags:
        await queries.REVIEW.run(
            session,
            booking_id=loaded.booking.id,
            units=list(flags),
            review_bys=list(flags.values()),
            event_id=ids.new_id(),
            at=loaded.now,
        )
    return any(flags.values())


async def _recode(session: AsyncSession, unit: UnitState, codes: dict[UUID, str]) -> None:
    """Note the rule under which credit pays now, where it is another."""
    other = {leg.id: codes[leg.id] for leg in unit.legs if leg.id in codes and codes[leg.id] != leg.rule_code}
    if other:
        await queries.RECODE.run(session, legs=list(other), rule_codes=list(other.values()))


async def _end_after_death(session: AsyncSession, loaded: Loaded, died_on: date) -> Loaded:
    """End what is to come free of charge, whoever would have paid, and as not the employee's doing."""
    ending_units = [
        Ending(unit, no_fee(unit), "cancelled")
        for unit in loaded.open_units
        if unit.starts_at > loaded.now or unit.service_on > died_on
    ]
    if not ending_units:
        return loaded
    ended = await ending.end(session, loaded, ending_units, "booking.cancelled", caused_by_employee=False)
    await notices.tell_providers(session, [loaded.booking.provider_id])
    return ended


async def _cancel(
    session: AsyncSession, loaded: Loaded, units: Sequence[UnitState], at: datetime | None = None
) -> Loaded:
    endings = [Ending(unit, no_fee(unit), "cancelled") for unit in units if unit.status in OPEN]
    return await ending.end(session, loaded, endings, "booking.cancelled", caused_by_employee=True, at=at)


async def _pay_oneself(session: AsyncSession, loaded: Loaded, units: Sequence[UnitState]) -> Loaded:
    """Free the credit of units, then let their person owe the provider."""
    holds = [leg.hold_id for unit in units for leg in unit.legs if leg.hold_id is not None]
    await credit.release(session, holds, at=loaded.now, caused_by_employee=True)
    await queries.PAY_OWN_MONEY.run(
        session,
        booking_id=loaded.booking.id,
        units=[unit.id for unit in units],
        legs=[ids.new_id() for _ in units],
        event_id=ids.new_id(),
        at=loaded.now,
    )
    return await state.load(session, loaded.booking.id, user_id=loaded.booking.user_id)
