"""What every administrator of an organisation is told by mail: a new member or role, a new key, a webhook."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.actor import Locale
from app.config import settings
from app.db import APP, WORKER, Query
from app.edge.permissions import APPROVING_ROLES, ROLE_PERMISSIONS, OrganisationRole
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


ADMINISTRATORS = Query(Administrator, "identity.administrators", roles=(APP, WORKER))


async def tell_of_roles(
    session: AsyncSession,
    organisation_id: UUID,
    user_id: UUID,
    roles: Sequence[OrganisationRole],
    invited_by: UUID | None,
) -> None:
    """Tell all administrators but the person herself that she has these roles."""
    email = (await account_by_id(session, user_id)).email
    inviter = None if invited_by is None else (await account_by_id(session, invited_by)).email
    waits = int(settings().approving_role_delay.total_seconds()) // 3600 if APPROVING_ROLES & set(roles) else 0
    told = [one for one in await _administrators(session, organisation_id) if one.user_id != user_id]
    mails = []
    for one in told:
        words = ", ".join(ROLE_WORDS[role][one.locale] for role in roles)
        values = {"email": email, "roles": words, "invited_by": inviter, "waits": waits}
        mails.append(_notice("new_member", one, values))
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
    await send_many(session, [_notice(template, one, values) for one in administrators])


async def _administrators(session: AsyncSession, organisation_id: UUID) -> list[Administrator]:
    return await ADMINISTRATORS.all(session, organisation_id=organisation_id, roles=ADMINISTERING, now=clock.real())


def _notice(template: str, to: Administrator, values: Mapping[str, object]) -> NewMail:
    shared = {"organisation_name": to.organisation_name, "public_url": settings().public_url}
    return NewMail(template, to.email, to.locale, {**shared, **values})
