"""Routes of identity: `/v1/auth`, `/v1/me/contact`, `/v1/me/password`, `/v1/organisations/{id}/api_keys`."""

from typing import Annotated

from fastapi import Body, Form
from starlette.requests import Request
from starlette.responses import Response

from app import ids
from app.edge.at import At
from app.edge.request import bearer
from app.errors import StateConflict
from app.http import audiences
from app.http.pagination import PagingDep
from app.http.schemas import Page
from app.identity import actions, api_keys
from app.identity.errors import EmailTaken, InvalidCredentials, TokenInvalid, TooManyLiveKeys, WrongPassword
from app.identity.models import ApiKey
from app.identity.schemas import (
    ApiKeyCreate,
    ApiKeyCreated,
    ApiKeyRead,
    ApiKeyRotate,
    ContactRead,
    ContactUpdate,
    PasswordResetAccept,
    PasswordResetCreate,
    PasswordResetCreated,
    PasswordUpdate,
    TokenCreate,
    TokenRead,
)

session_routes = audiences.session_router()
employee = audiences.employee_router()
organisation = audiences.organisation_router()


def address_of(request: Request) -> str:
    """Return the caller's address, which limits are counted by."""
    return request.client.host if request.client is not None else "local"


@session_routes.command("/auth/token", "public", keyed=False, body="form", errors=[InvalidCredentials])
async def token_create(at: At, request: Request, form: Annotated[TokenCreate, Form()]) -> TokenRead:
    """Log in with e-mail and password (OAuth2 password form)."""
    return await actions.log_in(at.session, form.username, form.password, address_of(request))


@session_routes.command("/auth/logout", "person", keyed=False, status=204)
async def session_revoke(at: At, request: Request) -> Response:
    """End the session whose token was sent; it fails on the very next request."""
    await actions.log_out(at.session, at.actor, bearer(request))
    return Response(status_code=204)


@session_routes.command("/auth/password_resets", "public", keyed=False, status=202)
async def password_reset_create(at: At, request: Request, body: PasswordResetCreate) -> PasswordResetCreated:
    """Ask for a link to a new password, valid for one hour; the answer never tells whether there is such a login."""
    await actions.request_reset(at.session, body.email, address_of(request))
    return PasswordResetCreated()


@session_routes.command(
    "/auth/password_resets/{token}/accept", "public", keyed=False, status=204, errors=[TokenInvalid]
)
async def password_reset_accept(at: At, token: str, body: PasswordResetAccept) -> Response:
    """Set a new password by the mailed link, once; all sessions of the person end."""
    await actions.accept_reset(at.session, token, body.password)
    return Response(status_code=204)


@employee.read("/contact", "person")
async def contact_get(at: At) -> ContactRead:
    """Read one's own contact; HR has no route to it."""
    account = await actions.contact_of(at.session, at.actor.user_id)
    return at.tagged(account.version, ContactRead.model_validate(account))


@employee.change("/contact", "person", errors=[WrongPassword, EmailTaken])
async def contact_update(at: At, request: Request, body: ContactUpdate) -> ContactRead:
    """Change one's own e-mail address (with the current password) or language."""
    changed = await actions.change_contact(
        at.session,
        at.actor,
        expected_version=at.expected_version,
        email=body.email,
        locale=body.locale,
        current_password=body.current_password,
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
        presented=bearer(request),
        address=address_of(request),
    )
    return Response(status_code=204)


@organisation.list("/api_keys", "api_keys:read")
async def api_key_list(at: At, paging: PagingDep) -> Page[ApiKeyRead]:
    """List the organisation's keys, newest first; never their secrets."""
    rows = await api_keys.keys_of(at.session, at.tenant, paging.fetch, paging.after_id)
    return paging.page_by_id(rows, ApiKeyRead.model_validate)


@organisation.command("/api_keys", "api_keys:write", keyed=False, status=201, errors=[TooManyLiveKeys])
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
    keyed=False,
    status=201,
    errors=[TooManyLiveKeys, StateConflict],
)
async def api_key_rotate(
    at: At, api_key_id: ids.ApiKeyId, body: Annotated[ApiKeyRotate | None, Body()] = None
) -> ApiKeyCreated:
    """Make a new key of the same name and scopes; the old one stays valid for `overlap_hours`."""
    hours = (body or ApiKeyRotate()).overlap_hours
    row, secret = await api_keys.rotate(at.session, at.actor, at.tenant, api_key_id, hours)
    return _shown_once(row, secret)


@organisation.command("/api_keys/{api_key_id}/revoke", "api_keys:write", keyed=False, errors=[StateConflict])
async def api_key_revoke(at: At, api_key_id: ids.ApiKeyId) -> ApiKeyRead:
    """End a key; it fails on the very next request."""
    return ApiKeyRead.model_validate(await api_keys.revoke(at.session, at.actor, at.tenant, api_key_id))


def _shown_once(row: ApiKey, secret: str) -> ApiKeyCreated:
    return ApiKeyCreated(**ApiKeyRead.model_validate(row).model_dump(), key=secret)
