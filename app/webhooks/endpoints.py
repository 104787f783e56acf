"""An organisation's routes to its webhook endpoints and their deliveries."""

from typing import Annotated

from fastapi import Body, Query
from starlette.responses import Response

from app.edge.at import At
from app.errors import StateConflict
from app.events import schemas as events
from app.http.audiences import organisation_router
from app.http.filters import any_of
from app.http.pagination import NewestFirst
from app.http.schemas import Page
from app.ids import WebhookDeliveryId, WebhookEndpointId
from app.webhooks import actions, queries, schemas
from app.webhooks.errors import TooManyEndpoints
from app.webhooks.messages import shown
from app.webhooks.models import DeliveryStatus, WebhookEndpoint
from app.webhooks.queries import DeliveryRow

organisation = organisation_router()


@organisation.list("/webhook_endpoints", "webhooks:read")
async def webhook_endpoint_list(at: At, paging: NewestFirst) -> Page[schemas.WebhookEndpointRead]:
    """List the organisation's webhook endpoints, newest first; never their secrets."""
    found = await queries.endpoints(at.session, at.tenant, paging.window)
    return paging.page(found, schemas.WebhookEndpointRead.model_validate)


@organisation.command(
    "/webhook_endpoints", "webhooks:write", keyed=False, status=201, errors=[TooManyEndpoints], step_up="role"
)
async def webhook_endpoint_create(at: At, body: schemas.WebhookEndpointCreate) -> schemas.WebhookSecretShown:
    """Let an address be told what happens from now on; this answer is the only one that shows its secret."""
    made, secret = await actions.create(
        at.session, at.actor, at.tenant, url=body.url, description=body.description, event_types=list(body.event_types)
    )
    return at.tagged(made.version, _shown_once(made, secret))


@organisation.read("/webhook_endpoints/{endpoint_id}", "webhooks:read")
async def webhook_endpoint_get(at: At, endpoint_id: WebhookEndpointId) -> schemas.WebhookEndpointRead:
    """Read one endpoint; never its secret."""
    found = await queries.endpoint(at.session, at.tenant, endpoint_id)
    return at.tagged(found.version, schemas.WebhookEndpointRead.model_validate(found))


@organisation.change("/webhook_endpoints/{endpoint_id}", "webhooks:write", step_up="role")
async def webhook_endpoint_update(
    at: At, endpoint_id: WebhookEndpointId, body: schemas.WebhookEndpointUpdate
) -> schemas.WebhookEndpointRead:
    """Change where and what an endpoint is told, or switch it off and on."""
    given = {name: getattr(body, name) for name in body.model_fields_set}
    changed = await actions.change(at.session, at.actor, at.tenant, endpoint_id, at.expected_version, given)
    return at.tagged(changed.version, schemas.WebhookEndpointRead.model_validate(changed))


@organisation.command("/webhook_endpoints/{endpoint_id}", "webhooks:write", keyed=False, method="DELETE", status=204)
async def webhook_endpoint_delete(at: At, endpoint_id: WebhookEndpointId) -> Response:
    """End an endpoint for good; nothing more is sent to it."""
    await actions.delete(at.session, at.actor, at.tenant, endpoint_id)
    return Response(status_code=204)


@organisation.command("/webhook_endpoints/{endpoint_id}/rotate_secret", "webhooks:write", keyed=False, step_up="role")
async def webhook_endpoint_rotate_secret(
    at: At, endpoint_id: WebhookEndpointId, body: Annotated[schemas.WebhookSecretRotate | None, Body()] = None
) -> schemas.WebhookSecretShown:
    """Make a new secret, shown this once; messages carry both signatures for `overlap_hours`."""
    hours = (body or schemas.WebhookSecretRotate()).overlap_hours
    changed, secret = await actions.rotate_secret(at.session, at.actor, at.tenant, endpoint_id, hours)
    return at.tagged(changed.version, _shown_once(changed, secret))


@organisation.command(
    "/webhook_endpoints/{endpoint_id}/test", "webhooks:write", keyed=False, status=202, errors=[StateConflict]
)
async def webhook_endpoint_test(at: At, endpoint_id: WebhookEndpointId) -> schemas.WebhookTested:
    """Send a `webhook_endpoint.tested` to this endpoint; in a few seconds its deliveries show it."""
    await actions.test(at.session, at.actor, at.tenant, endpoint_id)
    return schemas.WebhookTested()


@organisation.list("/webhook_endpoints/{endpoint_id}/deliveries", "webhooks:read")
async def webhook_delivery_list(
    at: At,
    endpoint_id: WebhookEndpointId,
    paging: NewestFirst,
    status: Annotated[list[DeliveryStatus] | None, Query(description="may be repeated")] = None,
) -> Page[schemas.WebhookDeliveryRead]:
    """List what was sent to an endpoint or waits to be, newest first, for 30 days."""
    await actions.readable(at.session, at.actor, at.tenant, endpoint_id)
    found = await queries.DELIVERIES.page(
        at.session, paging.window, organisation_id=at.tenant, endpoint_id=endpoint_id, statuses=any_of(status)
    )
    return paging.page(found, _delivery)


@organisation.command(
    "/webhook_endpoints/{endpoint_id}/deliveries/{delivery_id}/redeliver",
    "webhooks:write",
    keyed=False,
    errors=[StateConflict],
)
async def webhook_delivery_redeliver(
    at: At, endpoint_id: WebhookEndpointId, delivery_id: WebhookDeliveryId
) -> schemas.WebhookDeliveryRead:
    """Send an event to this endpoint again, whatever came of it; the id stays the same."""
    return _delivery(await actions.redeliver(at.session, at.actor, at.tenant, endpoint_id, delivery_id))


def _shown_once(row: WebhookEndpoint, secret: bytes) -> schemas.WebhookSecretShown:
    read = schemas.WebhookEndpointRead.model_validate(row)
    return schemas.WebhookSecretShown(**read.model_dump(), secret=shown(secret))


def _delivery(row: DeliveryRow) -> schemas.WebhookDeliveryRead:
    return schemas.WebhookDeliveryRead(
        id=row.id,
        event=events.read(row),
        status=row.status,
        attempts=row.attempts,
        attempted_at=row.attempted_at,
        next_attempt_at=row.next_attempt_at,
        answer_status=row.answer_status,
        problem=row.problem,
        created_at=row.created_at,
    )
