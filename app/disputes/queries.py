"""Disputes as they are stored; a person sees her own, the operator all."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.bookings import queries as bookings
from app.bookings.queries import UnitState
from app.db import NOTHING, Query
from app.disputes.models import DisputeStatus
from app.errors import NotFound
from app.listing import Found, ListQuery, Window


@dataclass(frozen=True, slots=True)
class DisputeRow:
    """A dispute with the names that the operator reads."""

    id: UUID
    booking_id: UUID
    user_id: UUID
    provider_id: UUID
    provider_name: str
    offering_name: str
    status: DisputeStatus
    sealed_reason: bytes
    contested_cents: int
    created_at: datetime
    decide_by: datetime
    decided_at: datetime | None
    sealed_decision: bytes | None
    refund_cents: int | None
    unit_ids: list[UUID]


DISPUTE = Query(DisputeRow, "disputes.dispute")
DISPUTES = ListQuery(
    DisputeRow,
    "disputes.disputes",
    {"created_at": "id uuid", "decide_by": "decide_by timestamptz, id uuid"},
    replan=True,
)
STATUS_LOCKED = Query(str, "disputes.status_locked")
OPEN = Query(NOTHING, "disputes.open")
DECIDE = Query(NOTHING, "disputes.decide")


async def dispute(session: AsyncSession, dispute_id: UUID, *, user_id: UUID | None = None) -> DisputeRow:
    """Return a dispute, a person's where she is named; NotFound for anybody else's."""
    found = await DISPUTE.maybe(session, id=dispute_id, user_id=user_id)
    if found is None:
        raise NotFound
    return found


async def disputes(
    session: AsyncSession,
    window: Window,
    *,
    user_id: UUID | None,
    statuses: Sequence[DisputeStatus] | None,
    provider_id: UUID | None = None,
    opened_from: datetime | None = None,
    opened_before: datetime | None = None,
) -> Found[DisputeRow]:
    """Return disputes: a person's, or all."""
    return await DISPUTES.page(
        session, window, user_id=user_id, statuses=statuses, provider_id=provider_id, opened_from=opened_from,
        opened_before=opened_before,
    )  # fmt: skip


async def units_of(session: AsyncSession, rows: Sequence[DisputeRow]) -> dict[UUID, list[UnitState]]:
    """Return the units of each dispute, in one query."""
    booked = await bookings.units_of(session, list({row.booking_id for row in rows}))
    return {row.id: [unit for unit in booked[row.booking_id] if unit.id in row.unit_ids] for row in rows}
