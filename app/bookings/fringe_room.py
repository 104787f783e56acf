"""What a quote needs of the limit of fringe benefits: what is left, and that it goes no further."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.bookings.queries import QuotedUnit
from app.config import settings
from app.credit.actions import UsableLot
from app.fringe import actions as fringe
from app.fringe.decisions import Room
from app.fringe.errors import FringeLimitExceeded
from app.rules.book import RuleBook
from app.rules.rows import RuleCode

FRINGE: RuleCode = "C3_FRINGE"
Rooms = Mapping[tuple[UUID, int], Room]
"""By employment and tax year."""


async def rooms(
    session: AsyncSession, user_id: UUID, lots: Sequence[UsableLot], units: Iterable[QuotedUnit], book: RuleBook
) -> Rooms:
    """Return the rooms that these units could use; none where no lot may pay under C3, or nobody signed its limit."""
    able = {lot.employee_id for lot in lots if FRINGE in lot.rule_codes}
    if not able:
        return {}
    found = await fringe.rooms(session, user_id, {unit.service_on.year for unit in units}, book)
    return {key: room for key, room in found.items() if key[0] in able and (room.limit.signed or settings().sandbox)}


async def claim(session: AsyncSession, found: Rooms, lots: Sequence[UsableLot], units: Sequence[QuotedUnit]) -> None:
    """Refuse a plan that goes beyond a limit; else store the limits, which the database keeps when it is booked."""
    employments = {lot.id: lot.employee_id for lot in lots}
    wanted: dict[tuple[UUID, UUID, int], int] = {}
    used: dict[tuple[UUID, UUID, int], Room] = {}
    for unit in units:
        for leg in unit.legs:
            if leg.rule_code == FRINGE and leg.source_id is not None:
                room = found[employments[leg.source_id], unit.service_on.year]
                used[room.key] = room
                wanted[room.key] = wanted.get(room.key, 0) + leg.amount_cents
    full = [room.left_cents for key, room in used.items() if wanted[key] > room.left_cents]
    if full:
        raise FringeLimitExceeded(min(full))
    for key in sorted(used):
        await fringe.open_year(session, used[key])


def shown(found: Rooms) -> dict[str, int] | None:
    """Return what a quote shows: of several employers and years the one with the least left."""
    room = min(found.values(), key=lambda one: (one.left_cents, one.year.tax_year, one.key), default=None)
    if room is None:
        return None
    return {
        "tax_year": room.year.tax_year,
        "limit_cents": room.limit.cents,
        "used_cents": room.taken_cents,
        "left_cents": room.left_cents,
    }
