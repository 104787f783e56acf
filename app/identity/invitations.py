"""Inviting people and redeeming invitations: linking a login to an employment or to roles.

Writing works as database role beatrice_hr, which sees no login and no token. HR cannot become the employee: outside the
sandbox an employment is linked only with an activation code that HR never sees (a letter, the help desk).
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids, sealing
from app.actor import Actor, Locale
from app.audit.actions import record
from app.config import settings
from app.db import APP, HR, NOTHING, Query
from app.edge.network import network_of
from app.edge.permissions import OrganisationRole
from app.errors import Conflict, NotFound, StateConflict
from app.identity import activation_codes, password_rules, passwords
from app.identity.errors import InvalidCredentials, TokenInvalid
from app.identity.models import Invitation, User
from app.identity.password_words import words_about
from app.identity.proof import Origin, account_by_email, account_by_id, prove, without_connection
from app.identity.sessions import token_hash
from app.listing import Found, Window, page_of
from app.mail.actions import NewMail, send_many

LIFE_DAYS = 14


@dataclass(frozen=True)
class EmployeeInvitation:
    """An employment to offer a login for."""

    email: str
    organisation_id: UUID
    organisation_name: str
    employee_id: UUID
    locale: Locale = "it"


@dataclass(frozen=True)
class Redeemed:
    """Whom an accepted invitation links to what."""

    user_id: UUID
    organisation_id: UUID
    employee_id: UUID | None
    roles: tuple[OrganisationRole, ...]
    invited_by: UUID | None = None
    reason: str | None = None


@dataclass(frozen=True)
class PendingCode:
    """An activation code for the operator's letter to one employee."""

    employee_id: UUID
    code: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SealedCode:
    """A pending activation code as it is stored."""

    id: UUID
    employee_id: UUID
    sealed_activation_code: bytes
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Offer:
    """An invitation that may be accepted."""

    id: UUID
    email: str
    organisation_id: UUID
    employee_id: UUID | None
    roles: list[OrganisationRole]
    sealed_activation_code: bytes | None
    invited_by: UUID | None
    reason: str | None


OfferState = Literal["open", "accepted", "ended", "expired"]


@dataclass(frozen=True, slots=True)
class Offered:
    """What whoever holds an invitation's link may know of it."""

    state: OfferState
    organisation_name: str
    is_employment: bool
    has_login: bool
    """Whether the invited address has a login already: its password is asked then, not a new one."""
    expires_at: datetime


INVITE = Query(NOTHING, "identity.invite", roles=(APP, HR))
END_OPEN_OFFERS = Query(NOTHING, "identity.end_open_offers")
END_INVITATIONS_OF_EMPLOYEES = Query(NOTHING, "identity.end_invitations_of_employees", roles=(HR,))
OFFERED = Query(Offered, "identity.offered")
OPEN_OFFER = Query(Offer, "identity.open_offer")
LOCK_OPEN_OFFER = Query(Offer, "identity.lock_open_offer")
SEALED_CODES = Query(SealedCode, "identity.sealed_codes")


async def invite_employees(session: AsyncSession, invited: Sequence[EmployeeInvitation]) -> None:
    """Write invitations and their mails, in a fixed number of statements; earlier pending ones end."""
    if not invited:
        return
    now = clock.real()
    employee_ids = [one.employee_id for one in invited]
    await END_INVITATIONS_OF_EMPLOYEES.run(session, now=now, employee_ids=employee_ids)
    invitation_ids = [ids.new_id() for _ in invited]
    tokens = [secrets.token_urlsafe(32) for _ in invited]
    await INVITE.run(
        session,
        ids=invitation_ids,
        token_hashes=[token_hash(token) for token in tokens],
        emails=[one.email.lower() for one in invited],
        organisation_ids=[one.organisation_id for one in invited],
        employee_ids=employee_ids,
        codes=[_sealed_code(invitation_id) for invitation_id in invitation_ids],
        roles=[],
        invited_by=None,
        reason=None,
        now=now,
        expires_at=now + timedelta(days=LIFE_DAYS),
    )
    mails = [
        _mail("invitation", one.email.lower(), one.organisation_name, one.locale, token)
        for one, token in zip(invited, tokens, strict=True)
    ]
    await send_many(session, mails)


async def invite_member(
    session: AsyncSession,
    *,
    email: str,
    organisation_id: UUID,
    organisation_name: str,
    roles: Sequence[str],
    invited_by: UUID | None,
    reason: str | None = None,
    locale: Locale = "it",
) -> UUID:
    """Offer roles in an organisation and return the invitation's id; replaces a pending one for the same address.

    The caller has checked the roles with `roles_of_kinds`.
    """
    address = email.lower()
    token = secrets.token_urlsafe(32)
    now = clock.real()
    invitation_id = ids.new_id()
    await session.execute(
        update(Invitation)
        .where(
            Invitation.organisation_id == organisation_id,
            Invitation.email == address,
            Invitation.employee_id.is_(None),
            Invitation.ended_at.is_(None),
        )
        .values(ended_at=now)
    )
    await INVITE.run(
        session,
        ids=[invitation_id],
        token_hashes=[token_hash(token)],
        emails=[address],
        organisation_ids=[organisation_id],
        employee_ids=[None],
        codes=[None],
        roles=sorted(set(roles)),
        invited_by=invited_by,
        reason=reason,
        now=now,
        expires_at=now + timedelta(days=LIFE_DAYS),
    )
    known = await account_by_email(session, address)
    template = "invitation" if known is None else "already_member"
    language = locale if known is None else known.locale
    await send_many(session, [_mail(template, address, organisation_name, language, token)])
    return invitation_id


async def offered(session: AsyncSession, token: str) -> Offered:
    """Tell of an invitation, open or not; TokenInvalid where there is none."""
    found = await OFFERED.maybe(session, token_hash=token_hash(token), now=clock.real())
    if found is None:
        raise TokenInvalid
    return found


async def redeem_invitation(
    session: AsyncSession,
    token: str,
    password: str,
    activation_code: str | None,
    locale: Locale,
    *,
    address: str | None = None,
) -> Redeemed:
    """Accept an invitation once: a new login with this password, or the existing one that this password proves.

    Linking an employment or giving the roles is the caller's. Call it before anything is written: it gives the
    connection back while hashing, and a failed proof commits its count.
    """
    offer = await _open_offer(session, token, OPEN_OFFER)
    if offer.employee_id is not None and not settings().sandbox:
        await _check_code(session, offer, offer.employee_id, activation_code)
    account = await account_by_email(session, offer.email)
    if account is not None:
        await prove(
            session, account, offer.email, password, origin=Origin(address or "local"), refusal=InvalidCredentials
        )
        user_id = account.id
    else:
        words = await words_about(
            session, offer.email, organisation_id=offer.organisation_id, employee_id=offer.employee_id
        )
        accepted = password_rules.check(password, offer.email, words)
        password_hash = await without_connection(
            session, passwords.hash_password(accepted, network_of(address or "local"))
        )
        user_id = ids.new_id()
    offer = await _open_offer(session, token, LOCK_OPEN_OFFER)
    now = clock.real()
    if account is None:
        await _create_user(session, user_id, email=offer.email, password_hash=password_hash, locale=locale, now=now)
    elif (await account_by_id(session, user_id)).email != offer.email:
        raise TokenInvalid
    await session.execute(update(Invitation).where(Invitation.id == offer.id).values(ended_at=now, accepted_by=user_id))
    actor = Actor("user", user_id, offer.organisation_id)
    await record(session, actor, "invitation.accept", "invitation", offer.id)
    return Redeemed(
        user_id, offer.organisation_id, offer.employee_id, tuple(offer.roles), offer.invited_by, offer.reason
    )


async def open_invitations(
    session: AsyncSession, organisation_id: UUID, words: str | None, window: Window
) -> Found[Invitation]:
    """Return the invitations to roles that may still be accepted."""
    wanted = select(Invitation).where(
        Invitation.organisation_id == organisation_id,
        Invitation.employee_id.is_(None),
        Invitation.ended_at.is_(None),
        Invitation.expires_at > clock.real(),
    )
    if words is not None:
        wanted = wanted.where(Invitation.email.icontains(words, autoescape=True))
    return await page_of(session, wanted, window, {"created_at": (Invitation.id,)})


async def lock_invitation(session: AsyncSession, organisation_id: UUID, invitation_id: UUID) -> Invitation:
    """Return an invitation to roles that may still be accepted; StateConflict when it may not."""
    found = await session.scalar(
        select(Invitation)
        .where(
            Invitation.id == invitation_id,
            Invitation.organisation_id == organisation_id,
            Invitation.employee_id.is_(None),
        )
        .with_for_update(key_share=True)
    )
    if found is None:
        raise NotFound
    if found.ended_at is not None:
        raise StateConflict("accepted" if found.accepted_by else "ended")
    if found.expires_at <= clock.real():
        raise StateConflict("expired")
    return found


async def withdraw(session: AsyncSession, invitation_id: UUID) -> None:
    """Let a link work no more."""
    await session.execute(update(Invitation).where(Invitation.id == invitation_id).values(ended_at=clock.real()))


async def end_open_offers(session: AsyncSession, organisation_id: UUID, invited_by: UUID | None = None) -> None:
    """End an organisation's open invitations to roles: those of one inviter, or all."""
    await END_OPEN_OFFERS.run(session, organisation_id=organisation_id, invited_by=invited_by, now=clock.real())


async def pending_activation_codes(session: AsyncSession, organisation_id: UUID) -> list[PendingCode]:
    """Return the codes for the letters to a company's invited employees: for the operator, never for HR."""
    pending = await SEALED_CODES.all(session, organisation_id=organisation_id, now=clock.real())
    return [
        PendingCode(row.employee_id, _opened_code(row.id, row.sealed_activation_code), row.expires_at)
        for row in pending
    ]


async def _open_offer(session: AsyncSession, token: str, statement: Query[Offer]) -> Offer:
    offer = await statement.maybe(session, token_hash=token_hash(token), now=clock.real())
    if offer is None:
        raise TokenInvalid
    return offer


async def _check_code(session: AsyncSession, offer: Offer, employee_id: UUID, given: str | None) -> None:
    sealed = offer.sealed_activation_code
    expected = None if sealed is None else _opened_code(offer.id, sealed)
    await activation_codes.check(session, offer.organisation_id, employee_id, expected, given or "")


async def _create_user(
    session: AsyncSession, user_id: UUID, *, email: str, password_hash: str, locale: Locale, now: datetime
) -> None:
    made = await session.scalar(
        insert(User)
        .values(id=user_id, email=email, password_hash=password_hash, locale=locale, created_at=now)
        .on_conflict_do_nothing(index_elements=[User.email])
        .returning(User.id)
    )
    if made is None:
        raise Conflict


def _sealed_code(invitation_id: UUID) -> bytes | None:
    if settings().sandbox:
        return None
    return sealing.encrypt("activation_code", activation_codes.new_code().encode(), invitation_id.bytes)


def _opened_code(invitation_id: UUID, sealed: bytes) -> str:
    return sealing.decrypt("activation_code", sealed, invitation_id.bytes).decode()


def _mail(template: str, recipient: str, organisation_name: str, locale: Locale, token: str) -> NewMail:
    values = {
        "organisation_name": organisation_name,
        "days": LIFE_DAYS,
        "public_url": settings().public_url,
        "token": token,
    }
    return NewMail(template, recipient, locale, values)
