"""What an organisation's people do with endpoints: make, change, test, end them, and ask for a delivery again."""

import secrets
from collections.abc import Iterable, Mapping
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.actor import Actor
from app.audit.actions import record
from app.config import settings
from app.edge.roles import scopes_to_give
from app.errors import Forbidden, Invalid, PreconditionFailed, StateConflict
from app.events import actions as events
from app.events.actions import NewEvent
from app.events.vocabulary import TESTED, types_seen
from app.identity.api_keys import KINDS
from app.identity.notices import tell_administrators
from app.identity.proof import account_by_id
from app.webhooks import queries
from app.webhooks.addresses import url_problem
from app.webhooks.delivering import give_up, off
from app.webhooks.errors import TooManyEndpoints
from app.webhooks.messages import seal
from app.webhooks.models import WebhookDelivery, WebhookEndpoint
from app.webhooks.queries import DeliveryRow

SECRET_BYTES = 32
ON = {"status": "active", "disabled_reason": None, "disabled_at": None}
WELL = {"failures": 0, "failing_since": None, "rest_until": None, "is_slow": False}


async def create(
    session: AsyncSession,
    actor: Actor,
    organisation_id: UUID,
    *,
    url: str,
    description: str | None,
    event_types: list[str],
) -> tuple[WebhookEndpoint, bytes]:
    """Make an endpoint, which is told what happens from now on, and return it with its secret."""
    _check_url(url)
    await _check_types(session, actor, organisation_id, event_types)
    place = await queries.FREE_PLACE.maybe(session, organisation_id=organisation_id)
    if place is None:
        raise TooManyEndpoints
    endpoint_id, secret = ids.new_id(), secrets.token_bytes(SECRET_BYTES)
    new = insert(WebhookEndpoint).values(
        id=endpoint_id,
        organisation_id=organisation_id,
        place=place,
        url=url,
        description=description,
        event_types=event_types,
        sealed_secret=seal(secret, endpoint_id),
        planned_position=await queries.LAST_POSITION.one(session, organisation_id=organisation_id),
        created_by=actor.user_id,
        created_at=clock.real(),
    )
    made = (await session.scalars(new.returning(WebhookEndpoint))).one()
    await record(session, actor, "webhook_endpoint.create", "webhook_endpoint", endpoint_id)
    await _tell(session, actor, made)
    return made, secret


async def change(
    session: AsyncSession,
    actor: Actor,
    organisation_id: UUID,
    endpoint_id: UUID,
    version: int,
    given: Mapping[str, object],
) -> WebhookEndpoint:
    """Change an endpoint; one that is switched on again is told what happens from now on."""
    old = await _own(session, actor, organisation_id, endpoint_id)
    if old.version != version:
        raise PreconditionFailed
    columns = {name: value for name, value in given.items() if name != "enabled" and value != getattr(old, name)}
    if "url" in columns:
        _check_url(str(columns["url"]))
    if "event_types" in columns:
        await _check_types(session, actor, organisation_id, given["event_types"])  # type: ignore[arg-type]
    columns |= await _switched(session, old, given.get("enabled"))
    if not columns:
        return old
    changed = await _write(session, endpoint_id, {"version": version + 1, **columns})
    await record(session, actor, "webhook_endpoint.update", "webhook_endpoint", endpoint_id)
    if "url" in columns:
        await _tell(session, actor, changed)
    return changed


async def rotate_secret(
    session: AsyncSession, actor: Actor, organisation_id: UUID, endpoint_id: UUID, overlap_hours: int
) -> tuple[WebhookEndpoint, bytes]:
    """Give an endpoint a new secret; for the overlap its messages carry the old one's signature too."""
    old = await _own(session, actor, organisation_id, endpoint_id)
    secret = secrets.token_bytes(SECRET_BYTES)
    columns = {
        "version": old.version + 1,
        "sealed_secret": seal(secret, endpoint_id),
        "sealed_previous_secret": old.sealed_secret if overlap_hours else None,
        "previous_until": clock.real() + timedelta(hours=overlap_hours) if overlap_hours else None,
    }
    changed = await _write(session, endpoint_id, columns)
    await record(session, actor, "webhook_endpoint.rotate_secret", "webhook_endpoint", endpoint_id)
    return changed, secret


async def delete(session: AsyncSession, actor: Actor, organisation_id: UUID, endpoint_id: UUID) -> None:
    """End an endpoint for good: nothing more is sent to it."""
    await _own(session, actor, organisation_id, endpoint_id)
    await give_up(session, endpoint_id)
    gone = {"status": "deleted", "place": None, "disabled_reason": None, "disabled_at": None}
    await _write(session, endpoint_id, gone)
    await record(session, actor, "webhook_endpoint.delete", "webhook_endpoint", endpoint_id)


async def test(session: AsyncSession, actor: Actor, organisation_id: UUID, endpoint_id: UUID) -> None:
    """Let an event of a test happen, which goes the way of every other, to this endpoint only."""
    endpoint = await _own(session, actor, organisation_id, endpoint_id)
    if endpoint.status != "active":
        raise StateConflict(endpoint.status)
    await events.record(session, NewEvent(TESTED, "webhook_endpoint", endpoint_id, (organisation_id,)))
    await record(session, actor, "webhook_endpoint.test", "webhook_endpoint", endpoint_id)


async def redeliver(
    session: AsyncSession, actor: Actor, organisation_id: UUID, endpoint_id: UUID, delivery_id: UUID
) -> DeliveryRow:
    """Send an event once more, with the same id, and as often as the first time if need be."""
    endpoint = await _own(session, actor, organisation_id, endpoint_id)
    await queries.delivery(session, organisation_id, endpoint_id, delivery_id)
    if endpoint.status != "active":
        raise StateConflict(endpoint.status)
    again = update(WebhookDelivery).where(WebhookDelivery.id == delivery_id)
    await session.execute(again.values(status="pending", attempts=0, next_attempt_at=clock.real()))
    await session.execute(update(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id).values(rest_until=None))
    await record(session, actor, "webhook_delivery.redeliver", "webhook_delivery", delivery_id)
    return await queries.delivery(session, organisation_id, endpoint_id, delivery_id)


async def readable(session: AsyncSession, actor: Actor, organisation_id: UUID, endpoint_id: UUID) -> None:
    """Refuse to show what was sent to an endpoint to somebody who may not see all its types."""
    found = await queries.endpoint(session, organisation_id, endpoint_id)
    await _check_sight(session, actor, found)


def _check_url(url: str) -> None:
    problem = url_problem(url, loopback=settings().calls_loopback)
    if problem is not None:
        raise Invalid("/url", "url_not_allowed", problem)


async def _check_types(session: AsyncSession, actor: Actor, organisation_id: UUID, types: Iterable[str]) -> None:
    """Refuse types that this person may not see here: who sees no booking has nobody told of one."""
    allowed = await _types_to_give(session, actor, organisation_id)
    wrong = [
        (f"/event_types/{index}", "type_not_allowed", "not a type you can choose in this organisation")
        for index, each in enumerate(types)
        if each not in allowed
    ]
    if wrong:
        raise Invalid(*wrong[0], *wrong[1:])


async def _types_to_give(session: AsyncSession, actor: Actor, organisation_id: UUID) -> frozenset[str]:
    kinds = await KINDS.maybe(session, id=organisation_id) or ()
    return frozenset(types_seen(scopes_to_give(kinds, actor.roles)))


async def _own(session: AsyncSession, actor: Actor, organisation_id: UUID, endpoint_id: UUID) -> WebhookEndpoint:
    """Lock an endpoint for somebody who may choose all its types: else HR could turn a provider's to herself."""
    found = await queries.lock_endpoint(session, organisation_id, endpoint_id)
    await _check_sight(session, actor, found)
    return found


async def _check_sight(session: AsyncSession, actor: Actor, endpoint: WebhookEndpoint) -> None:
    if not set(endpoint.event_types) <= await _types_to_give(session, actor, endpoint.organisation_id):
        raise Forbidden


async def _switched(session: AsyncSession, old: WebhookEndpoint, enabled: object) -> dict[str, object]:
    """Return what switching on or off changes; None: it stays as it is."""
    if enabled is None or enabled == (old.status == "active"):
        return {}
    if not enabled:
        await give_up(session, old.id)
        return {name: value for name, value in off("person", clock.real()).items() if name != "version"}
    last = await queries.LAST_POSITION.one(session, organisation_id=old.organisation_id)
    return {**ON, **WELL, "planned_position": last}


async def _write(session: AsyncSession, endpoint_id: UUID, columns: Mapping[str, object]) -> WebhookEndpoint:
    changed = update(WebhookEndpoint).where(WebhookEndpoint.id == endpoint_id).values(**columns)
    return (await session.scalars(changed.returning(WebhookEndpoint))).one()


async def _tell(session: AsyncSession, actor: Actor, endpoint: WebhookEndpoint) -> None:
    """Tell all administrators where their events go: a new address, or another one."""
    email = (await account_by_id(session, actor.user_id)).email
    values = {"email": email, "host": urlsplit(endpoint.url).netloc, "event_types": ", ".join(endpoint.event_types)}
    await tell_administrators(session, endpoint.organisation_id, "webhook_endpoint", values)
