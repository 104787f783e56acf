"""Routes of identity: `/v1/auth`, a person's contact, password, sessions and second factor, an organisation's keys."""

from typing import Annotated

from fastapi import Body, Form, Path
from starlette.requests import Request
from starlette.responses import Response

from app import clock, ids
from app.config import settings
from app.edge.at import At
from app.edge.request import PROOF_LIFE, bearer
from app.errors import StateConflict
from app.http import audiences
from app.http.pagination import NewestFirst
from app.http.schemas import Page
from app.identity import actions, api_keys, devices, email_changes, resets, second_factor, sessions
from app.identity.errors import (
    EmailTaken,
    InvalidCredentials,
    SecondFactorRequired,
    SecondFactorWrong,
    TokenInvalid,
    TooManyLiveKeys,
    WrongPassword,
)
from app.identity.models import ApiKey
from app.identity.schemas import (
    ApiKeyCreate,
    ApiKeyCreated,
    ApiKeyRead,
    ApiKeyRotate,
    ContactRead,
    ContactUpdate,
    EmailChangeCreate,
    EmailChangeCreated,
    PasswordResetAccept,
    PasswordResetCreate,
    PasswordResetCreated,
    PasswordUpdate,
    SessionRead,
    StepUpCreate,
    StepUpRead,
    TokenCreate,
    TokenRead,
    TotpConfirm,
    TotpConfirmed,
    TotpCreated,
    TotpRemove,
)

session_routes = audiences.session_router()
employee = audiences.employee_router()
organisation = audiences.organisation_router()
MailedToken = Annotated[str, Path(description="The secret at the end of a mailed link.")]


def address_of(request: Request) -> str:
    """Return the caller's address, which limits are counted by."""
    return request.client.host if request.client is not None else "local"


def presented(request: Request) -> bytes:
    """Return the token of a route for people, which has one."""
    token = bearer(request)
    if token is None:
        raise TypeError("a person has a token")
    return token


@session_routes.command(
    "/auth/token",
    "public",
    keyed=False,
    body="form",
    errors=[InvalidCredentials, SecondFactorRequired, SecondFactorWrong],
)
async def token_create(at: At, request: Request, response: Response, form: Annotated[TokenCreate, Form()]) -> TokenRead:
    """Log in with e-mail and password (OAuth2 password form), and `otp` where the login has a second factor.

    The cookie that comes with the answer lets nobody in: it keeps a known device from being slowed down by strangers.
    """
    logged_in = await actions.log_in(
        at.session,
        form.username,
        form.password,
        form.otp,
        address=address_of(request),
        cookie=request.cookies.get(devices.cookie_name()),
    )
    _know_device(response, logged_in.device)
    return logged_in.token


def _know_device(response: Response, cookie: str) -> None:
    response.set_cookie(
        devices.cookie_name(),
        cookie,
        max_age=int(devices.LIFE.total_seconds()),
        path="/",
        secure=not settings().sandbox,
        httponly=True,
        samesite="strict",
    )


@session_routes.command("/auth/logout", "person", keyed=False, status=204)
async def session_revoke(at: At, request: Request) -> Response:
    """End the session whose token was sent; it fails on the very next request."""
    await actions.log_out(at.session, at.actor, bearer(request))
    return Response(status_code=204)


@session_routes.command(
    "/auth/step_up", "person", keyed=False, errors=[WrongPassword, SecondFactorWrong, StateConflict]
)
async def session_step_up(at: At, request: Request, body: StepUpCreate) -> StepUpRead:
    """Prove again who holds this session, by password or code, before an act that answers `step_up_required`."""
    await sessions.step_up(
        at.session,
        at.actor,
        presented(request),
        password=body.password,
        otp=body.otp,
        address=address_of(request),
    )
    return StepUpRead(valid_until=clock.real() + PROOF_LIFE)


@session_routes.command("/auth/password_resets", "public", keyed=False, status=202)
async def password_reset_create(at: At, request: Request, body: PasswordResetCreate) -> PasswordResetCreated:
    """Ask for a link to a new password, valid for one hour; the answer never tells whether there is such a login.

    Whoever has a link that works gets no second one.
    """
    await resets.request(at.session, body.email, address_of(request))
    return PasswordResetCreated()


@session_routes.command(
    "/auth/password_resets/{token}/accept", "public", keyed=False, status=204, errors=[TokenInvalid]
)
async def password_reset_accept(at: At, request: Request, token: MailedToken, body: PasswordResetAccept) -> Response:
    """Set a new password by the mailed link, once; all sessions of the person end."""
    device = await resets.accept(at.session, token, body.password, address_of(request))
    response = Response(status_code=204)
    _know_device(response, device)
    return response


@session_routes.command(
    "/auth/email_changes/{token}/accept", "public", keyed=False, status=204, errors=[TokenInvalid, EmailTaken]
)
async def email_change_accept(at: At, token: MailedToken) -> Response:
    """Let the new address count, by the link mailed to it; other sessions end and the old address is told."""
    await email_changes.accept(at.session, token)
    return Response(status_code=204)


@session_routes.command(
    "/auth/email_changes/{token}/undo", "public", keyed=False, status=204, errors=[TokenInvalid, EmailTaken]
)
async def email_change_undo(at: At, token: MailedToken) -> Response:
    """Give the login back to the old address, by the link mailed to it; a new password is needed then."""
    await email_changes.undo(at.session, token)
    return Response(status_code=204)


@employee.read("/contact", "person")
async def contact_get(at: At) -> ContactRead:
    """Read one's own contact; HR has no route to it."""
    account = await actions.contact_of(at.session, at.actor.user_id)
    return at.tagged(account.version, ContactRead.model_validate(account))


@employee.command("/contact", "person", keyed=False, status=202, errors=[WrongPassword])
async def email_change_create(at: At, request: Request, body: EmailChangeCreate) -> EmailChangeCreated:
    """Ask for another e-mail address: it counts once the link mailed to it was opened, within a day."""
    await email_changes.begin(
        at.session, at.actor, body.email, body.current_password, presented(request), address_of(request)
    )
    return EmailChangeCreated()


@employee.change("/contact", "person", errors=[WrongPassword])
async def contact_update(at: At, request: Request, body: ContactUpdate) -> ContactRead:
    """Change one's own language; a new e-mail address (with the current password) counts once its link was opened."""
    changed = await actions.change_contact(
        at.session,
        at.actor,
        expected_version=at.expected_version,
        email=body.email,
        locale=body.locale,
        current_password=body.current_password,
        presented=presented(request),
        address=address_of(request),
    )
    return at.tagged(changed.version, ContactRead.model_validate(changed))


@employee.command("/password", "person", keyed=False, status=204, errors=[WrongPassword])
async def password_update(at: At, request: Request, body: PasswordUpdate) -> Response:
    """Change one's own password; every other session of the person ends."""
    await actions.change_password(
        at.session,
        at.actor,
        body.current_password,
        body.new_password,
        presented=presented(request),
        address=address_of(request),
    )
    return Response(status_code=204)


@employee.list("/sessions", "person")
async def session_list(at: At, request: Request, paging: NewestFirst) -> Page[SessionRead]:
    """List one's own sessions, newest first."""
    found = await sessions.sessions_of(at.session, at.actor.user_id, presented(request), paging.window)
    return paging.page(found, SessionRead.model_validate)


@employee.command("/sessions/{session_id}", "person", keyed=False, method="DELETE", status=204, step_up="person")
async def session_end(at: At, session_id: ids.SessionId) -> Response:
    """End one of one's own sessions; it fails on the very next request. To log out needs no proof, this does."""
    await sessions.end(at.session, at.actor, session_id)
    return Response(status_code=204)


@employee.command(
    "/totp", "person", keyed=False, status=201, errors=[StateConflict], step_up="person", made_in="/v1/me"
)
async def totp_create(at: At) -> TotpCreated:
    """Begin a second factor: a secret for an authenticator app; it counts once a first code confirms it."""
    return await second_factor.begin(at.session, at.actor)


@employee.command("/totp/confirm", "person", keyed=False, errors=[StateConflict, SecondFactorWrong], step_up="person")
async def totp_confirm(at: At, request: Request, body: TotpConfirm) -> TotpConfirmed:
    """Let the second factor count, by a first code; the recovery codes are shown this once."""
    codes = await second_factor.confirm(at.session, at.actor, body.code, presented(request))
    return TotpConfirmed(recovery_codes=codes)


@employee.command(
    "/totp/remove", "person", keyed=False, status=204, errors=[StateConflict, SecondFactorWrong], step_up="person"
)
async def totp_remove(at: At, body: TotpRemove) -> Response:
    """Give the second factor up, by a code of it or a recovery code."""
    await second_factor.remove(at.session, at.actor, body.otp)
    return Response(status_code=204)


@organisation.list("/api_keys", "api_keys:read")
async def api_key_list(at: At, paging: NewestFirst) -> Page[ApiKeyRead]:
    """List the organisation's keys, newest first; never their secrets."""
    found = await api_keys.keys_of(at.session, at.tenant, paging.window)
    return paging.page(found, ApiKeyRead.model_validate)


@organisation.command("/api_keys", "api_keys:write", keyed=False, status=201, errors=[TooManyLiveKeys], step_up="role")
async def api_key_create(at: At, body: ApiKeyCreate) -> ApiKeyCreated:
    """Make a key; this answer is the only one that shows it."""
    row, secret = await api_keys.create(
        at.session, at.actor, at.tenant, name=body.name, scopes=body.scopes, expires_at=body.expires_at
    )
    return _shown_once(row, secret)


@organisation.read("/api_keys/{api_key_id}", "api_keys:read")
async def api_key_get(at: At, api_key_id: ids.ApiKeyId) -> ApiKeyRead:
    """Read one key; never its secret."""
    return ApiKeyRead.model_validate(await api_keys.key_of(at.session, at.tenant, api_key_id))


@organisation.command(
    "/api_keys/{api_key_id}/rotate",
    "api_keys:write",
    made_in="/v1/organisations/{organisation_id}/api_keys",
    keyed=False,
    status=201,
    errors=[TooManyLiveKeys, StateConflict],
    step_up="role",
)
async def api_key_rotate(
    at: At, api_key_id: ids.ApiKeyId, body: Annotated[ApiKeyRotate | None, Body()] = None
) -> ApiKeyCreated:
    """Make a new key of the same name and scopes; the old one stays valid for `overlap_hours`."""
    hours = (body or ApiKeyRotate()).overlap_hours
    row, secret = await api_keys.rotate(at.session, at.actor, at.tenant, api_key_id, hours)
    return _shown_once(row, secret)


@organisation.command(
    "/api_keys/{api_key_id}/revoke", "api_keys:write", keyed=False, errors=[StateConflict], step_up="role"
)
async def api_key_revoke(at: At, api_key_id: ids.ApiKeyId) -> ApiKeyRead:
    """End a key; it fails on the very next request."""
    return ApiKeyRead.model_validate(await api_keys.revoke(at.session, at.actor, at.tenant, api_key_id))


def _shown_once(row: ApiKey, secret: str) -> ApiKeyCreated:
    return ApiKeyCreated(**ApiKeyRead.model_validate(row).model_dump(), key=secret)
