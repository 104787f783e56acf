"""What a provider does with many visits at once: booking by booking, all or none, or each by itself."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.bookings import provider_actions, queries, state
from app.bookings.models import UnitStatus
from app.bookings.schemas import ProviderBookingRead
from app.errors import AppError, NotFound

Verb = Callable[[UUID, list[UUID]], Awaitable[ProviderBookingRead]]


@dataclass
class Done:
    """What became of the visits that were named: their bookings, their states, why nothing was done."""

    bookings: dict[UUID, UUID] = field(default_factory=dict)
    states: dict[UUID, UnitStatus] = field(default_factory=dict)
    refused: dict[UUID, AppError] = field(default_factory=dict)


async def confirm(session: AsyncSession, provider_id: UUID, unit_ids: Sequence[UUID], *, each: bool) -> Done:
    """Accept the requests that these units belong to."""

    async def verb(booking_id: UUID, _units: list[UUID]) -> ProviderBookingRead:
        return await provider_actions.confirm(session, provider_id, booking_id)

    return await _in_turn(session, provider_id, unit_ids, verb, each=each)


async def deliver(session: AsyncSession, provider_id: UUID, unit_ids: Sequence[UUID], *, each: bool) -> Done:
    """Mark these units delivered."""

    async def verb(booking_id: UUID, units: list[UUID]) -> ProviderBookingRead:
        return await provider_actions.deliver(session, provider_id, booking_id, units)

    return await _in_turn(session, provider_id, unit_ids, verb, each=each)


async def _in_turn(
    session: AsyncSession, provider_id: UUID, unit_ids: Sequence[UUID], verb: Verb, *, each: bool
) -> Done:
    """Do it to each booking, locked before in the one order; what is refused stops all, unless each is for itself."""
    done = Done()
    for row in await queries.BOOKINGS_OF_UNITS.all(session, provider_id=provider_id, unit_ids=list(unit_ids)):
        done.bookings[row.unit_id] = row.booking_id
    done.refused = {unit_id: NotFound() for unit_id in unit_ids if unit_id not in done.bookings}
    if done.refused and not each:
        raise NotFound
    bookings = list(dict.fromkeys(done.bookings.values()))
    await state.lock_ahead(session, bookings)
    for booking_id in bookings:
        units = [unit_id for unit_id in unit_ids if done.bookings.get(unit_id) == booking_id]
        try:
            async with session.begin_nested():
                answer = await verb(booking_id, units)
        except AppError as error:
            if not each:
                raise
            done.refused |= dict.fromkeys(units, error)
        else:
            done.states |= {unit.id: unit.status for unit in answer.units if unit.id in units}
    return done
