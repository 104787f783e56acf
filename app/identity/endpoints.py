"""Routes of identity: `/v1/auth`, `/v1/me/contact`, `/v1/me/password`, `/v1/organisations/{id}/api_keys`."""

from typing import Annotated
from uuid import UUID

from fastapi import Body, Form
from starlette.requests import Request
from starlette.responses import Response

from app import ids
from app.edge.request import bearer
from app.errors import StateConflict
from app.http import audiences
from app.http.access import access
from app.http.etag import ExpectedVersion, MalformedPrecondition, set_etag
from app.http.pagination import BadCursor, PagingDep
from app.http.schemas import Page
from app.http.session import ActorDep, SessionDep
from app.identity import actions, api_keys
from app.identity.errors import EmailTaken, InvalidCredentials, TokenInvalid, TooManyLiveKeys, WrongPassword
from app.identity.models import ApiKey
from app.identity.proof import Account
from app.identity.schemas import (
    ApiKeyCreate,
    ApiKeyCreated,
    ApiKeyRead,
    ApiKeyRotate,
    ContactChange,
    ContactRead,
    PasswordChange,
    PasswordResetAccept,
    PasswordResetRequest,
    PasswordResetRequested,
    TokenRead,
    TokenRequest,
)

session_routes = audiences.session_router()
employee = audiences.employee_router()
organisation = audiences.organisation_router()


def address_of(request: Request) -> str:
    """Return the caller's address, which limits are counted by."""
    return request.client.host if request.client is not None else "local"


@session_routes.post("/auth/token", response_model=TokenRead)
@access("public", body="form", errors=[InvalidCredentials])
async def token_create(request: Request, form: Annotated[TokenRequest, Form()], session: SessionDep) -> TokenRead:
    """Log in with e-mail and password (OAuth2 password form)."""
    return await actions.log_in(session, form.username, form.password, address_of(request))


@session_routes.post("/auth/logout", status_code=204, response_model=None)
@access("person")
async def session_revoke(request: Request, session: SessionDep, actor: ActorDep) -> Response:
    """End the session whose token was sent; it fails on the very next request."""
    await actions.log_out(session, actor, bearer(request))
    return Response(status_code=204)


@session_routes.post("/auth/password_resets", status_code=202, response_model=PasswordResetRequested)
@access("public")
async def password_reset_create(
    request: Request, body: PasswordResetRequest, session: SessionDep
) -> PasswordResetRequested:
    """Ask for a link to a new password, valid for one hour; the answer never tells whether there is such a login."""
    await actions.request_reset(session, body.email, address_of(request))
    return PasswordResetRequested()


@session_routes.post("/auth/password_resets/{token}/accept", status_code=204, response_model=None)
@access("public", errors=[TokenInvalid])
async def password_reset_accept(token: str, body: PasswordResetAccept, session: SessionDep) -> Response:
    """Set a new password by the mailed link, once; all sessions of the person end."""
    await actions.accept_reset(session, token, body.password)
    return Response(status_code=204)


def _contact(account: Account, response: Response) -> ContactRead:
    set_etag(response, account.version)
    return ContactRead.model_validate(account)


@employee.get("/contact", response_model=ContactRead)
@access("person")
async def contact_read(session: SessionDep, actor: ActorDep, response: Response) -> ContactRead:
    """Read one's own contact; HR has no route to it."""
    return _contact(await actions.contact_of(session, actor.user_id), response)


@employee.patch("/contact", response_model=ContactRead)
@access("person", errors=[MalformedPrecondition, WrongPassword, EmailTaken])
async def contact_update(
    request: Request,
    body: ContactChange,
    session: SessionDep,
    actor: ActorDep,
    expected: ExpectedVersion,
    response: Response,
) -> ContactRead:
    """Change one's own e-mail address (with the current password) or language."""
    changed = await actions.change_contact(
        session,
        actor,
        expected_version=expected,
        email=body.email,
        locale=body.locale,
        current_password=body.current_password,
        address=address_of(request),
    )
    return _contact(changed, response)


@employee.post("/password", status_code=204, response_model=None)
@access("person", errors=[WrongPassword])
async def password_update(request: Request, body: PasswordChange, session: SessionDep, actor: ActorDep) -> Response:
    """Change one's own password; every other session of the person ends."""
    await actions.change_password(
        session,
        actor,
        body.current_password,
        body.new_password,
        presented=bearer(request),
        address=address_of(request),
    )
    return Response(status_code=204)


@organisation.get("/api_keys", response_model=Page[ApiKeyRead])
@access("api_keys:read", errors=[BadCursor])
async def api_key_list(organisation_id: ids.OrganisationId, session: SessionDep, paging: PagingDep) -> Page[ApiKeyRead]:
    """List the organisation's keys, newest first; never their secrets."""
    before = None if paging.after is None else UUID(paging.after[0])
    rows = await api_keys.keys_of(session, organisation_id, paging.fetch, before)
    return paging.page(rows, ApiKeyRead.model_validate, lambda row: [str(row.id)])


@organisation.post("/api_keys", status_code=201, response_model=ApiKeyCreated)
@access("api_keys:write", errors=[TooManyLiveKeys])
async def api_key_create(
    organisation_id: ids.OrganisationId, body: ApiKeyCreate, session: SessionDep, actor: ActorDep
) -> ApiKeyCreated:
    """Make a key; this answer is the only one that shows it."""
    row, secret = await api_keys.create(
        session, actor, organisation_id, name=body.name, scopes=body.scopes, expires_at=body.expires_at
    )
    return _shown_once(row, secret)


@organisation.get("/api_keys/{api_key_id}", response_model=ApiKeyRead)
@access("api_keys:read")
async def api_key_read(
    organisation_id: ids.OrganisationId, api_key_id: ids.ApiKeyId, session: SessionDep
) -> ApiKeyRead:
    """Read one key; never its secret."""
    return ApiKeyRead.model_validate(await api_keys.key_of(session, organisation_id, api_key_id))


@organisation.post("/api_keys/{api_key_id}/rotate", status_code=201, response_model=ApiKeyCreated)
@access("api_keys:write", errors=[TooManyLiveKeys, StateConflict])
async def api_key_rotate(
    organisation_id: ids.OrganisationId,
    api_key_id: ids.ApiKeyId,
    session: SessionDep,
    actor: ActorDep,
    body: Annotated[ApiKeyRotate | None, Body()] = None,
) -> ApiKeyCreated:
    """Make a new key of the same name and scopes; the old one stays valid for `overlap_hours`."""
    hours = (body or ApiKeyRotate()).overlap_hours
    row, secret = await api_keys.rotate(session, actor, organisation_id, api_key_id, hours)
    return _shown_once(row, secret)


@organisation.post("/api_keys/{api_key_id}/revoke", response_model=ApiKeyRead)
@access("api_keys:write", errors=[StateConflict])
async def api_key_revoke(
    organisation_id: ids.OrganisationId, api_key_id: ids.ApiKeyId, session: SessionDep, actor: ActorDep
) -> ApiKeyRead:
    """End a key; it fails on the very next request."""
    return ApiKeyRead.model_validate(await api_keys.revoke(session, actor, organisation_id, api_key_id))


def _shown_once(row: ApiKey, secret: str) -> ApiKeyCreated:
    return ApiKeyCreated(**ApiKeyRead.model_validate(row).model_dump(), key=secret)
