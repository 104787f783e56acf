"""Routes about employments: the session's own view, invitations, a company's employees."""

from typing import Annotated

from fastapi import Path, Query, Request, Response

from app import ids
from app.employees import actions, activation, importing, queries
from app.employees.errors import EmployeeExists, ExternalIdTaken, LoginDiffers
from app.employees.schemas import (
    EmployeeCreate,
    EmployeeRead,
    EmployeeUpdate,
    EmploymentMe,
    ImportErrorRead,
    ImportRead,
    InvitationAccept,
    MeRead,
    Status,
)
from app.errors import StateConflict
from app.files.errors import ImportRefused, NotCsv, TooManyRows
from app.http.access import access
from app.http.audiences import company_router, session_router
from app.http.etag import ExpectedVersion, MalformedPrecondition, set_etag
from app.http.pagination import BadCursor, PagingDep
from app.http.schemas import Page
from app.http.session import ActorDep, LanguageDep, SessionDep
from app.identity.errors import ActivationCodeWrong, EmailTaken, InvalidCredentials, TokenInvalid
from app.identity.schemas import TokenRead
from app.organisations.queries import login, memberships_of
from app.organisations.schemas import MembershipMe

session_routes = session_router()
company = company_router()
CREATED = 201
MAX_FILE = 5 * 1024 * 1024
CSV_TYPE = "text/csv; charset=utf-8"
CSV_BODY = {"requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}}}


@session_routes.get("/me")
@access("person")
async def me_get(session: SessionDep, actor: ActorDep) -> MeRead:
    """Tell who is logged in, with which roles and employments."""
    return MeRead(
        user=await login(session, actor.user_id),
        memberships=[MembershipMe.model_validate(row) for row in await memberships_of(session, actor.user_id)],
        employments=[
            EmploymentMe(employee_id=one.employee_id, company_id=one.company_id, company_name=one.company_name)
            for one in await queries.employments_of(session, actor.user_id)
        ],
    )


@session_routes.post("/auth/invitations/{token}/accept")
@access(
    "public",
    stores_answer=False,
    errors=[TokenInvalid, ActivationCodeWrong, InvalidCredentials, EmailTaken, LoginDiffers],
)
async def invitation_accept(
    session: SessionDep,
    request: Request,
    token: Annotated[str, Path(max_length=200)],
    body: InvitationAccept,
    language: LanguageDep,
) -> TokenRead:
    """Accept an invitation once, with a new password or the one of the existing login, and log in."""
    return await activation.accept_invitation(
        session,
        token,
        body.password,
        body.activation_code,
        "en" if language == "en" else "it",
        request.client.host if request.client is not None else None,
    )


@company.get("/employees")
@access("employees:read", errors=[BadCursor])
async def employee_list(
    session: SessionDep,
    company_id: ids.OrganisationId,
    paging: PagingDep,
    external_id: Annotated[str | None, Query(min_length=1, max_length=64)] = None,
    category: Annotated[str | None, Query(min_length=1, max_length=64)] = None,
    status: Annotated[Status | None, Query()] = None,
) -> Page[EmployeeRead]:
    found = await queries.employees(
        session, company_id, external_id=external_id, category=category, status=status,
        after=paging.after, limit=paging.fetch,
    )  # fmt: skip
    return paging.page(found, EmployeeRead.model_validate, lambda row: [str(row.id)])


@company.post("/employees", status_code=CREATED)
@access("employees:write", errors=[EmployeeExists, ExternalIdTaken])
async def employee_create(
    session: SessionDep, actor: ActorDep, company_id: ids.OrganisationId, body: EmployeeCreate, response: Response
) -> EmployeeRead:
    """Add an employment; with `email` the person gets the first invitation."""
    row = await actions.create_employee(session, actor, company_id, body)
    set_etag(response, row.version)
    return EmployeeRead.model_validate(row)


@company.post("/employees/import", openapi_extra=CSV_BODY)
@access("employees:write", body="csv", max_bytes=MAX_FILE,
        errors=[ImportRefused, NotCsv, TooManyRows, EmployeeExists, ExternalIdTaken])  # fmt: skip
async def employee_import(
    session: SessionDep,
    actor: ActorDep,
    company_id: ids.OrganisationId,
    request: Request,
    dry_run: Annotated[bool, Query()] = False,  # noqa: FBT002 - a query parameter
) -> ImportRead:
    """Import a CSV file, all or nothing.

    Rows are matched by `external_id`, else by fiscal code; who is not in the file stays as is. A blank cell clears an
    optional field, but `email` and `contract` stay. With `dry_run` the answer says what would happen, errors included;
    without it a file with errors is refused (422 `import_refused`) and nothing is stored. A file that cannot be read
    (columns, quotes, encoding) is refused either way.
    """
    raw = await request.body()
    done = await actions.import_employees(session, actor, company_id, raw, dry_run=dry_run)
    return ImportRead(
        created=done.created,
        updated=done.updated,
        unchanged=done.unchanged,
        errors=[ImportErrorRead.model_validate(error) for error in done.errors],
    )


@company.get(
    "/employees/template.csv",
    response_class=Response,
    responses={200: {"description": "The header of an import file", "content": {"text/csv": {}}}},
)
@access("employees:read")
async def employee_template(company_id: ids.OrganisationId) -> Response:  # noqa: ARG001 - the path names it
    """Return an empty file with every column an import knows."""
    headers = {"Content-Disposition": 'attachment; filename="employees.csv"'}
    return Response(importing.template(), media_type=CSV_TYPE, headers=headers)


@company.get("/employees/{employee_id}")
@access("employees:read")
async def employee_get(
    session: SessionDep, company_id: ids.OrganisationId, employee_id: ids.EmployeeId, response: Response
) -> EmployeeRead:
    row = await queries.employee(session, company_id, employee_id)
    set_etag(response, row.version)
    return EmployeeRead.model_validate(row)


@company.patch("/employees/{employee_id}")
@access("employees:write", errors=[EmployeeExists, ExternalIdTaken, StateConflict, MalformedPrecondition])
async def employee_update(
    session: SessionDep,
    actor: ActorDep,
    company_id: ids.OrganisationId,
    employee_id: ids.EmployeeId,
    version: ExpectedVersion,
    body: EmployeeUpdate,
    response: Response,
) -> EmployeeRead:
    """Change an employment; after activation neither e-mail nor fiscal code."""
    row = await actions.update_employee(session, actor, company_id, employee_id, version, body)
    set_etag(response, row.version)
    return EmployeeRead.model_validate(row)


@company.post("/employees/{employee_id}/invite")
@access("employees:write", errors=[StateConflict])
async def employee_invite(
    session: SessionDep, actor: ActorDep, company_id: ids.OrganisationId, employee_id: ids.EmployeeId
) -> EmployeeRead:
    """Send the first invitation again, only before activation."""
    return EmployeeRead.model_validate(await actions.invite_again(session, actor, company_id, employee_id))
