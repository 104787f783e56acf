"""Fee rules, runs, approvals and their hand-over to the bank."""

import hashlib
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.actor import Actor
from app.audit import actions as audit
from app.banking.iban import IbanError, normalise_iban
from app.banking.pain001 import PaymentFileError
from app.banking.payment_days import payment_day
from app.config import settings
from app.errors import Invalid, NotFound, StateConflict
from app.events import actions as events
from app.events.actions import NewEvent
from app.ledger import actions as ledger
from app.ledger import queries as ledger_queries
from app.ledger.instructions import NewTransfer
from app.rules.book import BOOK
from app.settlements import closing, payments, queries
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
from app.settlements.schemas import FeeRuleNew


async def create_fee_rule(session: AsyncSession, actor: Actor, new: FeeRuleNew) -> Row[Any]:
    """Add a rule; rules never change, a newer one takes over from its day on."""
    if new.valid_to is not None and new.valid_to <= new.valid_from:
        raise Invalid("/valid_to", "not_after_valid_from", "must be after valid_from")
    if new.max_cents is not None and new.max_cents < (new.min_cents or 0):
        raise Invalid("/max_cents", "below_min_cents", "must not be below min_cents")
    if new.category is not None and new.category not in {category.code for category in BOOK.categories}:
        raise Invalid("/category", "unknown_category", "no such category")
    if new.provider_id is not None:
        known = await queries.one_of(session, queries.IS_PROVIDER, provider_id=new.provider_id)
        if known is None:
            raise NotFound
    values = {**dict(new), "id": ids.new_id(), "created_at": clock.now()}
    rule = (await session.execute(queries.NEW_FEE_RULE, values)).one()
    await audit.record(session, actor, "fee_rule.create", "fee_rule", rule.id)
    return rule


async def close_run(session: AsyncSession, actor: Actor, cutoff_on: clock.Day) -> Row[Any]:
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
            minimum_payout_cents=settings().minimum_payout_cents,
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
    await audit.record(session, actor, "settlement_run.create", "settlement_run", run_id)
    return await _run(session, run_id)


async def approve_run(session: AsyncSession, actor: Actor, run_id: UUID, seen_sha256: str | None) -> Row[Any]:
    """Release a run for payment: for exactly its stored content, by another person than its maker."""
    run = await _locked(session, run_id, "closed")
    if run.created_by == actor.user_id:
        raise ApproverIsMaker
    stored = (await session.execute(queries.RUN_CONTENT, {"run_id": run_id})).one()
    if (
        not stored.agrees
        or stored.content_sha256 != run.content_sha256
        or seen_sha256 not in (None, run.content_sha256)
    ):
        raise ContentChanged
    verification = await ledger_queries.last_verification(session)
    if verification is not None and not verification.ok:
        raise LedgerUnverified
    payees = await queries.all_of(session, queries.PAYEES, run_id=run_id)
    refused = [payee for payee in payees if not payments.is_payable(payee)]
    if refused:
        named = [{"provider_id": ids.encode("org", payee.provider_id), "name": payee.name} for payee in refused]
        raise PayeeIncomplete(payees=named)
    now = clock.now()
    approval = await _approval(session, actor, run, payees)
    await session.execute(queries.APPROVE_RUN, approval)
    await session.execute(queries.MOVE_SETTLEMENTS, {"run_id": run_id, "status": "approved"})
    await _write_payouts(session, run_id, payees)
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
                payee.id,
            )
            for payee in payees
        ],
    )
    await audit.record(session, actor, "settlement_run.approve", "settlement_run", run_id)
    return await _run(session, run_id)


async def mark_sent(session: AsyncSession, actor: Actor, run_id: UUID) -> Row[Any]:
    """Record that the bank has the payment file, once."""
    await _locked(session, run_id, "approved")
    await session.execute(queries.SEND_RUN, {"run_id": run_id, "sent_at": clock.now()})
    await session.execute(queries.MOVE_SETTLEMENTS, {"run_id": run_id, "status": "paying"})
    await session.execute(queries.MOVE_PAYOUTS, {"run_id": run_id, "status": "paying"})
    await audit.record(session, actor, "settlement_run.send", "settlement_run", run_id)
    return await _run(session, run_id)


async def payment_file(session: AsyncSession, run_id: UUID) -> tuple[str, bytes]:
    """Write an approved run's payment file again: name and bytes, the same as at approval."""
    run = await _run(session, run_id)
    if run.status == "closed":
        raise StateConflict(run.status)
    if run.payment_file_sha256 is None:
        raise NothingToPay
    payouts = await queries.all_of(session, queries.PAYOUTS, run_id=run_id)
    content = payments.payment_file(run, payouts)
    if hashlib.sha256(content).hexdigest() != run.payment_file_sha256:
        raise ContentChanged
    return f"beatrice-{run.cutoff_on.isoformat()}-{ids.encode('run', run_id)}.xml", content


async def _approval(session: AsyncSession, actor: Actor, run: Row[Any], payees: Sequence[Row[Any]]) -> dict[str, Any]:
    """Fix what the payment file will say: debtor, day, and the hash of its bytes."""
    now = clock.now()
    name = (await session.execute(queries.OPERATOR_NAME, {"organisation_id": actor.organisation_id})).scalar_one()
    values: dict[str, Any] = {
        "run_id": run.id,
        "approved_by": actor.user_id,
        "approved_at": now,
        "content_sha256": run.content_sha256,
        "debtor_name": name,
        "debtor_iban": settings().operator_iban,
        "execution_on": payments.execution_day(
            payees[0].pay_on if payees else payment_day(run.cutoff_on, settings().payout_days), now
        ),
        "payment_file_sha256": None,
    }
    if payees:
        paying = [
            SimpleNamespace(**row, year=payee.year, sequence=payee.sequence)
            for row, payee in zip(_payout_rows(payees), payees, strict=True)
        ]
        try:
            content = payments.payment_file(SimpleNamespace(**values), paying)
        except (PaymentFileError, IbanError):
            raise DebtorIncomplete from None
        values["payment_file_sha256"] = hashlib.sha256(content).hexdigest()
    return values


def _payout_rows(payees: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    return [
        {
            "settlement_id": payee.id,
            "provider_id": payee.provider_id,
            "end_to_end_id": payments.end_to_end_id(payee.id),
            "creditor_name": payee.name,
            "iban": normalise_iban(payee.iban),
            "creditor_street": payee.street,
            "creditor_street_number": payee.street_number,
            "creditor_postcode": payee.postcode,
            "creditor_town": payee.town,
            "creditor_country": payee.country,
            "amount_cents": payee.payout_cents,
        }
        for payee in payees
    ]


async def _write_payouts(session: AsyncSession, run_id: UUID, payees: Sequence[Row[Any]]) -> None:
    rows = _payout_rows(payees)
    if rows:
        columns = {
            "settlement_ids": "settlement_id", "provider_ids": "provider_id", "end_to_end_ids": "end_to_end_id",
            "creditor_names": "creditor_name", "ibans": "iban", "streets": "creditor_street",
            "numbers": "creditor_street_number", "postcodes": "creditor_postcode", "towns": "creditor_town",
            "countries": "creditor_country", "amounts": "amount_cents",
        }  # fmt: skip
        arrays = {name: [row[column] for row in rows] for name, column in columns.items()}
        await session.execute(
            queries.NEW_PAYOUTS,
            {**arrays, "ids": [ids.new_id() for _ in rows], "run_id": run_id, "created_at": clock.now()},
        )


async def _run(session: AsyncSession, run_id: UUID) -> Row[Any]:
    run = await queries.one_of(session, queries.RUN, run_id=run_id)
    if run is None:
        raise NotFound
    return run


async def _locked(session: AsyncSession, run_id: UUID, status: str) -> Row[Any]:
    run = await queries.one_of(session, queries.LOCKED_RUN, run_id=run_id)
    if run is None:
        raise NotFound
    if run.status != status:
        raise StateConflict(run.status)
    return run
