"""An organisation's route to its feed."""

from dataclasses import replace
from typing import Annotated

from fastapi import Depends, Query

from app.actor import Actor
from app.edge.at import At
from app.edge.permissions import permissions_of
from app.events import queries, schemas
from app.events.errors import EventForgotten
from app.events.vocabulary import EventType, types_seen
from app.http.audiences import organisation_router
from app.http.pagination import Paging, ordered
from app.http.schemas import Page
from app.ids import EventId

organisation = organisation_router()


@organisation.list("/events", "events:read", errors=[EventForgotten])
async def event_list(
    at: At,
    paging: Annotated[Paging, Depends(ordered("position"))],
    after: Annotated[
        EventId | None, Query(description="The last event you have: what came after it; else from the beginning.")
    ] = None,
) -> Page[schemas.EventRead]:
    """List what happened in the last 30 days, oldest first, without gaps: who saw an event never misses an older one.

    You see events of what you may read: a key needs `events:read` and the scope of the object (`bookings:read`).
    """
    types = _types_of(at.actor)
    window = paging.window
    if after is not None and window.after is None:
        position = await queries.POSITION_OF.maybe(at.session, organisation_id=at.tenant, event_id=after, types=types)
        if position is None:
            raise EventForgotten
        window = replace(window, after=(position,))
    found = await queries.FEED.page(at.session, window, organisation_id=at.tenant, types=types)
    return paging.page(found, schemas.read)


def _types_of(actor: Actor) -> list[EventType]:
    return types_seen(permissions_of(actor.roles) if actor.scopes is None else actor.scopes)
