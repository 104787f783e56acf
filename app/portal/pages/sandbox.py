"""The trial environment's own page: its clock, its jobs, the mails that it would have sent, whom to log in as."""

from datetime import datetime
from typing import Annotated

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from app import clock
from app.edge.at import At
from app.http import audiences
from app.identity.password_rules import DEMO_PASSWORD
from app.portal import forms, render
from app.portal.lists import listed
from app.portal.route import pages, to
from app.sandbox import endpoints
from app.sandbox.logins import LOGINS
from app.sandbox.schemas import ClockMove

sandbox = pages(audiences.sandbox_router())
HERE = "/sandbox"


@sandbox.page("", endpoints.clock_get)
async def overview(
    at: At,
    request: Request,
    recipient: Annotated[str | None, Query(alias="to", max_length=320)] = None,
    ran: Annotated[int | None, Query(ge=0)] = None,
) -> Response:
    """Show clock, jobs and mails."""
    mails = await endpoints.mail_list(at, await listed(request, "-created_at", limit=10), to=recipient or None)
    return render.page(
        request,
        "sandbox.html",
        clock=await endpoints.clock_get(),
        mails=mails,
        recipient=recipient or "",
        ran=ran,
        logins=LOGINS,
        password=DEMO_PASSWORD,
    )


@sandbox.form("/clock", endpoints.clock_move, page=HERE)
async def clock_move(at: At, request: Request) -> Response:
    """Move business time on: by so many seconds, or to an hour of Rome."""
    form = await request.form()
    typed = str(form.get("now", "")).strip()
    known = {"now": _instant(typed)} if typed else {}
    await endpoints.clock_move(at, forms.parse(ClockMove, forms.only(form, "advance_seconds"), **known))
    return to(HERE, done="clock_moved")


def _instant(typed: str) -> str:
    """Return what a field of day and hour holds as an instant; what is neither is refused by the schema."""
    try:
        return datetime.fromisoformat(typed).replace(tzinfo=clock.ROME).isoformat()
    except ValueError:
        return typed


@sandbox.form("/jobs/run", endpoints.jobs_run, page=HERE)
async def jobs_run(at: At, request: Request) -> Response:
    """Do now what time would have done."""
    ran = await endpoints.jobs_run(at, request)
    return to(HERE, done="jobs_ran", ran=str(sum(ran.ran.values())))
