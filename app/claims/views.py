"""How a claim looks to its person and to the operator, a run to whoever approves it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pydantic import TypeAdapter

from app.actor import Locale
from app.claims.decisions import APPEAL_DAYS, Payee
from app.claims.models import ClaimRun
from app.claims.queries import ClaimRow
from app.claims.schemas import ClaimPayeeRead, ClaimRead, ClaimRunDetailRead, ClaimRunRead, OperatorClaimRead
from app.claims.sealing import unseal, unseal_fields
from app.rules.decisions import Decision

DECISION = TypeAdapter(Decision)
SHOWN = 4


def claim_read(row: ClaimRow, language: Locale) -> ClaimRead:
    return ClaimRead(beneficiary_id=row.beneficiary_id, appeal_until=_appeal_until(row), **_shared(row, language))


def operator_claim_read(row: ClaimRow, language: Locale) -> OperatorClaimRead:
    return OperatorClaimRead(
        person_name=unseal_fields("claim_payee", row.sealed_payee, row.id)["name"],
        beneficiary_name=row.beneficiary_name,
        relation=row.relation,
        **_shared(row, language),
    )


def run_read(run: ClaimRun, payees: Sequence[Payee]) -> ClaimRunDetailRead:
    shown = [ClaimPayeeRead.model_validate(payee) for payee in payees]
    return ClaimRunDetailRead(**dict(ClaimRunRead.model_validate(run)), payees=shown)


def _shared(row: ClaimRow, language: Locale) -> dict[str, object]:
    details = unseal_fields("claim_details", row.sealed_details, row.id)
    decision = DECISION.validate_python(row.decision)
    return {
        "id": row.id,
        "status": row.status,
        "category": row.category,
        **{name: details[name] for name in ("issuer_name", "issuer_code", "number", "document_date")},
        "service_on": row.service_on,
        "total_cents": row.total_cents,
        "public_cents": row.public_cents,
        "amount_cents": row.amount_cents,
        "left_cents": row.total_cents - row.public_cents - row.document_claimed_cents,
        "rule_code": decision.rule_code,
        "reason": decision.reason.in_locale(language),
        "citation": decision.citation,
        "iban_ends": unseal_fields("claim_payee", row.sealed_payee, row.id)["iban"][-SHOWN:],
        "file_ids": row.file_ids,
        "question": unseal("claim_question", row.sealed_question, row.id),
        "answer": unseal("claim_answer", row.sealed_answer, row.id),
        "decision": unseal("claim_decision", row.sealed_decision, row.id),
        "decided_at": row.decided_at,
        "appeal": unseal("claim_appeal", row.sealed_appeal, row.id),
        "created_at": row.created_at,
        "paid_at": row.paid_at,
    }


def _appeal_until(row: ClaimRow) -> datetime | None:
    if row.status != "rejected" or row.appealed_at is not None or row.decided_at is None:
        return None
    return row.decided_at + timedelta(days=APPEAL_DAYS)
