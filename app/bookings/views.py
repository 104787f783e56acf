"""Pure: how a booking looks to its person and to its provider."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from app import clock, config
from app.banking.payment_days import expected_payment_on
from app.bookings.decisions import Policy, UnitState, booking_status, effective_status
from app.bookings.schemas import (
    AddressRead,
    BeneficiaryContactRead,
    BookingRead,
    BookingStatus,
    FundingRead,
    ProviderBookingRead,
    ProviderUnitRead,
    UnitRead,
    UnitStatus,
)
from app.organisations.sealing import open_access_notes

CONTACT_DAYS = 30
ACTIVE = frozenset({"requested", "confirmed"})


@dataclass(frozen=True)
class Head:
    """What a booking says besides its units."""

    id: UUID
    status: str
    offering_id: UUID
    offering_name: str
    provider_id: UUID
    provider_name: str
    provider_phone: str | None
    beneficiary_id: UUID
    confirm_by: datetime | None
    created_at: datetime
    note: str | None
    end_reason: str | None
    policy: Policy


def head_of(row: Any) -> Head:  # noqa: ANN401 - a row of queries.booking
    return Head(
        id=row.id,
        status=row.status,
        offering_id=row.offering_id,
        offering_name=row.offering_name,
        provider_id=row.provider_id,
        provider_name=row.provider_name,
        provider_phone=row.provider_phone,
        beneficiary_id=row.beneficiary_id,
        confirm_by=row.confirm_by,
        created_at=row.created_at,
        note=_open("note", row.sealed_note, row.id),
        end_reason=_open("end_reason", row.sealed_end_reason, row.id),
        policy=Policy(row.free_until_hours, row.late_fee_bps, row.no_show_fee_bps),
    )


def seal(purpose: str, words: str | None, row_id: UUID) -> bytes | None:
    return None if words is None else config.encrypt(purpose, words.encode(), row_id.bytes)


def _open(purpose: str, sealed: bytes | None, row_id: UUID) -> str | None:
    return None if sealed is None else config.decrypt(purpose, bytes(sealed), row_id.bytes).decode()


def status_of(unit: UnitState, head: Head, now: datetime) -> str:
    frozen = unit.frozen and unit.status == "delivered"
    return unit.status if frozen else effective_status(unit.status, head.confirm_by, unit.complete_at, now)


def free_until(head: Head, units: Sequence[UnitState], now: datetime) -> datetime | None:
    """Return until when everything still ahead can be cancelled free; None when nothing is."""
    ahead = [unit.starts_at for unit in units if status_of(unit, head, now) in ACTIVE and unit.starts_at > now]
    return head.policy.free_until(min(ahead)) if ahead else None


def booking_read(head: Head, units: Sequence[UnitState], now: datetime) -> BookingRead:
    statuses = [status_of(unit, head, now) for unit in units]
    return BookingRead(
        id=head.id,
        status=cast("BookingStatus", booking_status(statuses)),
        offering_id=head.offering_id,
        offering_name=head.offering_name,
        provider_id=head.provider_id,
        provider_name=head.provider_name,
        provider_phone=head.provider_phone,
        beneficiary_id=head.beneficiary_id,
        total_cents=sum(unit.price_cents for unit in units),
        credit_cents=sum(unit.price_cents for unit in units if unit.on_credit),
        own_money_due_cents=sum(unit.own_money_due_cents for unit in units),
        confirm_by=head.confirm_by,
        free_until=free_until(head, units, now),
        note=head.note,
        end_reason=head.end_reason,
        created_at=head.created_at,
        units=[_unit_read(unit, status) for unit, status in zip(units, statuses, strict=True)],
    )


def _unit_read(unit: UnitState, status: str) -> UnitRead:
    return UnitRead(
        id=unit.id,
        index=unit.index,
        slot_id=unit.slot_id,
        status=cast("UnitStatus", status),
        starts_at=unit.starts_at,
        ends_at=unit.ends_at,
        price_cents=unit.price_cents,
        funding=[
            FundingRead(
                source=cast("Any", leg.source),
                source_id=leg.lot_id,
                amount_cents=leg.amount_cents,
                rule_code=leg.rule_code,
            )
            for leg in unit.legs
        ],
        fee_cents=unit.fee_cents,
        fee_source=cast("Any", unit.fee_source),
        own_money_due_cents=unit.own_money_due_cents,
        disputed=unit.disputed,
        needs_review=unit.needs_review,
    )


def provider_booking_read(
    head: Head,
    units: Sequence[UnitState],
    contact: Any,  # noqa: ANN401 - a row of queries.beneficiary_contacts
    now: datetime,
) -> ProviderBookingRead:
    statuses = [status_of(unit, head, now) for unit in units]
    over = max((unit.ends_at for unit in units), default=now) + timedelta(days=CONTACT_DAYS) < now
    return ProviderBookingRead(
        id=head.id,
        status=cast("BookingStatus", booking_status(statuses)),
        offering_id=head.offering_id,
        offering_name=head.offering_name,
        beneficiary=None if over or contact is None else _contact(contact),
        note=None if over else head.note,
        end_reason=None if over else head.end_reason,
        confirm_by=head.confirm_by,
        created_at=head.created_at,
        units=[
            ProviderUnitRead(
                id=unit.id,
                index=unit.index,
                slot_id=unit.slot_id,
                status=cast("UnitStatus", status),
                starts_at=unit.starts_at,
                ends_at=unit.ends_at,
                price_cents=unit.price_cents,
                to_collect_cents=unit.own_money_due_cents,
                expected_payment_on=expected_payment_on(clock.day_of(unit.starts_at)) if unit.on_credit else None,
                disputed=unit.disputed,
                needs_review=unit.needs_review,
            )
            for unit, status in zip(units, statuses, strict=True)
        ],
    )


def _contact(row: Any) -> BeneficiaryContactRead:  # noqa: ANN401 - a row
    return BeneficiaryContactRead(
        given_name=row.given_name,
        family_name=row.family_name,
        phone=row.phone,
        address=None
        if row.street is None or row.postcode is None or row.istat_code is None
        else AddressRead(street=row.street, postcode=row.postcode, istat_code=row.istat_code),
        access_notes=None
        if row.sealed_access_notes is None
        else open_access_notes(bytes(row.sealed_access_notes), row.id),
    )
