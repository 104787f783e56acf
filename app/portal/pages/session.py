"""Logging in and out, the invitation, a new password, one's own sessions, and the home of who is logged in."""

from typing import Annotated

from fastapi import Path, Query
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.edge.at import At
from app.employees import endpoints as employees
from app.employees.schemas import InvitationAccept
from app.http import audiences
from app.identity import endpoints as identity
from app.identity.schemas import PasswordResetAccept, PasswordResetCreate, StepUpCreate, TokenCreate, TokenRead
from app.ids import SessionId
from app.portal import forms, render, wire
from app.portal.lists import listed
from app.portal.route import onward, pages, resuming, to

public = pages(audiences.session_router())
Next = Annotated[str | None, Query(max_length=300, alias="next")]
Token = Annotated[str, Path(max_length=200)]


@public.page("/login")
async def login_page(request: Request, then: Next = None) -> Response:
    return render.page(request, "login.html", next=onward(then, ""), asks_code=_asks_code(request))


def _asks_code(request: Request) -> bool:
    refused: forms.Refused | None = getattr(request.state, "refused", None)
    return refused is not None and refused.code.startswith("second_factor")


@public.form("/login", identity.token_create, page="/login")
async def log_in(at: At, request: Request) -> Response:
    form = await request.form()
    kept = Response()
    logged_in = await identity.token_create(at, request, kept, forms.parse(TokenCreate, _login(form)))
    answer = _entered(request, logged_in, kept, onward(str(form.get("next", "")), "/home"))
    return resuming(request, form, answer, logged_in.access_token)


def _login(form: FormData) -> FormData:
    """Return what the login needs; a code is typed with spaces by people."""
    code = str(form.get("otp", "")).replace(" ", "")
    rows = [("username", form.get("email", "")), ("password", form.get("password", "")), ("otp", code)]
    return FormData(rows)


def _entered(request: Request, logged_in: TokenRead, kept: Response | None, path: str) -> Response:
    """Lead on with the session in a cookie that no script reads and no other site sends with a form."""
    answer = RedirectResponse(path, 303)
    answer.set_cookie(
        wire.cookie_name(request.scope),
        logged_in.access_token,
        max_age=logged_in.expires_in,
        path="/",
        secure=wire.is_secure(request.scope),
        httponly=True,
        samesite="lax",
    )
    for cookie in kept.headers.getlist("set-cookie") if kept is not None else ():
        answer.headers.append("set-cookie", cookie)
    return answer


@public.form("/logout", identity.session_revoke, page="/login")
async def log_out(at: At, request: Request) -> Response:
    await identity.session_revoke(at, request)
    answer = to("/", done="logged_out")
    answer.delete_cookie(wire.cookie_name(request.scope), path="/", secure=wire.is_secure(request.scope), httponly=True)
    answer.headers["Clear-Site-Data"] = '"cache"'
    return answer


@public.page("/step_up", identity.session_step_up)
async def step_up_page(request: Request, then: Next = None) -> Response:
    return render.page(request, "step_up.html", next=onward(then, "/home"))


@public.form("/step_up", identity.session_step_up, page="/step_up")
async def step_up(at: At, request: Request) -> Response:
    """Prove again who holds the session, then go back to the page whose act asked for it, and what was typed there."""
    form = await request.form()
    given = {name: form[name] for name in ("password", "otp") if form.get(name)}
    await identity.session_step_up(at, request, forms.parse(StepUpCreate, FormData(given)))
    return resuming(request, form, to(onward(str(form.get("next", "")), "/home"), done="proved"))


@public.page("/password/reset")
async def reset_page(request: Request) -> Response:
    return render.page(request, "password_reset.html")


@public.form("/password/reset", identity.password_reset_create, page="/password/reset")
async def reset(at: At, request: Request) -> Response:
    await identity.password_reset_create(at, request, forms.parse(PasswordResetCreate, await request.form()))
    return to("/login", done="reset_sent")


@public.page("/password_resets/{token}")
async def new_password_page(request: Request, token: Token) -> Response:
    return render.page(request, "new_password.html", token=token)


@public.form("/password_resets/{token}", identity.password_reset_accept, page="/password_resets/{token}")
async def new_password(at: At, request: Request, token: Token) -> Response:
    body = forms.parse(PasswordResetAccept, await request.form())
    await identity.password_reset_accept(at, request, token, body)
    return to("/login", done="password_set")


@public.page("/invitations/{token}", employees.invitation_get)
async def invitation_page(at: At, request: Request, token: Token) -> Response:
    """Say who invites, and ask for what accepting needs; what can no longer be accepted says why."""
    offered = await employees.invitation_get(at, token)
    gone = offered.state != "open"
    return render.page(request, "invitation.html", status=410 if gone else 200, token=token, offered=offered)


@public.form("/invitations/{token}", employees.invitation_accept, page="/invitations/{token}")
async def invitation(at: At, request: Request, token: Token) -> Response:
    body = forms.parse(InvitationAccept, await request.form())
    return _entered(request, await employees.invitation_accept(at, request, token, body), None, "/home?done=welcome")


@public.page("/home", employees.me_get)
async def home(at: At, request: Request) -> Response:
    """Show who is logged in what she may do, by role."""
    return render.page(request, "home.html", me=await employees.me_get(at))


person = pages(audiences.employee_router())


@person.page("/sessions", identity.session_list)
async def sessions(at: At, request: Request) -> Response:
    found = await identity.session_list(at, request, await listed(request, "-created_at"))
    return render.page(request, "sessions.html", sessions=found.data)


@person.form("/sessions/{session_id}/end", identity.session_end, page="/me/sessions")
async def session_end(at: At, session_id: SessionId) -> Response:
    await identity.session_end(at, session_id)
    return to("/me/sessions", done="session_ended")


@public.page("/language/{language}")
async def language(request: Request, language: str, then: Next = None) -> Response:
    answer = to(onward(then, "/"))
    answer.set_cookie(
        wire.LANGUAGE,
        "en" if language == "en" else "it",
        max_age=31_536_000,
        path="/",
        samesite="lax",
        secure=wire.is_secure(request.scope),
        httponly=True,
    )
    return answer
