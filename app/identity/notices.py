"""What administrators are told by mail: a new member, role, key or webhook of theirs; the audit trail's heads."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.actor import Locale
from app.audit.chain import Head
from app.audit.models import AuditHead
from app.config import settings
from app.db import APP, WORKER, Query
from app.edge.permissions import APPROVING_ROLES, ROLE_PERMISSIONS, OrganisationRole
from app.identity.invitations import Redeemed
from app.identity.models import ApiKey
from app.identity.proof import account_by_id
from app.mail.actions import NewMail, send_many

ADMINISTERING = sorted(role for role, granted in ROLE_PERMISSIONS.items() if "members:write" in granted)
ROLE_WORDS: dict[OrganisationRole, dict[Locale, str]] = {
    "hr": {"it": "ufficio del personale", "en": "human resources"},
    "hr_approver": {"it": "approvazione del credito", "en": "approval of credit"},
    "payroll": {"it": "paghe", "en": "payroll"},
    "manager": {"it": "gestione dei servizi", "en": "management of services"},
    "staff": {"it": "personale dei servizi", "en": "staff of services"},
    "coordinator": {"it": "coordinamento dell'alleanza", "en": "coordination of the alliance"},
    "care_manager": {"it": "accompagnamento delle famiglie", "en": "care management"},
    "observer": {"it": "osservazione dell'alleanza", "en": "observation of the alliance"},
    "operator": {"it": "gestione della piattaforma", "en": "operation of the platform"},
    "finance": {"it": "amministrazione dei pagamenti", "en": "finance"},
    "admin": {"it": "amministrazione dell'organizzazione", "en": "administration of the organisation"},
}


@dataclass(frozen=True, slots=True)
class Administrator:
    """Who is told, and how the organisation is called."""

    user_id: UUID
    email: str
    locale: Locale
    organisation_name: str


@dataclass(frozen=True, slots=True)
class HeadReader:
    """Somebody who keeps the heads of the audit trail."""

    email: str
    locale: Locale


ADMINISTRATORS_WORD = "administrators"
HEAD_READERS = Query(HeadReader, "identity.head_readers", roles=(APP, WORKER))
ADMINISTRATORS = Query(Administrator, "identity.administrators", roles=(APP, WORKER))


async def tell_of_roles(session: AsyncSession, given: Redeemed) -> None:
    """Tell all administrators what somebody was given; the person herself only where a reason stands for it."""
    email = (await account_by_id(session, given.user_id)).email
    inviter = None if given.invited_by is None else (await account_by_id(session, given.invited_by)).email
    waits = int(settings().approving_role_delay.total_seconds()) // 3600 if APPROVING_ROLES & set(given.roles) else 0
    values = {
        "email": email,
        "invited_by": inviter,
        "waits": waits,
        "reason": given.reason,
        "organisation": ids.encode("org", given.organisation_id),
    }
    mails = []
    for one in await _administrators(session, given.organisation_id):
        if one.user_id != given.user_id or given.reason is not None:
            words = ", ".join(ROLE_WORDS[role][one.locale] for role in given.roles)
            mails.append(_notice("new_member", one, values | {"roles": words}))
    await send_many(session, mails)


async def tell_of_key(session: AsyncSession, key: ApiKey) -> None:
    """Tell all administrators, its maker included, that there is a new key."""
    email = (await account_by_id(session, key.created_by)).email
    values = {"email": email, "hint": key.hint, "scopes": ", ".join(key.scopes)}
    await tell_administrators(session, key.organisation_id, "new_key", values)


async def tell_administrators(
    session: AsyncSession, organisation_id: UUID, template: str, values: Mapping[str, object]
) -> None:
    """Tell all who administer an organisation, in their languages."""
    administrators = await _administrators(session, organisation_id)
    known = {"organisation": ids.encode("org", organisation_id), **values}
    await send_many(session, [_notice(template, one, known) for one in administrators])


async def tell_holders(
    session: AsyncSession,
    organisation_id: UUID,
    roles: Sequence[OrganisationRole],
    template: str,
    values: Mapping[str, object],
) -> None:
    """Tell all who have one of these roles in an organisation, in their languages."""
    holders = await ADMINISTRATORS.all(session, organisation_id=organisation_id, roles=list(roles), now=clock.real())
    await send_many(session, [_notice(template, one, values) for one in holders])


async def tell_of_lost_factor(
    session: AsyncSession, organisation_id: UUID, user_id: UUID, asked_by: UUID, *, approved: bool
) -> None:
    """Tell all administrators and the person herself that her second factor is to go."""
    person, asker = await account_by_id(session, user_id), await account_by_id(session, asked_by)
    administrators = await _administrators(session, organisation_id)
    name = administrators[0].organisation_name if administrators else ""
    herself = Administrator(person.id, person.email, person.locale, name)
    told = [one for one in administrators if one.user_id != user_id]
    values = {"email": person.email, "asked_by": asker.email, "approved": approved}
    await send_many(session, [_notice("lost_second_factor", one, values) for one in (*told, herself)])


async def tell_of_head(session: AsyncSession, position: int) -> None:
    """Let the audit trail's head leave by mail: whoever keeps it notices a trail that was cut or made anew."""
    kept = (await session.scalars(select(AuditHead).where(AuditHead.position == position))).one()
    head = Head(kept.position, kept.hash, kept.exported_at, kept.key_id, kept.signature)
    values = {
        "line": json.dumps(head.line()),
        "day": f"{clock.day_of(head.exported_at):%d.%m.%Y}",
        "position": position,
    }
    named = settings().audit_heads_mail
    readers = [HeadReader(address, "it") for address in named if address != ADMINISTRATORS_WORD]
    if ADMINISTRATORS_WORD in named:
        readers += await HEAD_READERS.all(session, now=clock.real())
    await send_many(session, [NewMail("audit_head", to.email, to.locale, values) for to in readers])


async def _administrators(session: AsyncSession, organisation_id: UUID) -> list[Administrator]:
    return await ADMINISTRATORS.all(session, organisation_id=organisation_id, roles=ADMINISTERING, now=clock.real())


def _notice(template: str, to: Administrator, values: Mapping[str, object]) -> NewMail:
    shared = {"organisation_name": to.organisation_name, "public_url": settings().public_url}
    return NewMail(template, to.email, to.locale, {**shared, **values})
