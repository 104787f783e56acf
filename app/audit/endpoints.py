"""The operator's route to the audit trail."""

from typing import Annotated
from uuid import UUID

from fastapi import Query

from app import ids
from app.audit import queries, schemas
from app.edge.at import At
from app.errors import Invalid
from app.http.audiences import operator_router
from app.http.filters import DaysDep
from app.http.pagination import NewestFirst
from app.http.schemas import Page

operator = operator_router()


@operator.list("/audit_events", "audit:read", audit="audit_event.list")
async def audit_event_list(
    at: At,
    paging: NewestFirst,
    days: DaysDep,
    actor_id: Annotated[str | None, Query(max_length=64, description="A person or an API key")] = None,
    action: Annotated[str | None, Query(max_length=64, description="Such as `grant.approve`")] = None,
    object_id: Annotated[str | None, Query(max_length=64, description="The object, by its id")] = None,
) -> Page[schemas.AuditEventRead]:
    """List who did, read or was refused what, newest first; days (both included, Rome) are real ones.

    Reading it is an entry of its own.
    """
    found = await queries.entries(
        at.session,
        paging.window,
        actor_id=_id("actor_id", actor_id, "usr", "key"),
        action=action,
        object_id=_id("object_id", object_id),
        start=days.start,
        end=days.end,
    )
    return paging.page(found, schemas.read)


def _id(name: str, given: str | None, *prefixes: str) -> UUID | None:
    if given is None:
        return None
    try:
        prefix, value = ids.split(given)
    except ValueError:
        prefix = None
    if prefix is None or (prefixes and prefix not in prefixes):
        raise Invalid(f"/query/{name}", "type_id", "malformed id")
    return value
