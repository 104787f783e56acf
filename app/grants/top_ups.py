"""Money of companies: announced, then confirmed or returned by the operator; much of it is confirmed by two people.

Lock order: top-up, the company's account, grants.
"""

import secrets
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncSession
from stdnum.iso7064 import mod_97_10

from app import clock, ids
from app.actor import Actor
from app.errors import AlreadyResolved, NotFound
from app.events.actions import NewEvent
from app.events.actions import record as record_event
from app.grants import queries
from app.grants.errors import AmountDiffers, ConfirmerIsFirst
from app.grants.grants import activate_waiting
from app.grants.models import TopUp
from app.grants.queries import CompanyMoney, NamedTopUp
from app.ids import ALPHABET
from app.ledger import actions as ledger
from app.ledger.instructions import NewTransfer
from app.ledger.queries import company_balance


async def money_of(session: AsyncSession, company_id: UUID) -> CompanyMoney:
    """Return a company's balance, what is in credit, and what waits for money."""
    found = await queries.COMPANY_MONEY.maybe(session, company_id=company_id, now=clock.now())
    if found is None:
        raise NotFound
    return found


async def announce_top_up(
    session: AsyncSession,
    actor: Actor,
    company_id: UUID,
    amount_cents: int,
    *,
    external_id: str | None = None,
    metadata: dict[str, str] | None = None,
) -> TopUp:
    """Announce a bank transfer; nothing is credited before it is confirmed."""
    made = await session.execute(
        insert(TopUp)
        .values(
            id=ids.new_id(),
            company_id=company_id,
            amount_cents=amount_cents,
            payment_reference=payment_reference(),
            external_id=external_id,
            metadata_=metadata or {},
            created_by=actor.id,
            created_at=clock.now(),
        )
        .returning(TopUp)
    )
    return made.scalar_one()


def payment_reference() -> str:
    """Return a new ISO 11649 creditor reference: its check digits catch a slip of the payer's."""
    body = "BEA" + "".join(secrets.choice(ALPHABET) for _ in range(9)).upper()
    return f"RF{mod_97_10.calc_check_digits(body + 'RF')}{body}"


async def confirm_top_up(
    session: AsyncSession, actor: Actor, top_up_id: UUID, seen_cents: int | None = None
) -> NamedTopUp:
    """Credit an announced transfer that arrived, then activate waiting grants, oldest first, each whole.

    Above what one person may confirm alone the first call leaves it `confirming`, for another person. AlreadyResolved
    where it was confirmed or returned before; AmountDiffers where not the announced sum arrived.
    """
    top_up = await _open_top_up(session, top_up_id)
    if seen_cents not in (None, top_up.amount_cents):
        raise AmountDiffers(amount_cents=top_up.amount_cents)
    if top_up.status == "confirming" and top_up.confirmed_by == actor.id:
        raise ConfirmerIsFirst
    now = clock.now()
    company = await company_balance(session, top_up.company_id, for_update=True)
    if company is None:
        raise NotFound
    if top_up.status == "pending" and await queries.TOP_UP_NEEDS_TWO.one(
        session, company_id=top_up.company_id, amount_cents=top_up.amount_cents, at=now, by=actor.id
    ):
        return await queries.CONFIRM_TOP_UP_FIRST.one(session, id=top_up_id, by=actor.id, at=now)
    confirmed = await queries.CONFIRM_TOP_UP.one(session, id=top_up_id, by=actor.id, at=now)
    bank_id = await queries.BANK_CLEARING.one(session)
    await ledger.transfer(
        session,
        [NewTransfer(ids.new_id(), bank_id, company.account_id, top_up.amount_cents, "top_up", now, top_up_id)],
    )
    await record_event(session, NewEvent("top_up.confirmed", "top_up", top_up_id, (top_up.company_id,)))
    await activate_waiting(session, top_up.company_id, company.balance.available_cents + top_up.amount_cents, now)
    return confirmed


async def return_top_up(session: AsyncSession, actor: Actor, top_up_id: UUID) -> NamedTopUp:
    """Note that an announced transfer never came; AlreadyResolved where it was confirmed or returned before."""
    await _open_top_up(session, top_up_id)
    return await queries.RETURN_TOP_UP.one(session, id=top_up_id, by=actor.id, at=clock.now())


async def cancel_top_up(session: AsyncSession, actor: Actor, company_id: UUID, top_up_id: UUID) -> TopUp:
    """Take back what was announced; AlreadyResolved once the operator saw the money, or noted that it never came."""
    status = await queries.LOCK_OWN_TOP_UP.maybe(session, company_id=company_id, id=top_up_id)
    if status is None:
        raise NotFound
    if status != "pending":
        raise AlreadyResolved(status)
    own = update(TopUp).where(TopUp.company_id == company_id, TopUp.id == top_up_id)
    changed = own.values(status="cancelled", resolved_by=actor.id, resolved_at=clock.now()).returning(TopUp)
    return (await session.execute(changed)).scalar_one()


async def _open_top_up(session: AsyncSession, top_up_id: UUID) -> NamedTopUp:
    top_up = await queries.LOCK_TOP_UP.maybe(session, id=top_up_id)
    if top_up is None:
        raise NotFound
    if top_up.status not in {"pending", "confirming"}:
        raise AlreadyResolved(top_up.status)
    return top_up
