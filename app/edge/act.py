"""What a route's declaration says was done, and by whom: one entry of the audit trail."""

import ipaddress
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from app import clock, ids
from app.actor import Actor, ActorKind
from app.db import APP, HR, WORKER, Query

RECORD_ACT = Query(UUID, "edge.record_act", roles=(APP, HR, WORKER))


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the request of this task comes from; nothing outside of requests."""

    address: str | None = None
    request_id: UUID | None = None
    session_id: UUID | None = None


_origin: ContextVar[Origin] = ContextVar("origin", default=Origin())  # noqa: B039 - frozen


@dataclass(frozen=True)
class Act:
    """One act of one actor on one object; its names are the parameters of `record_act`, which the audit trail owns.

    In the database role of company routes `record_act` takes who, when and whence from the opened request itself.
    `refusal` is the code of what was refused, which stands for `times` alike; `shown` are the objects a list showed.
    """

    act_id: UUID
    actor_kind: ActorKind
    actor_id: UUID | None
    organisation_id: UUID | None
    action: str
    object_kind: str
    object_id: UUID | None
    happened_at: datetime
    recorded_at: datetime
    session_id: UUID | None
    address: str | None
    request_id: UUID | None
    refusal: str | None
    times: int
    shown: list[UUID] | None

    def values(self) -> dict[str, object]:
        return asdict(self)


def origin_of(request: Request) -> Origin:
    """Return what a request says of itself before anybody was looked up; the address as the proxy settings say."""
    request_id = request.scope.get("request_id")
    return Origin(_address(request), UUID(request_id) if request_id else None)


def come_from(origin: Origin) -> None:
    """Let what this task records from now on have this origin."""
    _origin.set(origin)


def new_act(
    actor: Actor,
    action: str,
    object_kind: str,
    object_id: UUID | None,
    *,
    refusal: str | None = None,
    times: int = 1,
    shown: Sequence[UUID] | None = None,
) -> Act:
    """Return the entry of an act of this task, now."""
    origin = _origin.get()
    return Act(
        act_id=ids.new_id(),
        actor_kind=actor.kind,
        actor_id=actor.id,
        organisation_id=actor.organisation_id,
        action=action,
        object_kind=object_kind,
        object_id=object_id,
        happened_at=clock.now(),
        recorded_at=clock.real(),
        session_id=origin.session_id,
        address=origin.address,
        request_id=origin.request_id,
        refusal=refusal,
        times=times,
        shown=None if shown is None else list(shown),
    )


async def record(session: AsyncSession, act: Act) -> None:
    """Write the entry in the request's transaction."""
    await RECORD_ACT.one(session, **act.values())


async def record_and_commit(session: AsyncSession, act: Act) -> None:
    """Write the entry as the last of the request's transaction."""
    await RECORD_ACT.run_and_commit(session, **act.values())


def _address(request: Request) -> str | None:
    """Return the caller's network address; a proxy's header may say anything."""
    try:
        return str(ipaddress.ip_address(request.client.host)) if request.client is not None else None
    except ValueError:
        return None
