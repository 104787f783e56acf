"""What is read of webhooks, and the statements of planning and sending."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import APP, NOTHING, WORKER, Query
from app.errors import NotFound
from app.listing import Found, ListQuery, Window, page_of
from app.webhooks.models import DeliveryStatus, Problem, WebhookEndpoint


@dataclass(frozen=True, slots=True)
class ToPlan:
    """An event that came into the feed of an endpoint's organisation; `wanted` if it is one of its types."""

    endpoint_id: UUID
    organisation_id: UUID
    position: int
    event_id: UUID
    object_id: UUID
    wanted: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """An endpoint that something can be sent to now."""

    id: UUID
    slow: bool


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery to try now: what happened, where it goes, how it is signed, how that endpoint has been doing."""

    id: UUID
    organisation_id: UUID
    endpoint_id: UUID
    attempts: int
    event_id: UUID
    type: str
    object_kind: str
    object_id: UUID
    happened_at: datetime
    url: str
    sealed_secret: bytes
    sealed_previous_secret: bytes | None
    previous_until: datetime | None
    failures: int
    failing_since: datetime | None
    pending: int
    """How many wait for this endpoint, at least: one more than a batch, where it is more."""


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """A delivery as its log shows it."""

    id: UUID
    status: DeliveryStatus
    attempts: int
    next_attempt_at: datetime | None
    attempted_at: datetime | None
    answer_status: int | None
    problem: Problem | None
    created_at: datetime
    event_id: UUID
    type: str
    object_kind: str
    object_id: UUID
    happened_at: datetime


LAST_POSITION = Query(int, "webhooks.last_position")
FREE_PLACE = Query(int, "webhooks.free_place")
ANYTHING_TO_PLAN = Query(bool, "webhooks.anything_to_plan", roles=(APP, WORKER))
TO_PLAN = Query(ToPlan, "webhooks.to_plan", roles=(APP, WORKER))
PLAN = Query(NOTHING, "webhooks.plan", roles=(APP, WORKER))
PLANNED = Query(NOTHING, "webhooks.planned", roles=(APP, WORKER))
WAITING = Query(Waiting, "webhooks.waiting", roles=(WORKER,))
DUE = Query(Due, "webhooks.due", roles=(WORKER,))
SUCCEEDED = Query(NOTHING, "webhooks.succeeded", roles=(WORKER,))
DELIVERIES = ListQuery(DeliveryRow, "webhooks.deliveries", {"created_at": "id uuid"})
DELIVERY = Query(DeliveryRow, "webhooks.delivery")


async def endpoints(session: AsyncSession, organisation_id: UUID, window: Window) -> Found[WebhookEndpoint]:
    return await page_of(session, _of(organisation_id), window, {"created_at": (WebhookEndpoint.id,)})


async def endpoint(session: AsyncSession, organisation_id: UUID, endpoint_id: UUID) -> WebhookEndpoint:
    return await _one(session, _of(organisation_id).where(WebhookEndpoint.id == endpoint_id))


async def lock_endpoint(session: AsyncSession, organisation_id: UUID, endpoint_id: UUID) -> WebhookEndpoint:
    own = _of(organisation_id).where(WebhookEndpoint.id == endpoint_id)
    return await _one(session, own.with_for_update(key_share=True))


async def delivery(session: AsyncSession, organisation_id: UUID, endpoint_id: UUID, delivery_id: UUID) -> DeliveryRow:
    found = await DELIVERY.maybe(
        session, organisation_id=organisation_id, endpoint_id=endpoint_id, id=delivery_id
    )  # fmt: skip
    if found is None:
        raise NotFound
    return found


def _of(organisation_id: UUID) -> Select[WebhookEndpoint]:
    return select(WebhookEndpoint).where(
        WebhookEndpoint.organisation_id == organisation_id, WebhookEndpoint.status != "deleted"
    )


async def _one(session: AsyncSession, wanted: Select[WebhookEndpoint]) -> WebhookEndpoint:
    found = await session.scalar(wanted)
    if found is None:
        raise NotFound
    return found
