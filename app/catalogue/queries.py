"""Reads of the catalogue that its provider and the modules above need; tenant scope is in every statement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

Row = Mapping[str, Any]

_OFFERING = """
SELECT o.id, o.provider_id, o.site_id, o.name, o.description, o.category, o.mode, o.unit, o.vat_code, o.min_age,
    o.max_age, o.confirmation, o.response_hours, o.min_notice_hours, o.free_until_hours, o.late_fee_bps,
    o.no_show_fee_bps, o.audience, o.access, o.status, o.external_id, o.metadata, o.created_at, o.version,
    ARRAY(SELECT a.istat_code FROM offering_area a WHERE a.offering_id = o.id ORDER BY a.istat_code) AS service_area,
    (SELECT p.price_cents FROM price p WHERE p.offering_id = o.id
        AND p.valid_from <= :today AND (p.valid_to IS NULL OR p.valid_to > :today)) AS price_cents
FROM offering o WHERE o.provider_id = :provider
"""
_SITE = "SELECT id, name, street, postcode, istat_code, version FROM site WHERE provider_id = :provider"
SITES = text(_SITE + " AND id > :after ORDER BY id LIMIT :limit")
SITE = text(_SITE + " AND id = :id")
SITE_LOCKED = text(_SITE + " AND id = :id FOR NO KEY UPDATE")
OFFERINGS = text(_OFFERING + " AND o.id > :after ORDER BY o.id LIMIT :limit")
OFFERING = text(_OFFERING + " AND o.id = :id")
OFFERING_LOCK = text("SELECT 1 FROM offering WHERE provider_id = :provider AND id = :id FOR NO KEY UPDATE")
PRICES = text(
    "SELECT p.id, p.offering_id, p.price_cents, p.valid_from, p.valid_to FROM price p"
    " JOIN offering o ON o.id = p.offering_id"
    " WHERE o.provider_id = :provider AND o.id = :offering AND p.valid_from > CAST(:after AS date)"
    " ORDER BY p.valid_from LIMIT :limit"
)
UNKNOWN_MUNICIPALITIES = text(
    "SELECT given.code FROM unnest(CAST(:codes AS text[])) AS given (code)"
    " WHERE NOT EXISTS (SELECT 1 FROM municipality m WHERE m.istat_code = given.code)"
)
PROVIDER_LOCKED = text("SELECT organisation_id, version FROM provider WHERE organisation_id = :id FOR NO KEY UPDATE")
BOOKABLE = text("""
    SELECT o.id, o.provider_id, o.site_id, o.name, o.category, o.mode, o.unit, o.vat_code, o.min_age, o.max_age,
        o.confirmation, o.response_hours, o.min_notice_hours, o.free_until_hours, o.late_fee_bps, o.no_show_fee_bps,
        o.audience, o.access, o.status,
        g.name AS provider_name, v.phone AS provider_phone, v.earned_account_id, v.payable_account_id,
        ARRAY(SELECT a.istat_code FROM offering_area a WHERE a.offering_id = o.id ORDER BY 1) AS service_area,
        (SELECT coalesce(array_agg(p.price_cents ORDER BY p.valid_from), '{}') FROM price p
            WHERE p.offering_id = o.id AND (p.valid_to IS NULL OR p.valid_to > :on)) AS price_cents,
        (SELECT coalesce(array_agg(p.valid_from ORDER BY p.valid_from), '{}') FROM price p
            WHERE p.offering_id = o.id AND (p.valid_to IS NULL OR p.valid_to > :on)) AS price_from,
        (SELECT coalesce(array_agg(p.valid_to ORDER BY p.valid_from), '{}') FROM price p
            WHERE p.offering_id = o.id AND (p.valid_to IS NULL OR p.valid_to > :on)) AS price_to,
        s.ids, s.starts, s.ends, s.seats_left, s.statuses
    FROM offering o
    JOIN provider v ON v.organisation_id = o.provider_id
    JOIN organisation g ON g.id = o.provider_id
    CROSS JOIN LATERAL (
        SELECT coalesce(array_agg(slot.id ORDER BY slot.id), '{}') AS ids,
            array_agg(slot.starts_at ORDER BY slot.id) AS starts,
            array_agg(slot.ends_at ORDER BY slot.id) AS ends,
            array_agg(slot.capacity - slot.taken ORDER BY slot.id) AS seats_left,
            array_agg(slot.status ORDER BY slot.id) AS statuses
        FROM slot WHERE slot.id = ANY(CAST(:slots AS uuid[])) AND slot.offering_id = o.id
    ) AS s
    WHERE o.id = :id
""")


@dataclass(frozen=True, slots=True)
class DatedPrice:
    """A price in cents, from `valid_from` to before `valid_to` (None: open-ended)."""

    price_cents: int
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class OfferedSlot:
    id: UUID
    starts_at: datetime
    ends_at: datetime
    seats_left: int
    status: str


@dataclass(frozen=True, slots=True)
class BookableOffering:
    """Everything a quote asks about an offering; whether it may be booked is for the caller to decide."""

    id: UUID
    provider_id: UUID
    site_id: UUID | None
    name: str
    category: str
    mode: str
    unit: str
    vat_code: str
    min_age: int | None
    max_age: int | None
    confirmation: str
    response_hours: int
    min_notice_hours: int
    free_until_hours: int
    late_fee_bps: int
    no_show_fee_bps: int
    audience: str
    access: str
    status: str
    provider_name: str
    provider_phone: str | None
    earned_account_id: UUID
    payable_account_id: UUID
    service_area: tuple[str, ...]
    prices: tuple[DatedPrice, ...]
    slots: Mapping[UUID, OfferedSlot]

    def price_on(self, day: date) -> int | None:
        """Return the price valid on that Rome day, in cents."""
        for price in self.prices:
            if price.valid_from <= day and (price.valid_to is None or day < price.valid_to):
                return price.price_cents
        return None

    def serves(self, istat_code: str | None) -> bool:
        """Whether the municipality is in the service area; an empty area restricts nothing."""
        return not self.service_area or istat_code in self.service_area

    def in_notice(self, starts_at: datetime, now: datetime) -> bool:
        """Whether a start is in the future and far enough for the provider's notice."""
        return starts_at > now + timedelta(hours=self.min_notice_hours)


async def bookable_offering(
    session: AsyncSession, offering_id: UUID, on: date, slot_ids: Sequence[UUID] = ()
) -> BookableOffering | None:
    """Return an offering of any status with its prices valid on or after a day and those of the asked slots it has."""
    found = (
        (await session.execute(BOOKABLE, {"id": offering_id, "on": on, "slots": list(slot_ids)}))
        .mappings()
        .one_or_none()
    )
    if found is None:
        return None
    row = dict(found)
    prices = zip(row.pop("price_cents"), row.pop("price_from"), row.pop("price_to"), strict=True)
    ids, *others = (row.pop(name) or () for name in ("ids", "starts", "ends", "seats_left", "statuses"))
    slots = (OfferedSlot(*values) for values in zip(ids, *others, strict=True))
    return BookableOffering(
        **{**row, "service_area": tuple(row["service_area"])},
        prices=tuple(DatedPrice(*values) for values in prices),
        slots={slot.id: slot for slot in slots},
    )


async def all_of(session: AsyncSession, statement: Any, **values: Any) -> Sequence[Row]:  # noqa: ANN401 - SQL values
    """Run one statement and return its rows by column name."""
    return [dict(row) for row in (await session.execute(statement, values)).mappings()]


async def one_of(session: AsyncSession, statement: Any, **values: Any) -> Row | None:  # noqa: ANN401 - SQL values
    """Run one statement and return its only row by column name."""
    found = (await session.execute(statement, values)).mappings().one_or_none()
    return None if found is None else dict(found)
