"""What is decided of a claim without a database or a clock: which lots may pay, how much of what, who is paid."""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from app.credit.queries import UsableLot
from app.rules.beneficiary import BeneficiaryFacts
from app.rules.book import RuleBook
from app.rules.decisions import Decision, Question, Reading, decide
from app.rules.rows import RuleCode

APPEAL_DAYS = 30


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants to be reimbursed for, put to the rules."""

    category: str
    beneficiary: BeneficiaryFacts
    service_on: date
    refuse_unsigned: bool


@dataclass(frozen=True, slots=True)
class Payer:
    """A lot that may pay, and under which rule."""

    lot_id: UUID
    rule_code: RuleCode
    available_cents: int
    decision: Decision


@dataclass(frozen=True, slots=True)
class Share:
    """What a lot pays of a claim."""

    lot_id: UUID
    rule_code: RuleCode
    amount_cents: int


@dataclass(frozen=True, slots=True)
class Payee:
    """Whom an approved claim pays, where, how much."""

    claim_id: UUID
    name: str
    iban: str
    amount_cents: int


def identity(issuer_code: str, number: str, document_date: date) -> str:
    """Return what makes a document this one, however its letters, blanks and signs are written.

    A sign stays one: 1/11 is not 11/1.
    """
    return "\n".join((_bare(issuer_code), _bare(number), document_date.isoformat()))


def _bare(text: str) -> str:
    return re.sub(r"[\W_]+", "-", re.sub(r"\s+", "", text)).strip("-").upper()


def payers(
    asked: Asked, lots: Iterable[UsableLot], book: RuleBook, booked_on: date, reading: Reading
) -> tuple[list[Payer], Decision]:
    """Return the lots that may reimburse it, first to expire first, and the decision that explains the answer."""
    able: list[Payer] = []
    refusals: list[Decision] = []
    for lot in sorted(lots, key=lambda lot: (lot.expires_on, len(lot.rule_codes), lot.id)):
        on = asked.service_on if lot.validity_basis == "service_date" else booked_on
        if not lot.valid_from <= on <= lot.expires_on or (lot.categories and asked.category not in lot.categories):
            continue
        decision = _decided(asked, book, lot.relatives_reading, frozenset(lot.rule_codes))
        if decision.allowed and decision.rule_code is not None:
            able.append(Payer(lot.id, decision.rule_code, lot.available_cents, decision))
        else:
            refusals.append(decision)
    return able, next(iter([payer.decision for payer in able] + refusals), None) or _decided(asked, book, reading, None)


def _decided(asked: Asked, book: RuleBook, reading: Reading, rule_codes: frozenset[str] | None) -> Decision:
    question = Question(
        category=asked.category,
        beneficiary=asked.beneficiary,
        payment_form="reimbursement",
        on=asked.service_on,
        reading=reading,
        refuse_unsigned=asked.refuse_unsigned,
        rule_codes=rule_codes,
    )
    return decide(question, book)[0]


def shares(able: Sequence[Payer], amount_cents: int) -> list[Share] | None:
    """Split an amount over lots in their order; None where they have less: a claim is held whole or not at all."""
    due, found = amount_cents, []
    for payer in able:
        part = min(due, payer.available_cents)
        if part:
            found.append(Share(payer.lot_id, payer.rule_code, part))
            due -= part
    return None if due else found


def content_sha256(payees: Iterable[Payee]) -> str:
    """Return the hash of who is paid, where and how much: what the second person approves."""
    rows = [
        {"claim": str(one.claim_id), "name": one.name, "iban": one.iban, "amount_cents": one.amount_cents}
        for one in sorted(payees, key=lambda one: one.claim_id)
    ]
    return hashlib.sha256(json.dumps(rows, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
