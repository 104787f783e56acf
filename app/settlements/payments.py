"""From settlements to the bank's file: the same payouts give the same bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from app import ids
from app.banking import pain001
from app.banking.iban import IbanError, normalise_iban
from app.banking.payment_days import working_day
from app.banking.sepa_text import to_sepa
from app.clock import day_of
from app.settlements.queries import Payee, Payout

NAME_LENGTH, TOWN_LENGTH = 70, 35


@dataclass(frozen=True, slots=True)
class PaymentOrder:
    """What an approval tells the bank besides the payouts: for which content, who pays, on which day."""

    content_sha256: str
    approved_at: datetime
    debtor_name: str
    debtor_iban: str
    execution_on: date


def payout_of(payee: Payee) -> Payout | None:
    """Return a payee's payout, None where no bank would accept name or IBAN; the address may be missing."""
    try:
        iban = normalise_iban(payee.iban or "")
    except IbanError:
        return None
    if not to_sepa(payee.name, NAME_LENGTH):
        return None
    return Payout(
        settlement_id=payee.settlement_id,
        provider_id=payee.provider_id,
        number=payee.number,
        end_to_end_id=end_to_end_id(payee.settlement_id),
        creditor_name=payee.name,
        iban=iban,
        creditor_street=payee.street,
        creditor_street_number=payee.street_number,
        creditor_postcode=payee.postcode,
        creditor_town=payee.town,
        creditor_country=payee.country,
        amount_cents=payee.payout_cents,
    )


def end_to_end_id(settlement_id: UUID) -> str:
    """Return the id that comes back in the bank's statement: the settlement's own, in SEPA characters."""
    return "STL" + ids.encode("stl", settlement_id).removeprefix("stl_").upper()


def message_id(content_sha256: str) -> str:
    """Return the file's id; it is that of the approved content, so it is never given to another."""
    return "BEA" + content_sha256[:32]


def execution_day(pay_on: date, approved_at: datetime) -> date:
    """Return the day asked of the bank: the promised one, or the next working day after a late approval."""
    return working_day(max(pay_on, day_of(approved_at)))


def payment_file(order: PaymentOrder, payouts: Sequence[Payout]) -> bytes:
    """Write a run's pain.001; raises PaymentFileError or IbanError for a debtor that banks refuse."""
    return pain001.write(
        pain001.PaymentFile(
            message_id=message_id(order.content_sha256),
            created_at=order.approved_at,
            debtor_name=order.debtor_name,
            debtor_iban=order.debtor_iban,
            requested_execution_on=order.execution_on,
            payments=[_payment(payout) for payout in payouts],
        )
    )


def _payment(payout: Payout) -> pain001.Payment:
    return pain001.Payment(
        end_to_end_id=payout.end_to_end_id,
        creditor_name=payout.creditor_name,
        creditor_iban=payout.iban,
        amount_cents=payout.amount_cents,
        remittance=f"Liquidazione {payout.number}",
        address=_address(payout),
    )


def _address(payout: Payout) -> pain001.Address | None:
    """Return the address if it has the town that banks want of one; SEPA transfers need none."""
    town = payout.creditor_town or ""
    if not to_sepa(town, TOWN_LENGTH):
        return None
    return pain001.Address(
        payout.creditor_street or "",
        payout.creditor_street_number or "",
        payout.creditor_postcode or "",
        town,
        payout.creditor_country,
    )
