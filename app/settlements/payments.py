"""From settlements to the bank's file: the same payouts give the same bytes."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from app import ids
from app.banking import pain001
from app.banking.iban import IbanError, normalise_iban
from app.banking.payment_days import working_day
from app.banking.sepa_text import to_sepa
from app.clock import day_of

NAME_LENGTH, TOWN_LENGTH = 70, 35


def end_to_end_id(settlement_id: UUID) -> str:
    """Return the id that comes back in the bank's statement: the settlement's own, in SEPA characters."""
    return "STL" + ids.encode("stl", settlement_id).removeprefix("stl_").upper()


def message_id(content_sha256: str) -> str:
    """Return the file's id; it is that of the approved content, so it is never given to another."""
    return "BEA" + content_sha256[:32]


def execution_day(pay_on: date, approved_at: datetime) -> date:
    """Return the day asked of the bank: the promised one, or the next working day after a late approval."""
    return working_day(max(pay_on, day_of(approved_at)))


def is_payable(payee: Any) -> bool:  # noqa: ANN401 - a row
    """Tell whether a bank would accept this provider's name and IBAN; the address may be missing."""
    try:
        normalise_iban(payee.iban or "")
    except IbanError:
        return False
    return bool(to_sepa(payee.name, NAME_LENGTH))


def payment_file(run: Any, payouts: Sequence[Any]) -> bytes:  # noqa: ANN401 - a row, or what will become one
    """Write the run's pain.001; raises PaymentFileError or IbanError for a debtor that banks refuse."""
    return pain001.write(
        pain001.PaymentFile(
            message_id=message_id(run.content_sha256),
            created_at=run.approved_at,
            debtor_name=run.debtor_name,
            debtor_iban=run.debtor_iban,
            requested_execution_on=run.execution_on,
            payments=[_payment(payout) for payout in payouts],
        )
    )


def _payment(payout: Any) -> pain001.Payment:  # noqa: ANN401 - a row
    return pain001.Payment(
        end_to_end_id=payout.end_to_end_id,
        creditor_name=payout.creditor_name,
        creditor_iban=payout.iban,
        amount_cents=payout.amount_cents,
        remittance=f"Liquidazione {payout.year}/{payout.sequence}",
        address=_address(payout),
    )


def _address(payout: Any) -> pain001.Address | None:  # noqa: ANN401 - a row
    """Return the address if it has the town that banks want of one; SEPA transfers need none."""
    if not to_sepa(payout.creditor_town or "", TOWN_LENGTH):
        return None
    return pain001.Address(
        payout.creditor_street or "",
        payout.creditor_street_number or "",
        payout.creditor_postcode or "",
        payout.creditor_town,
        payout.creditor_country,
    )
