"""Paying people: a run is closed by one person, approved by another for exactly its payees, handed to the bank."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.actor import Actor
from app.banking import pain001
from app.banking.iban import IbanError
from app.banking.pain001 import PaymentFileError
from app.banking.payment_days import working_day
from app.claims import decisions, notices, queries, sealing
from app.claims.decisions import Payee
from app.claims.models import ClaimRun, ClaimRunStatus
from app.claims.queries import StoredPayee
from app.config import settings
from app.errors import StateConflict
from app.ledger import actions as ledger
from app.ledger import queries as ledger_queries
from app.ledger.instructions import NewTransfer
from app.settlements.errors import (
    ApproverIsMaker,
    ContentChanged,
    DebtorIncomplete,
    LedgerUnverified,
    NothingToPay,
)
from app.settlements.queries import OPERATOR_NAME

MAX_PAYMENTS = 1_000
REMITTANCE = "Rimborso welfare"
"""What the bank of the payee reads: nothing of what it is for."""


async def close_run(session: AsyncSession, actor: Actor) -> ClaimRun:
    """Take what was approved and is in no run; NothingToPay where there is none."""
    stored = await queries.PAYABLE.all(session, limit=MAX_PAYMENTS)
    if not stored:
        raise NothingToPay("No approved claim waits to be paid.")
    payees = _opened(stored)
    run_id = ids.new_id()
    await queries.add_run(
        session,
        run_id,
        [payee.claim_id for payee in payees],
        content_sha256=decisions.content_sha256(payees),
        claim_count=len(payees),
        total_cents=sum(payee.amount_cents for payee in payees),
        created_by=actor.user_id,
    )
    return await queries.run(session, run_id)


async def approve_run(session: AsyncSession, actor: Actor, run_id: UUID, seen_sha256: str) -> ClaimRun:
    """Release a run for payment: for exactly its payees and sums, by another person than its maker."""
    run = await _locked(session, run_id, "closed")
    if run.created_by == actor.user_id:
        raise ApproverIsMaker
    payees = await payees_of(session, run_id)
    if not decisions.content_sha256(payees) == run.content_sha256 == seen_sha256:
        raise ContentChanged
    verification = await ledger_queries.last_verification(session)
    if verification is not None and not verification.ok:
        raise LedgerUnverified
    now = clock.now()
    name, iban = await OPERATOR_NAME.one(session), settings().operator_iban
    on = working_day(clock.day_of(now))
    try:
        content = _file(run, now, name, iban, payees)
    except (PaymentFileError, IbanError):
        raise DebtorIncomplete from None
    return await queries.change_run(
        session,
        run_id,
        status="approved",
        approved_by=actor.user_id,
        approved_at=now,
        debtor_name=name,
        debtor_iban=iban,
        execution_on=on,
        payment_file_sha256=hashlib.sha256(content).hexdigest(),
    )


async def cancel_run(session: AsyncSession, actor: Actor, run_id: UUID) -> ClaimRun:
    """Give up a run that nobody approved: its claims wait for another."""
    await _locked(session, run_id, "closed")
    run = await queries.change_run(
        session, run_id, status="cancelled", cancelled_by=actor.user_id, cancelled_at=clock.now()
    )
    await queries.change_claims_of(session, run_id, run_id=None)
    return run


async def mark_sent(session: AsyncSession, run_id: UUID) -> ClaimRun:
    """Record that the bank has the file, once: the claims are paid."""
    await _locked(session, run_id, "approved")
    now = clock.now()
    run = await queries.change_run(session, run_id, status="sent", sent_at=now)
    await queries.change_claims_of(session, run_id, status="paid", paid_at=now)
    accounts = await queries.ACCOUNTS.one(session)
    payees = await queries.PAYEES_OF_RUN.all(session, run_id=run_id)
    paid = [
        NewTransfer(ids.new_id(), accounts.payable_id, accounts.bank_id, one.amount_cents, "claim_paid", now, one.id)
        for one in payees
    ]
    await ledger.transfer(session, paid)
    people = await queries.people_of(session, run_id)
    await notices.tell(session, "claim_paid", people)
    return run


async def payment_file(session: AsyncSession, run_id: UUID) -> tuple[str, bytes]:
    """Write an approved run's file again: name and bytes, the same as at approval."""
    run = await queries.run(session, run_id)
    if not (run.approved_at and run.debtor_name and run.debtor_iban and run.execution_on):
        raise StateConflict(run.status)
    payees = await payees_of(session, run_id)
    content = _file(run, run.approved_at, run.debtor_name, run.debtor_iban, payees)
    if hashlib.sha256(content).hexdigest() != run.payment_file_sha256:
        raise ContentChanged
    return f"beatrice-{ids.encode('crn', run_id)}.xml", content


async def payees_of(session: AsyncSession, run_id: UUID) -> list[Payee]:
    return _opened(await queries.PAYEES_OF_RUN.all(session, run_id=run_id))


def _opened(stored: Sequence[StoredPayee]) -> list[Payee]:
    opened = [(row, sealing.unseal_fields("claim_payee", row.sealed_payee, row.id)) for row in stored]
    return [Payee(row.id, fields["name"], fields["iban"], row.amount_cents) for row, fields in opened]


def _file(run: ClaimRun, approved_at: datetime, name: str, iban: str, payees: Sequence[Payee]) -> bytes:
    return pain001.write(
        pain001.PaymentFile(
            message_id="BEC" + run.content_sha256[:32],
            created_at=approved_at,
            debtor_name=name,
            debtor_iban=iban,
            requested_execution_on=working_day(clock.day_of(approved_at)),
            payments=[
                pain001.Payment(one.claim_id.hex, one.name, one.iban, one.amount_cents, REMITTANCE)
                for one in sorted(payees, key=lambda one: one.claim_id)
            ],
        )
    )


async def _locked(session: AsyncSession, run_id: UUID, status: ClaimRunStatus) -> ClaimRun:
    run = await queries.run(session, run_id, lock=True)
    if run.status != status:
        raise StateConflict(run.status)
    return run
