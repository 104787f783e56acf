"""The person's own login: language, e-mail address, password, second factor."""

from typing import Annotated

from fastapi import Path
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from app.edge.at import At
from app.http import audiences
from app.identity import endpoints as identity
from app.identity.schemas import ContactUpdate, EmailChangeCreate, PasswordUpdate, TotpConfirm, TotpRemove
from app.portal import forms, render, svg, wire
from app.portal.route import pages, to

person = pages(audiences.employee_router())
public = pages(audiences.session_router())
Token = Annotated[str, Path(max_length=200)]


@person.page("/contact", identity.contact_get)
async def contact_page(at: At, request: Request) -> Response:
    contact = await identity.contact_get(at)
    return render.page(request, "contact.html", contact=contact, version=at.version)


@person.form("/contact/language", identity.contact_update, page="/me/contact")
async def language(at: At, request: Request) -> Response:
    """Choose the language of mails; a language that was chosen for this browser alone is forgotten."""
    form = await request.form()
    at.expected = forms.version(form)
    await identity.contact_update(at, request, forms.parse(ContactUpdate, forms.only(form, "locale")))
    answer = to("/me/contact", done="saved")
    answer.delete_cookie(wire.LANGUAGE, path="/", secure=wire.is_secure(request.scope), httponly=True)
    return answer


@person.form("/contact", identity.email_change_create, page="/me/contact")
async def email_change(at: At, request: Request) -> Response:
    body = forms.parse(EmailChangeCreate, forms.only(await request.form(), "email", "current_password"))
    await identity.email_change_create(at, request, body)
    return to("/me/contact", done="email_sent")


@public.page("/email_changes/{token}")
async def email_accept_page(request: Request, token: Token) -> Response:
    return render.page(request, "email_change.html", token=token, undo=False)


@public.form("/email_changes/{token}", identity.email_change_accept, page="/email_changes/{token}")
async def email_accept(at: At, token: Token) -> Response:
    await identity.email_change_accept(at, token)
    return to("/login", done="email_changed")


@public.page("/email_changes/{token}/undo")
async def email_undo_page(request: Request, token: Token) -> Response:
    return render.page(request, "email_change.html", token=token, undo=True)


@public.form("/email_changes/{token}/undo", identity.email_change_undo, page="/email_changes/{token}/undo")
async def email_undo(at: At, token: Token) -> Response:
    await identity.email_change_undo(at, token)
    return to("/password/reset", done="email_undone")


@person.page("/password", identity.contact_get)
async def password_page(request: Request) -> Response:
    return render.page(request, "password.html")


@person.form("/password", identity.password_update, page="/me/password")
async def password(at: At, request: Request) -> Response:
    form = forms.only(await request.form(), "current_password", "new_password")
    await identity.password_update(at, request, forms.parse(PasswordUpdate, form))
    return to("/home", done="password_changed")


@person.page("/totp", identity.contact_get)
async def factor_page(request: Request) -> Response:
    return render.page(request, "totp.html", made=None, square=None)


@person.form("/totp", identity.totp_create, page="/me/totp")
async def factor_begin(at: At, request: Request) -> Response:
    """Show the secret, this once, as the square that apps read and as text."""
    made = await identity.totp_create(at)
    return render.page(request, "totp.html", made=made, square=svg.square(made.uri))


@person.form("/totp/confirm", identity.totp_confirm, page="/me/totp")
async def factor_confirm(at: At, request: Request) -> Response:
    """Let the second factor count, and show the recovery codes, this once."""
    confirmed = await identity.totp_confirm(at, request, forms.parse(TotpConfirm, _typed(await request.form(), "code")))
    return render.page(request, "recovery_codes.html", codes=confirmed.recovery_codes)


@person.form("/totp/remove", identity.totp_remove, page="/me/totp")
async def factor_remove(at: At, request: Request) -> Response:
    await identity.totp_remove(at, forms.parse(TotpRemove, _typed(await request.form(), "otp")))
    return to("/me/totp", done="factor_removed")


def _typed(form: FormData, name: str) -> FormData:
    """Return a code as it counts: people type it with spaces."""
    return FormData([(name, str(form.get(name, "")).replace(" ", ""))])
