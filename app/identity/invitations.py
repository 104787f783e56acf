"""Inviting people and redeeming invitations: linking a login to an employment or to roles.

Writing works as database role beatrice_hr, which sees no login and no token. HR cannot become the employee: outside the
sandbox an employment is linked only with an activation code that HR never sees (a letter, the help desk).
"""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, config, ids
from app.actor import Actor
from app.audit.actions import record
from app.config import settings
from app.errors import Conflict
from app.identity import attempts, password_rules, passwords
from app.identity.actions import Locale, token_hash
from app.identity.errors import ActivationCodeWrong, InvalidCredentials, TokenInvalid
from app.identity.proof import account_by_email, account_by_id, prove, without_connection
from app.mail.actions import NewMail, send_many

LIFE_DAYS = 14
CODE_DIGITS = 8
CODE_TRIES = 10
"""Per hour and invitation: over the link's life 3,360 of 100,000,000 codes."""
INSERT = text(
    "INSERT INTO invitation (id, token_hash, email, organisation_id, employee_id, roles, sealed_activation_code,"
    " created_at, expires_at)"
    " SELECT i.id, i.hash, i.email, i.organisation, i.employee, CAST(:roles AS text[]), i.code, :now, :expires_at"
    " FROM unnest(CAST(:ids AS uuid[]), CAST(:hashes AS bytea[]), CAST(:emails AS text[]),"
    " CAST(:organisations AS uuid[]), CAST(:employees AS uuid[]), CAST(:codes AS bytea[]))"
    " AS i (id, hash, email, organisation, employee, code)"
)
OPEN = (
    "SELECT id, email, organisation_id, employee_id, roles, sealed_activation_code FROM invitation"
    " WHERE token_hash = :hash AND ended_at IS NULL AND expires_at > :now"
)


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
    roles: tuple[str, ...]


@dataclass(frozen=True)
class PendingCode:
    """An activation code for the operator's letter to one employee."""

    employee_id: UUID
    code: str
    expires_at: datetime


async def invite_employees(session: AsyncSession, invited: Sequence[EmployeeInvitation]) -> None:
    """Write invitations and their mails, in a fixed number of statements; earlier pending ones end."""
    if not invited:
        return
    now = clock.real()
    await session.execute(
        text(
            "UPDATE invitation SET ended_at = :now"
            " WHERE employee_id = ANY(CAST(:employees AS uuid[])) AND ended_at IS NULL"
        ),
        {"now": now, "employees": [one.employee_id for one in invited]},
    )
    invitation_ids = [ids.new_id() for _ in invited]
    tokens = [secrets.token_urlsafe(32) for _ in invited]
    await session.execute(
        INSERT,
        {
            "ids": invitation_ids,
            "hashes": [token_hash(token) for token in tokens],
            "emails": [one.email.lower() for one in invited],
            "organisations": [one.organisation_id for one in invited],
            "employees": [one.employee_id for one in invited],
            "codes": [_sealed_code(invitation_id) for invitation_id in invitation_ids],
            "roles": [],
            "now": now,
            "expires_at": now + timedelta(days=LIFE_DAYS),
        },
    )
    mails = [
        _mail("invitation", one.email.lower(), one.organisation_name, one.locale, token)
        for one, token in zip(invited, tokens, strict=True)
    ]
    await send_many(session, mails)


async def invite_employee(
    session: AsyncSession,
    *,
    email: str,
    organisation_id: UUID,
    organisation_name: str,
    employee_id: UUID,
    locale: Locale = "it",
) -> None:
    """Offer an employee a login; replaces the employee's pending invitation."""
    await invite_employees(
        session, [EmployeeInvitation(email, organisation_id, organisation_name, employee_id, locale)]
    )


async def invite_member(
    session: AsyncSession,
    *,
    email: str,
    organisation_id: UUID,
    organisation_name: str,
    roles: Sequence[str],
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
        text(
            "UPDATE invitation SET ended_at = :now WHERE organisation_id = :organisation_id AND email = :email"
            " AND employee_id IS NULL AND ended_at IS NULL"
        ),
        {"now": now, "organisation_id": organisation_id, "email": address},
    )
    await session.execute(
        INSERT,
        {
            "ids": [invitation_id],
            "hashes": [token_hash(token)],
            "emails": [address],
            "organisations": [organisation_id],
            "employees": [None],
            "codes": [None],
            "roles": sorted(set(roles)),
            "now": now,
            "expires_at": now + timedelta(days=LIFE_DAYS),
        },
    )
    known = await account_by_email(session, address)
    template = "invitation" if known is None else "already_member"
    language = locale if known is None else known.locale
    await send_many(session, [_mail(template, address, organisation_name, language, token)])
    return invitation_id


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

    Creates the memberships of an invitation to roles; linking an employment is the caller's. Call it before anything
    is written: it gives the connection back while hashing, and a failed proof commits its count.
    """
    offer = await _open_offer(session, token, lock=False)
    if offer.employee_id is not None and not settings().sandbox:
        await _check_code(session, offer, activation_code)
    account = await account_by_email(session, offer.email)
    if account is not None:
        await prove(session, account, offer.email, password, address=address, refusal=InvalidCredentials)
        user_id = account.id
    else:
        accepted = password_rules.check(password, offer.email)
        password_hash = await without_connection(session, passwords.hash_password(accepted))
        user_id = ids.new_id()
    offer = await _open_offer(session, token, lock=True)
    now = clock.real()
    if account is None:
        await _create_user(session, user_id, email=offer.email, password_hash=password_hash, locale=locale, now=now)
    elif (await account_by_id(session, user_id)).email != offer.email:
        raise TokenInvalid
    await session.execute(
        text("UPDATE invitation SET ended_at = :now, accepted_by = :user WHERE id = :id"),
        {"now": now, "user": user_id, "id": offer.id},
    )
    await _create_memberships(session, user_id, offer, now)
    actor = Actor("user", user_id, offer.organisation_id)
    await record(session, actor, "invitation.accept", "invitation", offer.id)
    return Redeemed(user_id, offer.organisation_id, offer.employee_id, tuple(offer.roles))


async def pending_activation_codes(session: AsyncSession, organisation_id: UUID) -> list[PendingCode]:
    """Return the codes for the letters to a company's invited employees: for the operator, never for HR."""
    rows = await session.execute(
        text(
            "SELECT id, employee_id, sealed_activation_code, expires_at FROM invitation"
            " WHERE organisation_id = :organisation_id AND ended_at IS NULL AND expires_at > :now"
            " AND sealed_activation_code IS NOT NULL ORDER BY id"
        ),
        {"organisation_id": organisation_id, "now": clock.real()},
    )
    return [
        PendingCode(row.employee_id, _opened_code(row.id, row.sealed_activation_code), row.expires_at) for row in rows
    ]


@dataclass(frozen=True)
class _Offer:
    id: UUID
    email: str
    organisation_id: UUID
    employee_id: UUID | None
    roles: list[str]
    sealed_activation_code: bytes | None


async def _open_offer(session: AsyncSession, token: str, *, lock: bool) -> _Offer:
    statement = OPEN + " FOR NO KEY UPDATE" if lock else OPEN
    row = (await session.execute(text(statement), {"hash": token_hash(token), "now": clock.real()})).one_or_none()
    if row is None:
        raise TokenInvalid
    return _Offer(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it


async def _check_code(session: AsyncSession, offer: _Offer, given: str | None) -> None:
    limits = {attempts.key("activation", str(offer.id)): CODE_TRIES}
    await attempts.refuse_exhausted(session, limits)
    sealed = offer.sealed_activation_code
    expected = None if sealed is None else _opened_code(offer.id, sealed)
    if expected is None or not hmac.compare_digest(expected.encode(), (given or "").strip().encode()):
        await attempts.count(session, limits)
        raise ActivationCodeWrong


async def _create_user(
    session: AsyncSession, user_id: UUID, *, email: str, password_hash: str, locale: Locale, now: datetime
) -> None:
    made = await session.execute(
        text(
            "INSERT INTO user_account (id, email, password_hash, locale, created_at)"
            " VALUES (:id, :email, :hash, :locale, :now) ON CONFLICT (email) DO NOTHING RETURNING id"
        ),
        {"id": user_id, "email": email, "hash": password_hash, "locale": locale, "now": now},
    )
    if made.one_or_none() is None:
        raise Conflict


async def _create_memberships(session: AsyncSession, user_id: UUID, offer: _Offer, now: datetime) -> None:
    if offer.roles:
        await session.execute(
            text(
                "INSERT INTO membership (id, user_id, organisation_id, role, created_at)"
                " SELECT m.id, :user, :organisation, m.role, :now"
                " FROM unnest(CAST(:ids AS uuid[]), CAST(:roles AS text[])) AS m (id, role)"
                " ON CONFLICT (user_id, organisation_id, role) WHERE ended_at IS NULL DO NOTHING"
            ),
            {
                "user": user_id,
                "organisation": offer.organisation_id,
                "ids": [ids.new_id() for _ in offer.roles],
                "roles": offer.roles,
                "now": now,
            },
        )


def _sealed_code(invitation_id: UUID) -> bytes | None:
    if settings().sandbox:
        return None
    code = f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"
    return config.encrypt("activation_code", code.encode(), invitation_id.bytes)


def _opened_code(invitation_id: UUID, sealed: bytes) -> str:
    return config.decrypt("activation_code", sealed, invitation_id.bytes).decode()


def _mail(template: str, recipient: str, organisation_name: str, locale: str, token: str) -> NewMail:
    values = {
        "organisation_name": organisation_name,
        "days": LIFE_DAYS,
        "public_url": settings().public_url,
        "token": token,
    }
    return NewMail(template, recipient, locale, values)
