"""How a booking looks to its person and to its provider."""

from pydantic import TypeAdapter

from app import clock
from app.banking.payment_days import expected_payment_on
from app.beneficiaries.details import open_details
from app.bookings.decisions import Loaded
from app.bookings.queries import Contact, PaidFor, UnitState, VisitRow
from app.bookings.schemas import (
    BeneficiaryContactRead,
    BookingRead,
    FundingRead,
    ProviderBookingRead,
    ProviderUnitRead,
    UnitRead,
    VisitAddressRead,
    VisitRead,
)
from app.bookings.sealing import unseal
from app.credit.queries import Held, WalletEntry
from app.credit.schemas import HeldRead, PaidForRead, WalletEntryRead
from app.sealing import open_access_notes

METADATA = TypeAdapter(dict[str, str])


def booking_read(loaded: Loaded) -> BookingRead:
    booking, units = loaded.booking, loaded.units
    return BookingRead(
        id=booking.id,
        status=loaded.status,
        offering_id=booking.offering_id,
        offering_name=booking.offering_name,
        provider_id=booking.provider_id,
        provider_name=booking.provider_name,
        provider_phone=booking.provider_phone,
        beneficiary_id=booking.beneficiary_id,
        total_cents=sum(unit.price_cents for unit in units),
        credit_cents=sum(unit.price_cents for unit in units if unit.on_credit),
        own_money_due_cents=sum(unit.own_money_due_cents for unit in units),
        confirm_by=booking.confirm_by,
        free_until=loaded.free_until(units),
        note=unseal("note", booking.sealed_note, booking.id),
        end_reason=unseal("end_reason", booking.sealed_end_reason, booking.id),
        created_at=booking.created_at,
        external_id=booking.external_id,
        metadata=METADATA.validate_json(unseal("metadata", booking.sealed_metadata, booking.id) or "{}"),
        units=[_unit_read(loaded, unit) for unit in units],
    )


def _unit_read(loaded: Loaded, unit: UnitState) -> UnitRead:
    return UnitRead(
        id=unit.id,
        index=unit.index,
        slot_id=unit.slot_id,
        status=loaded.status_of(unit),
        starts_at=unit.starts_at,
        ends_at=unit.ends_at,
        price_cents=unit.price_cents,
        funding=[
            FundingRead(source=leg.source, source_id=leg.lot_id, amount_cents=leg.amount_cents, rule_code=leg.rule_code)
            for leg in unit.legs
        ],
        fee_cents=unit.fee_cents,
        fee_source=unit.fee_source,
        own_money_due_cents=unit.own_money_due_cents,
        disputed=unit.disputed,
        refunded_cents=unit.refunded_cents,
        needs_review=unit.needs_review,
        review_by=unit.review_by,
    )


def wallet_entry_read(entry: WalletEntry, visit: PaidFor | None) -> WalletEntryRead:
    return WalletEntryRead(
        lot_id=entry.lot_id,
        reason=entry.reason,
        amount_cents=entry.amount_cents,
        event_at=entry.event_at,
        paid_for=None if visit is None else PaidForRead.model_validate(visit),
    )


def held_read(held: Held, visit: PaidFor | None) -> HeldRead:
    return HeldRead(
        lot_id=held.lot_id,
        amount_cents=held.amount_cents,
        event_at=held.event_at,
        paid_for=None if visit is None else PaidForRead.model_validate(visit),
    )


def visit_read(row: VisitRow, loaded: Loaded, contact: Contact | None) -> VisitRead:
    booking = provider_booking_read(loaded, contact)
    unit = next(unit for unit in booking.units if unit.id == row.unit_id)
    return VisitRead(
        **dict(unit),
        booking_id=booking.id,
        offering_id=booking.offering_id,
        offering_name=booking.offering_name,
        site_name=row.site_name,
        beneficiary=booking.beneficiary,
        note=booking.note,
        confirm_by=booking.confirm_by if unit.status == "requested" else None,
    )


def provider_booking_read(loaded: Loaded, contact: Contact | None) -> ProviderBookingRead:
    booking, over = loaded.booking, loaded.contact_is_over
    return ProviderBookingRead(
        id=booking.id,
        status=loaded.status,
        offering_id=booking.offering_id,
        offering_name=booking.offering_name,
        beneficiary=None if over or contact is None else _contact(contact),
        note=None if over else unseal("note", booking.sealed_note, booking.id),
        end_reason=None if over else unseal("end_reason", booking.sealed_end_reason, booking.id),
        confirm_by=booking.confirm_by,
        created_at=booking.created_at,
        units=[_provider_unit_read(loaded, unit) for unit in loaded.units],
    )


def _provider_unit_read(loaded: Loaded, unit: UnitState) -> ProviderUnitRead:
    return ProviderUnitRead(
        id=unit.id,
        index=unit.index,
        slot_id=unit.slot_id,
        status=loaded.status_of(unit),
        starts_at=unit.starts_at,
        ends_at=unit.ends_at,
        price_cents=unit.price_cents,
        to_collect_cents=unit.own_money_due_cents,
        expected_payment_on=expected_payment_on(clock.day_of(unit.starts_at)) if unit.on_credit else None,
        disputed=unit.disputed,
        refunded_cents=unit.refunded_cents,
        needs_review=unit.needs_review,
    )


def _contact(contact: Contact) -> BeneficiaryContactRead:
    details = open_details(contact.sealed_details, contact.id)
    address = None
    if details.street is not None and details.postcode is not None and contact.istat_code is not None:
        address = VisitAddressRead(street=details.street, postcode=details.postcode, istat_code=contact.istat_code)
    notes = contact.sealed_access_notes
    return BeneficiaryContactRead(
        given_name=contact.given_name,
        family_name=contact.family_name,
        phone=details.phone,
        address=address,
        access_notes=None if notes is None else open_access_notes(notes, contact.id),
    )
