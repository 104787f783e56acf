"""Reads and locks of quotes and bookings; every one is scoped to its person or provider."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.bookings.decisions import LegState, Policy, UnitState
from app.db import Direct

INSERT_QUOTE = text("""
    INSERT INTO care.quote (id, user_id, provider_id, offering_id, beneficiary_id, beneficiary_version, total_cents,
        credit_cents, own_money_cents, units, decisions, created_at, expires_at)
    VALUES (:id, :user_id, :provider_id, :offering_id, :beneficiary_id, :beneficiary_version, :total_cents,
        :credit_cents, :own_money_cents, CAST(:units AS jsonb), CAST(:decisions AS jsonb), :created_at, :expires_at)
""")
QUOTE_TO_BOOK = Direct("""
    SELECT q.id, q.provider_id, q.offering_id, q.beneficiary_id, q.total_cents, q.credit_cents, q.units, q.expires_at,
        b.version = q.beneficiary_version AND b.ended_at IS NULL AS facts_unchanged,
        o.name AS offering_name, o.status AS offering_status, o.vat_code, o.confirmation, o.response_hours,
        o.min_notice_hours, o.free_until_hours, o.late_fee_bps, o.no_show_fee_bps,
        g.name AS provider_name, p.phone AS provider_phone, p.earned_account_id,
        (SELECT booked.status FROM care.booking booked WHERE booked.quote_id = q.id) AS booked_status,
        (SELECT json_object_agg(l.id, r.fee_funding) FROM lot l JOIN programme r ON r.id = l.programme_id
            WHERE l.id IN (SELECT (f ->> 'source_id')::uuid FROM jsonb_array_elements(q.units) u,
                jsonb_array_elements(u -> 'funding') f WHERE f ->> 'source' <> 'own_money')) AS fee_funding
    FROM care.quote q
    JOIN care.beneficiary b ON b.id = q.beneficiary_id
    JOIN offering o ON o.id = q.offering_id
    JOIN provider p ON p.organisation_id = q.provider_id
    JOIN organisation g ON g.id = q.provider_id
    WHERE q.id = :quote_id AND q.user_id = :user_id
""")
# One statement takes the seats and writes everything: a shortage of seats shows in `seats`, the caller rolls back.
BOOK = Direct("""
    WITH locked AS (
        SELECT id FROM slot WHERE id = ANY (CAST(:slot_ids AS uuid[])) ORDER BY id FOR NO KEY UPDATE
    ), seats AS (
        UPDATE slot SET taken = taken + 1
        WHERE id IN (SELECT id FROM locked) AND status = 'open' AND taken < capacity AND starts_at > :bookable_from
        RETURNING id
    ), new_booking AS (
        INSERT INTO care.booking (id, quote_id, user_id, provider_id, offering_id, beneficiary_id, status,
            free_until_hours, late_fee_bps, no_show_fee_bps, confirm_by, sealed_note, created_at)
        SELECT :booking_id, q.id, q.user_id, q.provider_id, q.offering_id, q.beneficiary_id, :status,
            :free_until_hours, :late_fee_bps, :no_show_fee_bps, :confirm_by, :sealed_note, :now
        FROM care.quote q WHERE q.id = :quote_id
        RETURNING id, provider_id
    ), new_units AS (
        INSERT INTO care.unit (id, booking_id, provider_id, index, slot_id, status, status_at, starts_at, ends_at,
            price_cents, vat_code, fee_funding, own_money_due_cents)
        SELECT u.id, b.id, b.provider_id, u.index, u.slot_id, :status, :now, u.starts_at, u.ends_at, u.price_cents,
            :vat_code, u.fee_funding, u.own_money_due_cents
        FROM new_booking b, jsonb_to_recordset(CAST(:units AS jsonb)) AS u (id uuid, index int, slot_id uuid,
            starts_at timestamptz, ends_at timestamptz, price_cents bigint, fee_funding text,
            own_money_due_cents bigint)
        RETURNING id
    ), new_legs AS (
        INSERT INTO care.leg (id, unit_id, source, lot_id, hold_id, amount_cents, rule_code)
        SELECT l.id, n.id, l.source, l.lot_id, l.hold_id, l.amount_cents, l.rule_code
        FROM jsonb_to_recordset(CAST(:legs AS jsonb)) AS l (id uuid, unit_id uuid, source text, lot_id uuid,
            hold_id uuid, amount_cents bigint, rule_code text) JOIN new_units n ON n.id = l.unit_id
    ), new_event AS (
        INSERT INTO event (id, type, object_kind, object_id, organisation_ids, created_at)
        SELECT :event_id, :event_type, 'booking', b.id, ARRAY[b.provider_id], :now FROM new_booking b
    )
    SELECT (SELECT count(*) FROM seats) AS seats, (SELECT count(*) FROM slot s WHERE
        s.id = ANY (CAST(:slot_ids AS uuid[])) AND (s.status <> 'open' OR s.starts_at <= :bookable_from)) AS closed
""")
BOOKING_COLUMNS = """
    b.id, b.user_id, b.provider_id, b.offering_id, b.beneficiary_id, b.status, b.free_until_hours, b.late_fee_bps,
    b.no_show_fee_bps, b.confirm_by, b.sealed_note, b.sealed_end_reason, b.created_at, b.version,
    o.name AS offering_name, g.name AS provider_name, p.phone AS provider_phone,
    p.earned_account_id, p.payable_account_id
"""
BOOKING_JOINS = """
    care.booking b JOIN offering o ON o.id = b.offering_id
    JOIN provider p ON p.organisation_id = b.provider_id JOIN organisation g ON g.id = b.provider_id
"""
UNITS = text("""
    SELECT u.id, u.booking_id, u.index, u.slot_id, u.status, u.starts_at, u.ends_at, u.price_cents, u.fee_funding,
        u.fee_cents, u.fee_source, u.own_money_due_cents, u.captured_cents, u.disputed, u.needs_review, u.complete_at,
        coalesce((SELECT json_agg(json_build_array(l.id, l.source, l.lot_id, l.hold_id, l.amount_cents, l.rule_code)
            ORDER BY l.id) FROM care.leg l WHERE l.unit_id = u.id), '[]') AS legs
    FROM care.unit u WHERE u.booking_id = ANY (CAST(:booking_ids AS uuid[])) ORDER BY u.booking_id, u.index
""")
STATUS_NOW = "CASE WHEN b.status = 'requested' AND b.confirm_by <= :now THEN 'expired' ELSE b.status END"


async def share_an_alliance(session: AsyncSession, provider_id: UUID, company_ids: Sequence[UUID]) -> bool:
    """Whether one of the companies is a member of an alliance that the provider is in."""
    found = await session.execute(
        text(
            "SELECT EXISTS (SELECT FROM alliance_membership mine JOIN alliance_membership theirs"
            " ON theirs.alliance_id = mine.alliance_id AND theirs.ended_on IS NULL"
            " WHERE theirs.organisation_id = :provider_id AND mine.ended_on IS NULL"
            " AND mine.organisation_id = ANY (CAST(:company_ids AS uuid[])))"
        ),
        {"provider_id": provider_id, "company_ids": list(company_ids)},
    )
    return bool(found.scalar_one())


async def quote_to_book(session: AsyncSession, user_id: UUID, quote_id: UUID) -> Any:  # noqa: ANN401 - a row
    found = await QUOTE_TO_BOOK.rows(session, {"user_id": user_id, "quote_id": quote_id})
    return found[0] if found else None


async def booking(
    session: AsyncSession,
    booking_id: UUID,
    *,
    user_id: UUID | None = None,
    provider_id: UUID | None = None,
    lock: bool = False,
) -> Any:  # noqa: ANN401 - a row
    """Return one booking of a person or a provider, or None; `lock` serialises all commands on it."""
    scope = "b.user_id = :owner" if user_id is not None else "b.provider_id = :owner"
    found = await session.execute(
        text(
            f"SELECT {BOOKING_COLUMNS} FROM {BOOKING_JOINS} WHERE b.id = :id AND {scope}"  # noqa: S608 - fixed parts
            + (" FOR NO KEY UPDATE OF b" if lock else "")
        ),
        {"id": booking_id, "owner": user_id or provider_id},
    )
    return found.one_or_none()


async def person_bookings(
    session: AsyncSession, user_id: UUID, now: datetime, *, status: str | None, after: UUID | None, limit: int
) -> Sequence[Any]:
    found = await session.execute(
        text(
            f"SELECT {BOOKING_COLUMNS} FROM {BOOKING_JOINS} WHERE b.user_id = :user_id"  # noqa: S608 - fixed parts
            f" AND (CAST(:status AS text) IS NULL OR {STATUS_NOW} = :status)"
            " AND (CAST(:after AS uuid) IS NULL OR b.id < :after) ORDER BY b.id DESC LIMIT :limit"
        ),
        {"user_id": user_id, "now": now, "status": status, "after": after, "limit": limit},
    )
    return found.all()


async def provider_bookings(
    session: AsyncSession,
    provider_id: UUID,
    now: datetime,
    *,
    status: str | None,
    starts_from: datetime | None,
    starts_before: datetime | None,
    after: UUID | None,
    limit: int,
) -> Sequence[Any]:
    found = await session.execute(
        text(
            f"SELECT {BOOKING_COLUMNS} FROM {BOOKING_JOINS} WHERE b.provider_id = :provider_id"  # noqa: S608 - fixed
            f" AND (CAST(:status AS text) IS NULL OR {STATUS_NOW} = :status)"
            " AND (CAST(:after AS uuid) IS NULL OR b.id < :after)"
            " AND (CAST(:starts_from AS timestamptz) IS NULL AND CAST(:starts_before AS timestamptz) IS NULL"
            " OR EXISTS (SELECT 1 FROM care.unit u WHERE u.provider_id = b.provider_id AND u.booking_id = b.id"
            " AND u.starts_at >= coalesce(:starts_from, '-infinity')"
            " AND u.starts_at < coalesce(:starts_before, 'infinity')))"
            " ORDER BY b.id DESC LIMIT :limit"
        ),
        {
            "provider_id": provider_id,
            "now": now,
            "status": status,
            "starts_from": starts_from,
            "starts_before": starts_before,
            "after": after,
            "limit": limit,
        },
    )
    return found.all()


async def units_of(session: AsyncSession, booking_ids: Sequence[UUID]) -> dict[UUID, list[UnitState]]:
    """Return the units of bookings with their legs, in one query."""
    grouped: dict[UUID, list[UnitState]] = {booking_id: [] for booking_id in booking_ids}
    if booking_ids:
        for row in await session.execute(UNITS, {"booking_ids": list(booking_ids)}):
            grouped[row.booking_id].append(_unit(row))
    return grouped


def _unit(row: Any) -> UnitState:  # noqa: ANN401 - a row
    legs = tuple(
        LegState(UUID(leg), source, lot and UUID(lot), hold and UUID(hold), amount, rule_code)
        for leg, source, lot, hold, amount, rule_code in row.legs
    )
    return UnitState(
        row.id,
        row.index,
        row.slot_id,
        row.status,
        row.starts_at,
        row.ends_at,
        row.price_cents,
        row.fee_funding,
        row.fee_cents,
        row.fee_source,
        row.own_money_due_cents,
        row.captured_cents,
        row.disputed,
        row.needs_review,
        row.complete_at,
        legs,
    )


def policy_of(row: Any) -> Policy:  # noqa: ANN401 - a row of bookings or offerings
    return Policy(row.free_until_hours, row.late_fee_bps, row.no_show_fee_bps)


async def beneficiary_contacts(session: AsyncSession, beneficiary_ids: Sequence[UUID]) -> dict[UUID, Any]:
    found = await session.execute(
        text(
            "SELECT id, given_name, family_name, phone, street, postcode, istat_code, sealed_access_notes"
            " FROM care.beneficiary WHERE id = ANY (CAST(:ids AS uuid[]))"
        ),
        {"ids": list(beneficiary_ids)},
    )
    return {row.id: row for row in found}


async def bookings_in_slot(session: AsyncSession, provider_id: UUID, slot_id: UUID) -> Sequence[UUID]:
    """Return bookings with an open unit in a slot, in the order in which they must be locked."""
    found = await session.execute(
        text(
            "SELECT DISTINCT booking_id FROM care.unit WHERE provider_id = :provider_id AND slot_id = :slot_id"
            " AND status IN ('requested', 'confirmed') ORDER BY booking_id"
        ),
        {"provider_id": provider_id, "slot_id": slot_id},
    )
    return [row.booking_id for row in found]


async def unanswered(session: AsyncSession, until: datetime, limit: int) -> Sequence[Any]:
    """Lock requested bookings whose answer was due; oldest first."""
    found = await session.execute(
        text(
            "SELECT id, provider_id, confirm_by FROM care.booking WHERE status = 'requested' AND confirm_by <= :until"
            " ORDER BY confirm_by, id LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED"
        ),
        {"until": until, "limit": limit},
    )
    return found.all()


async def earliest_unanswered(session: AsyncSession, now: datetime) -> datetime | None:
    found = await session.execute(
        text("SELECT min(confirm_by) FROM care.booking WHERE status = 'requested' AND confirm_by <= :now"),
        {"now": now},
    )
    instant: datetime | None = found.scalar_one()
    return instant


async def earliest_to_complete(session: AsyncSession, now: datetime) -> datetime | None:
    found = await session.execute(
        text("SELECT min(complete_at) FROM care.unit WHERE complete_at <= :now AND NOT disputed AND NOT needs_review"),
        {"now": now},
    )
    instant: datetime | None = found.scalar_one()
    return instant


async def bookings_to_complete(session: AsyncSession, until: datetime, limit: int) -> Sequence[Any]:
    """Lock bookings with delivered units whose acknowledgement time is over."""
    found = await session.execute(
        text(
            "SELECT b.id, b.provider_id FROM care.booking b WHERE b.id IN (SELECT u.booking_id FROM care.unit u"
            " WHERE u.complete_at <= :until AND NOT u.disputed AND NOT u.needs_review ORDER BY u.complete_at"
            " LIMIT :limit) ORDER BY b.id FOR NO KEY UPDATE SKIP LOCKED"
        ),
        {"until": until, "limit": limit},
    )
    return found.all()


async def lock_bookings(session: AsyncSession, booking_ids: Sequence[UUID]) -> None:
    """Lock bookings by id."""
    await session.execute(
        text("SELECT id FROM care.booking WHERE id = ANY (CAST(:ids AS uuid[])) ORDER BY id FOR NO KEY UPDATE"),
        {"ids": list(booking_ids)},
    )


async def replace_holds(session: AsyncSession, holds: dict[UUID, UUID]) -> None:
    """Point legs at the fresh holds that replace captured or released ones."""
    if holds:
        await session.execute(
            text(
                "UPDATE care.leg l SET hold_id = n.hold_id FROM unnest(CAST(:legs AS uuid[]), CAST(:holds AS uuid[]))"
                " AS n (id, hold_id) WHERE l.id = n.id"
            ),
            {"legs": list(holds), "holds": list(holds.values())},
        )


async def leavers_units(session: AsyncSession, today: date, limit: int) -> Sequence[Any]:
    """Return open units paid by a programme that ends with the employment, of employments that have ended."""
    found = await session.execute(
        text(
            "SELECT DISTINCT u.id, u.booking_id, u.provider_id, u.starts_at, e.ended_on FROM employee e"
            " JOIN lot l ON l.company_id = e.company_id AND l.employee_id = e.id"
            " JOIN programme p ON p.id = l.programme_id AND p.leavers_rule = 'zero_at_leaving'"
            " JOIN care.leg g ON g.lot_id = l.id JOIN care.unit u ON u.id = g.unit_id"
            " WHERE e.ended_on < :today AND u.status IN ('requested', 'confirmed')"
            # Coarse on purpose (a Rome day ends at 22:00 or 23:00 UTC): the exact midnight is Python's.
            " AND u.starts_at >= CAST(e.ended_on AS timestamptz) + interval '22 hours'"
            " ORDER BY e.ended_on, u.booking_id, u.id LIMIT :limit"
        ),
        {"today": today, "limit": limit},
    )
    return found.all()
