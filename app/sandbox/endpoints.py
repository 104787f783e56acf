"""Routes of the sandbox, for the operator."""

from typing import Annotated

from fastapi import Query
from starlette.requests import Request

from app import clock
from app.edge.at import At
from app.http.audiences import sandbox_router
from app.http.pagination import NewestFirst
from app.http.schemas import Page
from app.sandbox import actions, queries
from app.sandbox.errors import ClockBackwards
from app.sandbox.schemas import Clock, ClockMove, JobsRan, Mail

sandbox = sandbox_router()


@sandbox.read("/clock", "sandbox:read")
async def clock_get() -> Clock:
    """Business time now."""
    return Clock(now=clock.now())


@sandbox.command("/clock", "sandbox:write", keyed=False, errors=[ClockBackwards])
async def clock_move(at: At, body: ClockMove) -> Clock:
    """Move business time forward; nothing runs by it, deadlines that passed count at once."""
    return Clock(now=await actions.move_clock(at.session, body.now, body.advance_seconds))


@sandbox.command("/jobs/run", "sandbox:write", keyed=False)
async def jobs_run(at: At, request: Request) -> JobsRan:
    """Run everything that is due, then every waiting job, and answer when all is done."""
    # This request has nothing to write: its connection goes back before the work begins.
    await at.session.rollback()
    state = request.app.state
    url = actions.database_url(state.database)
    return JobsRan(ran=await actions.run_jobs(url, state.sweeps, state.passes))


@sandbox.list("/mail", "sandbox:read")
async def mail_list(
    at: At,
    paging: NewestFirst,
    to: Annotated[str | None, Query(min_length=1, max_length=320, description="to this address")] = None,
) -> Page[Mail]:
    """Mails that were written, newest first; `to` is one recipient's address."""
    found = await queries.mails(at.session, to, paging.window)
    return paging.page(
        found, lambda row: Mail(id=row.id, to=row.recipient, subject=row.subject, text=row.text, sent_at=row.sent_at)
    )
