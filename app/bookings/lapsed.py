"""Units booked on credit with a provider whose accreditation or admission ended before them end free for everybody."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.bookings import state
from app.bookings.decisions import no_fee
from app.bookings.ending import Ending, end
from app.bookings.models import OPEN
from app.db import APP, WORKER, Query

BATCH = 200


@dataclass(frozen=True, slots=True)
class LapsedUnit:
    """An open unit on credit, on a day on which its provider takes none any more."""

    id: UUID
    booking_id: UUID
    provider_id: UUID
    status_at: datetime
    lapsed_on: date

    @property
    def due_at(self) -> datetime:
        """The first instant without the accreditation, or of the booking where that came later on the same day."""
        return max(clock.midnight(self.lapsed_on), self.status_at)


LAPSED_UNITS = Query(LapsedUnit, "bookings.lapsed_units", roles=(APP, WORKER))


async def due(session: AsyncSession, now: datetime) -> datetime | None:
    return min((unit.due_at for unit in await _lapsed(session, now)), default=None)


async def cancel(session: AsyncSession, until: datetime) -> int:
    """Cancel them: credit returns to the employee as after any ending that was not hers."""
    lapsed = await _lapsed(session, until)
    await state.lock_ahead(session, list({unit.booking_id for unit in lapsed}))
    for (booking_id, provider_id), units in groupby(lapsed, key=lambda unit: (unit.booking_id, unit.provider_id)):
        due_at = {unit.id: unit.due_at for unit in units}
        loaded = await state.load(session, booking_id, provider_id=provider_id)
        endings = [
            Ending(unit, no_fee(unit), "cancelled")
            for unit in loaded.units
            if unit.id in due_at and unit.status in OPEN
        ]
        if endings:
            at = max(due_at.values())
            await end(session, loaded, endings, "booking.cancelled", caused_by_employee=False, at=at)
    return len(lapsed)


async def _lapsed(session: AsyncSession, at: datetime) -> Sequence[LapsedUnit]:
    found = await LAPSED_UNITS.all(session, today=clock.day_of(at), limit=BATCH)
    return [unit for unit in found if unit.due_at <= at]
