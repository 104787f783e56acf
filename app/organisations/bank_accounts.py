"""Where an organisation's money goes: one person asks, another approves, and a wait lets the old contact object."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.actor import Actor
from app.audit import actions as audit
from app.config import settings
from app.errors import AlreadyResolved, NotFound
from app.mail.actions import NewMail, send_many
from app.organisations import queries
from app.organisations.errors import AccountApproverIsMaker, IbanOnHold
from app.organisations.models import BankAccount, BankAccountStatus, Organisation
from app.organisations.queries import BankAccountRow

SHOWN_DIGITS = 4
"""What a mail shows of an IBAN: enough to recognise it, too little to use it."""


async def request_account(session: AsyncSession, actor: Actor, organisation_id: UUID, iban: str) -> BankAccountRow:
    """Ask that money goes to this account; IbanOnHold while another one waits.

    Asking for the one that waits already, or that is in force, changes nothing and answers it.
    """
    now = clock.now()
    found = (await queries.bank_accounts(session, organisation_id=organisation_id)).rows
    waiting = next((row for row in found if row.waits(now)), None)
    if waiting is not None:
        if waiting.iban == iban:
            return waiting
        raise IbanOnHold
    standing = await queries.account_of(session, organisation_id)
    if standing.iban == iban:
        return next(row for row in found if row.iban == iban and row.status == "approved")
    account_id = ids.new_id()
    new = {
        "id": account_id,
        "organisation_id": organisation_id,
        "iban": iban,
        "requested_by": actor.user_id,
        "requested_at": now,
        "effective_at": now + timedelta(hours=settings().iban_hold_hours),
    }
    await session.execute(insert(BankAccount).values(**new))
    await audit.record(session, actor, "bank_account.request", "bank_account", account_id)
    made = (await queries.bank_accounts(session, organisation_id=organisation_id)).rows[0]
    await _tell(session, made, "bank_account_requested")
    return made


async def approve_account(session: AsyncSession, actor: Actor, account_id: UUID) -> BankAccountRow:
    """Let a requested account come into force, as another person than who asked and who entered the organisation."""
    row = await _locked(session, account_id)
    if row.status != "pending":
        raise AlreadyResolved(row.status)
    if actor.user_id in {row.requested_by, row.entered_by}:
        raise AccountApproverIsMaker
    now = clock.now()
    approved = await _decide(session, actor, replace(row, effective_at=max(row.effective_at, now)), "approved", now)
    await _tell(session, approved, "bank_account_approved")
    return approved


async def reject_account(session: AsyncSession, actor: Actor, account_id: UUID) -> BankAccountRow:
    """Stop an account on its way, also an approved one whose wait is not over."""
    row = await _locked(session, account_id)
    now = clock.now()
    if not row.waits(now):
        raise AlreadyResolved(row.status)
    return await _decide(session, actor, row, "rejected", now)


async def _decide(
    session: AsyncSession, actor: Actor, row: BankAccountRow, status: BankAccountStatus, now: datetime
) -> BankAccountRow:
    decided = {"status": status, "decided_by": actor.user_id, "decided_at": now}
    own = update(BankAccount).where(BankAccount.id == row.id)
    await session.execute(own.values(**decided, effective_at=row.effective_at))
    # The organisation's tag covers its account.
    shown = update(Organisation).where(Organisation.id == row.organisation_id)
    await session.execute(shown.values(version=Organisation.version + 1))
    return replace(row, status=status, decided_by=actor.user_id, decided_at=now)


async def _locked(session: AsyncSession, account_id: UUID) -> BankAccountRow:
    row = await queries.LOCK_BANK_ACCOUNT.maybe(session, id=account_id)
    if row is None:
        raise NotFound
    return row


async def _tell(session: AsyncSession, row: BankAccountRow, template: str) -> None:
    """Write to everybody who looks after the organisation, as they were before the change."""
    values = {
        "organisation_name": row.organisation_name,
        "digits": row.iban[-SHOWN_DIGITS:],
        "effective_at": f"{row.effective_at.astimezone(clock.ROME):%d.%m.%Y %H:%M}",
    }
    contacts = await queries.contacts(session, row.organisation_id)
    await send_many(session, [NewMail(template, to.email, to.locale, values) for to in contacts])
