"""Runs, approvals and their hand-over to the bank."""

import hashlib
from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.actor import Actor
from app.banking.iban import IbanError
from app.banking.pain001 import PaymentFileError
from app.banking.payment_days import payment_day
from app.config import settings
from app.errors import Invalid, NotFound, StateConflict
from app.events import actions as events
from app.events.actions import NewEvent
from app.ledger import actions as ledger
from app.ledger import queries as ledger_queries
from app.ledger.instructions import NewTransfer, Reversal
from app.settlements import closing, models, payments, queries
from app.settlements.errors import (
    ApproverIsMaker,
    ContentChanged,
    DebtorIncomplete,
    LedgerUnverified,
    NothingToPay,
    RunExists,
    RunInProgress,
)
from app.settlements.models import RunStatus, Settlement, SettlementRun
from app.settlements.payments import PaymentOrder
from app.settlements.queries import Payout


async def close_run(session: AsyncSession, actor: Actor, cutoff_on: clock.Day) -> SettlementRun:
    """Settle every provider for a cutoff: documents, lines, numbers, hashes, fees to the platform's accounts."""
    if cutoff_on > clock.today():
        raise Invalid("/cutoff_on", "future", "the cutoff must not be after today")
    prepared = await closing.prepare(session, cutoff_on)
    if prepared.run_id is not None:
        raise RunExists(settlement_run_id=ids.encode("run", prepared.run_id))
    if not prepared.locked:
        raise RunInProgress
    now = clock.now()
    run_id = ids.new_id()
    settled = await closing.close(
        session,
        closing.Closing(
            run_id=run_id,
            cutoff_on=cutoff_on,
            again=f" {prepared.cancelled + 1}" if prepared.cancelled else "",
            pay_on=payment_day(cutoff_on, settings().payout_days),
            created_by=actor.user_id,
            created_at=now,
        ),
    )
    taken = [
        NewTransfer(ids.new_id(), row.payable_account_id, account_id, cents, reason, now, row.id)
        for row in settled
        for account_id, cents, reason in (
            (prepared.fees_account_id, row.fee_cents, "settlement_fee"),
            (prepared.vat_account_id, row.fee_vat_cents, "settlement_fee_vat"),
        )
        if cents > 0
    ]
    await ledger.transfer(session, taken)
    await events.record_many(
        session, [NewEvent("settlement.issued", "settlement", row.id, (row.provider_id,)) for row in settled]
    )
    return await _run(session, run_id)


async def approve_run(session: AsyncSession, actor: Actor, run_id: UUID, seen_sha256: str) -> SettlementRun:
    """Release a run for payment: for exactly its stored content, payees included, by another person than its maker."""
    run = await _locked(session, run_id, "closed")
    if run.created_by == actor.user_id:
        raise ApproverIsMaker
    stored = await queries.RUN_CONTENT.one(session, run_id=run_id)
    if not stored.agrees or stored.content_sha256 != run.content_sha256 or seen_sha256 != run.content_sha256:
        raise ContentChanged
    verification = await ledger_queries.last_verification(session)
    if verification is not None and not verification.ok:
        raise LedgerUnverified
    to_pay = await queries.TO_PAY.all(session, run_id=run_id)
    now = clock.now()
    pay_on = to_pay[0].pay_on if to_pay else payment_day(run.cutoff_on, settings().payout_days)
    order = PaymentOrder(
        content_sha256=run.content_sha256,
        approved_at=now,
        debtor_name=await queries.OPERATOR_NAME.one(session),
        debtor_iban=settings().operator_iban,
        execution_on=payments.execution_day(pay_on, now),
    )
    file_sha256 = _file_sha256(order, await queries.PAYOUTS.all(session, run_id=run_id))
    approved = await _approve(session, actor, run_id, order, file_sha256)
    await _move(session, run_id, "approved")
    await ledger.transfer(
        session,
        [
            NewTransfer(
                ids.new_id(),
                row.payable_account_id,
                row.in_transit_account_id,
                row.amount_cents,
                "payout",
                now,
                row.settlement_id,
            )
            for row in to_pay
        ],
    )
    return approved


async def cancel_run(session: AsyncSession, actor: Actor, run_id: UUID) -> SettlementRun:
    """Give up a run that nobody approved: what it settled waits for another, what it took goes back.

    Its documents stay, with their numbers, as cancelled ones.
    """
    await _locked(session, run_id, "closed")
    now = clock.now()
    await queries.MORE_TIME.one(session)
    ended = {"status": "cancelled", "cancelled_by": actor.user_id, "cancelled_at": now}
    cancelled = update(SettlementRun).where(SettlementRun.id == run_id).values(**ended)
    run = (await session.scalars(cancelled.returning(SettlementRun))).one()
    await _move(session, run_id, "cancelled")
    await queries.CANCEL_LINES.run(session, run_id=run_id)
    await queries.FREE_PAYABLES.run(session, run_id=run_id)
    taken = await queries.FEES_OF_RUN.all(session, run_id=run_id)
    await ledger.reverse(session, [Reversal(ids.new_id(), fee, "settlement_cancelled", now) for fee in taken])
    documents = await session.execute(select(Settlement.id, Settlement.provider_id).where(Settlement.run_id == run_id))
    told = [NewEvent("settlement.cancelled", "settlement", row.id, (row.provider_id,)) for row in documents]
    await events.record_many(session, told)
    return run


async def mark_sent(session: AsyncSession, run_id: UUID) -> SettlementRun:
    """Record that the bank has the payment file, once."""
    await _locked(session, run_id, "approved")
    sent = update(SettlementRun).where(SettlementRun.id == run_id).values(status="sent", sent_at=clock.now())
    run = (await session.scalars(sent.returning(SettlementRun))).one()
    await _move(session, run_id, "paying")
    return run


async def payment_file(session: AsyncSession, run_id: UUID) -> tuple[str, bytes]:
    """Write an approved run's payment file again: name and bytes, the same as at approval."""
    run = await _run(session, run_id)
    if run.status in {"closed", "cancelled"}:
        raise StateConflict(run.status)
    if not (run.payment_file_sha256 and run.approved_at and run.debtor_name and run.debtor_iban and run.execution_on):
        raise NothingToPay
    order = PaymentOrder(run.content_sha256, run.approved_at, run.debtor_name, run.debtor_iban, run.execution_on)
    content = payments.payment_file(order, await queries.PAYOUTS.all(session, run_id=run_id))
    if hashlib.sha256(content).hexdigest() != run.payment_file_sha256:
        raise ContentChanged
    return f"beatrice-{run.cutoff_on.isoformat()}-{ids.encode('run', run_id)}.xml", content


def _file_sha256(order: PaymentOrder, payouts: Sequence[Payout]) -> str | None:
    """Return the hash of the payment file's bytes, None when there is nothing to pay."""
    if not payouts:
        return None
    try:
        return hashlib.sha256(payments.payment_file(order, payouts)).hexdigest()
    except (PaymentFileError, IbanError):
        raise DebtorIncomplete from None


async def _approve(
    session: AsyncSession, actor: Actor, run_id: UUID, order: PaymentOrder, file_sha256: str | None
) -> SettlementRun:
    """Fix on the run what the payment file says, and the hash of its bytes."""
    approval = update(SettlementRun).where(SettlementRun.id == run_id).values(
        status="approved", approved_by=actor.user_id, approved_at=order.approved_at,
        approved_sha256=order.content_sha256, debtor_name=order.debtor_name, debtor_iban=order.debtor_iban,
        execution_on=order.execution_on, payment_file_sha256=file_sha256,
    )  # fmt: skip
    return (await session.scalars(approval.returning(SettlementRun))).one()


async def _move(session: AsyncSession, run_id: UUID, status: Literal["approved", "paying", "cancelled"]) -> None:
    """Let a run's documents and payments follow it."""
    await session.execute(update(Settlement).where(Settlement.run_id == run_id).values(status=status))
    await session.execute(update(models.Payout).where(models.Payout.run_id == run_id).values(status=status))


async def _run(session: AsyncSession, run_id: UUID) -> SettlementRun:
    run = await queries.run(session, run_id)
    if run is None:
        raise NotFound
    return run


async def _locked(session: AsyncSession, run_id: UUID, status: RunStatus) -> queries.LockedRun:
    run = await queries.LOCKED_RUN.maybe(session, run_id=run_id)
    if run is None:
        raise NotFound
    if run.status != status:
        raise StateConflict(run.status)
    return run
