"""Fee rules, runs, approvals and their hand-over to the bank."""

import hashlib
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, select, update
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
from app.ledger.instructions import NewTransfer
from app.organisations.models import Organisation, Provider
from app.rules.book import book_in_force
from app.settlements import closing, models, payments, queries
from app.settlements.errors import (
    ApproverIsMaker,
    ContentChanged,
    DebtorIncomplete,
    LedgerUnverified,
    NothingToPay,
    PayeeIncomplete,
    RunExists,
    RunInProgress,
)
from app.settlements.models import FeeRule, RunStatus, Settlement, SettlementRun
from app.settlements.payments import PaymentOrder
from app.settlements.queries import Payee, Payout
from app.settlements.schemas import FeeRuleCreate

STORED_OF_PAYOUT = tuple(field.name for field in fields(Payout) if field.name != "number")


async def create_fee_rule(session: AsyncSession, new: FeeRuleCreate) -> FeeRule:
    """Add a rule; rules never change, a newer one takes over from its day on."""
    if new.valid_to is not None and new.valid_to <= new.valid_from:
        raise Invalid("/valid_to", "not_after_valid_from", "must be after valid_from")
    if new.max_cents is not None and new.max_cents < (new.min_cents or 0):
        raise Invalid("/max_cents", "below_min_cents", "must not be below min_cents")
    if new.category is not None and new.category not in {row.code for row in book_in_force().categories}:
        raise Invalid("/category", "unknown_category", "no such category")
    if new.provider_id is not None:
        known = select(Provider.organisation_id).where(Provider.organisation_id == new.provider_id)
        if await session.scalar(known) is None:
            raise NotFound
    written = insert(FeeRule).values(id=ids.new_id(), created_at=clock.now(), **dict(new)).returning(FeeRule)
    return (await session.scalars(written)).one()


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


async def approve_run(session: AsyncSession, actor: Actor, run_id: UUID, seen_sha256: str | None) -> SettlementRun:
    """Release a run for payment: for exactly its stored content, by another person than its maker."""
    run = await _locked(session, run_id, "closed")
    if run.created_by == actor.user_id:
        raise ApproverIsMaker
    stored = await queries.RUN_CONTENT.one(session, run_id=run_id)
    if (
        not stored.agrees
        or stored.content_sha256 != run.content_sha256
        or seen_sha256 not in (None, run.content_sha256)
    ):
        raise ContentChanged
    verification = await ledger_queries.last_verification(session)
    if verification is not None and not verification.ok:
        raise LedgerUnverified
    payees = await queries.PAYEES.all(session, run_id=run_id)
    payouts = _payouts(payees)
    now = clock.now()
    pay_on = payees[0].pay_on if payees else payment_day(run.cutoff_on, settings().payout_days)
    order = PaymentOrder(
        content_sha256=run.content_sha256,
        approved_at=now,
        debtor_name=await _name_of_operator(session, actor),
        debtor_iban=settings().operator_iban,
        execution_on=payments.execution_day(pay_on, now),
    )
    approved = await _approve(session, actor, run_id, order, _file_sha256(order, payouts))
    await session.execute(update(Settlement).where(Settlement.run_id == run_id).values(status="approved"))
    await _write_payouts(session, run_id, payouts, now)
    await ledger.transfer(
        session,
        [
            NewTransfer(
                ids.new_id(),
                payee.payable_account_id,
                payee.in_transit_account_id,
                payee.payout_cents,
                "payout",
                now,
                payee.settlement_id,
            )
            for payee in payees
        ],
    )
    return approved


async def mark_sent(session: AsyncSession, run_id: UUID) -> SettlementRun:
    """Record that the bank has the payment file, once."""
    await _locked(session, run_id, "approved")
    sent = update(SettlementRun).where(SettlementRun.id == run_id).values(status="sent", sent_at=clock.now())
    run = (await session.scalars(sent.returning(SettlementRun))).one()
    await session.execute(update(Settlement).where(Settlement.run_id == run_id).values(status="paying"))
    await session.execute(update(models.Payout).where(models.Payout.run_id == run_id).values(status="paying"))
    return run


async def payment_file(session: AsyncSession, run_id: UUID) -> tuple[str, bytes]:
    """Write an approved run's payment file again: name and bytes, the same as at approval."""
    run = await _run(session, run_id)
    if run.status == "closed":
        raise StateConflict(run.status)
    if not (run.payment_file_sha256 and run.approved_at and run.debtor_name and run.debtor_iban and run.execution_on):
        raise NothingToPay
    order = PaymentOrder(run.content_sha256, run.approved_at, run.debtor_name, run.debtor_iban, run.execution_on)
    content = payments.payment_file(order, await queries.PAYOUTS.all(session, run_id=run_id))
    if hashlib.sha256(content).hexdigest() != run.payment_file_sha256:
        raise ContentChanged
    return f"beatrice-{run.cutoff_on.isoformat()}-{ids.encode('run', run_id)}.xml", content


def _payouts(payees: Sequence[Payee]) -> list[Payout]:
    """Return what each is paid, or name all whom no bank would accept."""
    made = [(payee, payments.payout_of(payee)) for payee in payees]
    refused = [payee for payee, payout in made if payout is None]
    if refused:
        named = [{"provider_id": ids.encode("org", payee.provider_id), "name": payee.name} for payee in refused]
        raise PayeeIncomplete(payees=named)
    return [payout for _, payout in made if payout is not None]


def _file_sha256(order: PaymentOrder, payouts: Sequence[Payout]) -> str | None:
    """Return the hash of the payment file's bytes, None when there is nothing to pay."""
    if not payouts:
        return None
    try:
        return hashlib.sha256(payments.payment_file(order, payouts)).hexdigest()
    except (PaymentFileError, IbanError):
        raise DebtorIncomplete from None


async def _name_of_operator(session: AsyncSession, actor: Actor) -> str:
    return (await session.scalars(select(Organisation.name).where(Organisation.id == actor.organisation_id))).one()


async def _approve(
    session: AsyncSession, actor: Actor, run_id: UUID, order: PaymentOrder, file_sha256: str | None
) -> SettlementRun:
    """Fix on the run what the payment file says, and the hash of its bytes."""
    approval = (
        update(SettlementRun)
        .where(SettlementRun.id == run_id)
        .values(
            status="approved",
            approved_by=actor.user_id,
            approved_at=order.approved_at,
            approved_sha256=order.content_sha256,
            debtor_name=order.debtor_name,
            debtor_iban=order.debtor_iban,
            execution_on=order.execution_on,
            payment_file_sha256=file_sha256,
        )
    )
    return (await session.scalars(approval.returning(SettlementRun))).one()


async def _write_payouts(session: AsyncSession, run_id: UUID, payouts: Sequence[Payout], now: datetime) -> None:
    if payouts:
        columns = {name: [getattr(payout, name) for payout in payouts] for name in STORED_OF_PAYOUT}
        new_ids = [ids.new_id() for _ in payouts]
        await queries.NEW_PAYOUTS.run(session, id=new_ids, run_id=run_id, created_at=now, **columns)


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
