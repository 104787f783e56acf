"""The operator's route to the audit trail."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query

from app import clock, ids
from app.audit import queries, schemas
from app.clock import Day
from app.edge.at import At
from app.errors import Invalid
from app.http.audiences import operator_router
from app.http.pagination import PagingDep
from app.http.period import period
from app.http.schemas import Page

operator = operator_router()
EARLIEST = datetime(clock.FIRST_YEAR, 1, 1, tzinfo=UTC)


@operator.list("/audit_events", "audit:read", audit="audit_event.list")
async def audit_event_list(
    at: At,
    paging: PagingDep,
    actor_id: Annotated[str | None, Query(max_length=64, description="A person or an API key")] = None,
    action: Annotated[str | None, Query(max_length=64, description="Such as `grant.approve`")] = None,
    object_id: Annotated[str | None, Query(max_length=64, description="The object, by its id")] = None,
    date_from: Annotated[Day | None, Query(description="on or after this Rome day")] = None,
    date_to: Annotated[Day | None, Query(description="on or before this Rome day")] = None,
) -> Page[schemas.AuditEventRead]:
    """List who did, read or was refused what, newest first; days (both included, Rome) are real ones.

    Reading it is an entry of its own.
    """
    start, end = period(date_from, date_to, EARLIEST)
    rows = await queries.entries(
        at.session,
        actor_id=_id("actor_id", actor_id, "usr", "key"),
        action=action,
        object_id=_id("object_id", object_id),
        start=start if date_from is not None else None,
        end=end if date_to is not None else None,
        before=paging.after_id,
        limit=paging.fetch,
    )
    return paging.page_by_id(rows, schemas.read)


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
