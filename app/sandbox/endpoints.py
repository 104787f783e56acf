"""Routes of the sandbox, for the operator."""

from typing import Annotated
from uuid import UUID

from fastapi import Query
from starlette.requests import Request

from app import clock
from app.http.access import access
from app.http.audiences import sandbox_router
from app.http.pagination import BadCursor, PagingDep
from app.http.schemas import Page
from app.http.session import SessionDep
from app.sandbox import actions, queries
from app.sandbox.errors import ClockBackwards
from app.sandbox.schemas import Clock, ClockMove, JobsRan, Mail

router = sandbox_router()


@router.get("/clock", response_model=Clock)
@access("sandbox:read")
async def clock_read() -> Clock:
    """Business time now."""
    return Clock(now=clock.now())


@router.post("/clock", response_model=Clock)
@access("sandbox:write", errors=[ClockBackwards])
async def clock_move(session: SessionDep, move: ClockMove) -> Clock:
    """Move business time forward; nothing runs by it, deadlines that passed count at once."""
    return Clock(now=await actions.move_clock(session, move.now, move.advance_seconds))


@router.post("/jobs/run", response_model=JobsRan)
@access("sandbox:write")
async def jobs_run(session: SessionDep, request: Request) -> JobsRan:
    """Run everything that is due, then every waiting job, and answer when all is done."""
    # This request has nothing to write: its connection goes back before the work begins.
    await session.rollback()
    state = request.app.state
    return JobsRan(ran=await actions.run_jobs(actions.database_url(state.database), state.sweeps))


@router.get("/mail", response_model=Page[Mail])
@access("sandbox:read", errors=[BadCursor])
async def mail_list(
    session: SessionDep, paging: PagingDep, to: Annotated[str | None, Query(min_length=1, max_length=320)] = None
) -> Page[Mail]:
    """Mails that were written, newest first; `to` is one recipient's address."""
    before = UUID(paging.after[0]) if paging.after is not None else None
    found = await queries.mails(session, to, before, paging.fetch)
    return paging.page(
        found,
        lambda row: Mail(id=row.id, to=row.recipient, subject=row.subject, text=row.text, sent_at=row.sent_at),
        lambda row: [str(row.id)],
    )
