"""Routes about employments: the session's own view, invitations, a company's employees."""

import asyncio
from dataclasses import replace
from typing import Annotated

from fastapi import Depends, Path, Query, Request, Response

from app import clock
from app.config import settings
from app.edge.at import At
from app.employees import actions, activation, importing, queries
from app.employees.errors import EmployeeExists, ExternalIdTaken, LoginDiffers
from app.employees.schemas import (
    EmployeeCategoryRead,
    EmployeeCreate,
    EmployeeInviteResult,
    EmployeeInviteResults,
    EmployeeRead,
    EmployeesInvite,
    EmployeeUpdate,
    EmploymentMe,
    ImportErrorRead,
    ImportRead,
    InvitationAccept,
    InvitationOffer,
    MeRead,
    Status,
)
from app.errors import StateConflict
from app.files.errors import ImportRefused, NotCsv, TooManyRows
from app.http.audiences import company_router, session_router
from app.http.files import LayoutOf, csv_answer, described_csv
from app.http.filters import ExternalId, UpdatedSince, any_of, containing
from app.http.json_or_csv import csv_content
from app.http.pagination import Paging, ordered
from app.http.schemas import Page
from app.http.translation import translated
from app.identity.errors import (
    ActivationBlocked,
    ActivationCodeWrong,
    EmailTaken,
    InvalidCredentials,
    SecondFactorRequired,
    SecondFactorWrong,
    TokenInvalid,
    TwoSides,
)
from app.identity.invitations import offered
from app.identity.schemas import TokenRead
from app.ids import EmployeeId
from app.organisations.queries import login, memberships_of
from app.organisations.schemas import MembershipMe

session_routes = session_router()
Token = Annotated[str, Path(max_length=200, description="The secret at the end of the mailed link.")]
company = company_router()
MAX_FILE = 5 * 1024 * 1024
SEARCHED = "a part of the name, of your own id or, until activation, of the e-mail; or the whole fiscal code"
CSV_EXAMPLE = (
    "matricola;nome;cognome;codice fiscale;categoria;data assunzione\n"
    "OS2001;Anna;Esempio;RCCMNL83S18D969H;operai;01/12/2026\n"
)
CSV_BODY: dict[str, object] = {"requestBody": {"required": True, "content": csv_content(CSV_EXAMPLE)}}


@session_routes.read("/me", "person")
async def me_get(at: At) -> MeRead:
    """Tell who is logged in, with which roles and employments."""
    return MeRead(
        user=await login(at.session, at.actor.user_id),
        memberships=[MembershipMe.model_validate(row) for row in await memberships_of(at.session, at.actor.user_id)],
        employments=[
            EmploymentMe(employee_id=one.employee_id, company_id=one.company_id, company_name=one.company_name)
            for one in await queries.employments_of(at.session, at.actor.user_id)
        ],
    )


@session_routes.read("/auth/invitations/{token}", "public", errors=[TokenInvalid])
async def invitation_get(at: At, token: Token) -> InvitationOffer:
    """Tell whoever holds an invitation's link who invites, and what accepting it asks for."""
    found = await offered(at.session, token)
    return InvitationOffer(
        state=found.state,
        organisation_name=found.organisation_name,
        kind="employment" if found.is_employment else "roles",
        has_login=found.has_login,
        activation_code_required=found.is_employment and not settings().sandbox,
        expires_at=found.expires_at,
    )


@session_routes.command(
    "/auth/invitations/{token}/accept",
    "public",
    keyed=False,
    stores_answer=False,
    errors=[
        TokenInvalid,
        ActivationBlocked,
        ActivationCodeWrong,
        InvalidCredentials,
        SecondFactorRequired,
        SecondFactorWrong,
        EmailTaken,
        LoginDiffers,
        TwoSides,
    ],
)
async def invitation_accept(
    at: At,
    request: Request,
    token: Token,
    body: InvitationAccept,
) -> TokenRead:
    """Accept an invitation once, with a new password or the one of the existing login, and log in."""
    return await activation.accept_invitation(
        at.session,
        token,
        body.password,
        body.activation_code,
        body.otp,
        at.language,
        request.client.host if request.client is not None else None,
    )


@company.list("/employees", "employees:read", audit="employee.list")
async def employee_list(
    at: At,
    paging: Annotated[Paging, Depends(ordered("created_at", "-created_at", "family_name", "-family_name"))],
    q: Annotated[str | None, Query(min_length=1, max_length=100, description=SEARCHED)] = None,
    external_id: ExternalId = None,
    category: Annotated[str | None, Query(min_length=1, max_length=64, description="the company's own word")] = None,
    status: Annotated[list[Status] | None, Query(description="may be repeated")] = None,
    has_left: Annotated[bool | None, Query(description="true: whose employment is over; false: all others")] = None,
    updated_since: UpdatedSince = None,
) -> Page[EmployeeRead]:
    """List employments, oldest first; `updated_since` counts changes that HR made."""
    found = await queries.EMPLOYEES.page(
        at.session, paging.window, company_id=at.tenant, words=containing(q), index=importing.index_of(q),
        external_id=external_id, category=category, statuses=any_of(status), has_left=has_left, today=clock.today(),
        updated_since=updated_since,
    )  # fmt: skip
    at.showing(row.id for row in found.rows)  # with their fiscal codes
    return paging.page(found, EmployeeRead.model_validate)


@company.command(
    "/employees",
    "employees:write",
    keyed=False,
    status=201,
    errors=[EmployeeExists, ExternalIdTaken],
    audit="employee.create",
)
async def employee_create(at: At, body: EmployeeCreate) -> EmployeeRead:
    """Add an employment; with `email` the person gets the first invitation."""
    row = await actions.create_employee(at.session, at.tenant, body)
    return at.about(row.id, at.tagged(row.version, EmployeeRead.model_validate(row)))


@company.command("/employees/import", "employees:write", keyed=False, body="csv", max_bytes=MAX_FILE,
                 errors=[ImportRefused, NotCsv, TooManyRows, EmployeeExists, ExternalIdTaken],
                 openapi_extra=CSV_BODY)  # fmt: skip
async def employee_import(
    at: At,
    request: Request,
    dry_run: Annotated[bool, Query(description="only check: nothing is stored, nobody is invited")] = False,  # noqa: FBT002 - a query parameter
) -> ImportRead:
    """Import a CSV file (5 MB, 20,000 rows at most), all or nothing.

    Rows are matched by `external_id`, else by fiscal code; who is not in the file stays as is. A blank cell clears an
    optional field, but `email` and `contract` stay. With `dry_run` the answer says what would happen, errors included;
    without it a file with errors is refused (422 `import_refused`) and nothing is stored. A file that cannot be read
    (columns, quotes, encoding) is refused either way.
    """
    done = await actions.import_employees(at.session, at.actor, at.tenant, await request.body(), dry_run=dry_run)
    return ImportRead(
        created=done.created,
        updated=done.updated,
        unchanged=done.unchanged,
        errors=[
            ImportErrorRead.model_validate(replace(error, detail=translated(error.detail, at.language)))
            for error in done.errors
        ],
    )


@company.read(
    "/employees/template.csv",
    "employees:read",
    response_class=Response,
    responses=described_csv("The header of an import file"),
)
async def employee_template(layout: LayoutOf = "csv") -> Response:
    """Return an empty file with every column an import knows."""
    return csv_answer("employees", importing.template(layout))


@company.read(
    "/employees.csv",
    "employees:read",
    audit="employee.download",
    response_class=Response,
    responses=described_csv("Everybody, as an import reads it"),
)
async def employee_export(
    at: At,
    *,
    leavers: Annotated[bool, Query(description="true: those whose employment is over, too")] = False,
    layout: LayoutOf = "csv",
) -> Response:
    """Download the staff as CSV: what was changed in it can be imported again, in either layout."""
    rows = await queries.EXPORTED.all(at.session, company_id=at.tenant, leavers=leavers, today=clock.today())
    # Thousands of sealed codes: other requests go on meanwhile.
    return csv_answer("employees", await asyncio.to_thread(importing.export, rows, layout))


@company.list("/employee_categories", "employees:read")
async def employee_category_list(
    at: At, paging: Annotated[Paging, Depends(ordered("category", "-category"))]
) -> Page[EmployeeCategoryRead]:
    """List the company's groups of staff, with how many work in each today."""
    found = await queries.EMPLOYEE_CATEGORIES.page(at.session, paging.window, company_id=at.tenant, today=clock.today())
    return paging.page(found, EmployeeCategoryRead.model_validate)


@company.command("/employees/invite", "employees:write", keyed=False, audit="employee.invite")
async def employee_invite_many(at: At, body: EmployeesInvite) -> EmployeeInviteResults:
    """Send the first invitation of many again, to whoever has not activated the login."""
    refused = await actions.invite_many(at.session, at.tenant, body.employee_ids)
    at.showing(employee_id for employee_id, error in refused.items() if error is None)
    return EmployeeInviteResults(
        results=[
            EmployeeInviteResult(
                employee_id=employee_id,
                invited=error is None,
                code=error and error.code,
                detail=error and translated(error.detail, at.language),
            )
            for employee_id, error in refused.items()
        ]
    )


@company.read("/employees/{employee_id}", "employees:read", audit="employee.read")
async def employee_get(at: At, employee_id: EmployeeId) -> EmployeeRead:
    """Show one employment."""
    row = await queries.employee(at.session, at.tenant, employee_id)
    return at.tagged(row.version, EmployeeRead.model_validate(row))


@company.change("/employees/{employee_id}", "employees:write", errors=[EmployeeExists, ExternalIdTaken, StateConflict])
async def employee_update(at: At, employee_id: EmployeeId, body: EmployeeUpdate) -> EmployeeRead:
    """Change an employment; after activation neither e-mail nor fiscal code."""
    row = await actions.update_employee(at.session, at.actor, at.tenant, employee_id, at.expected_version, body)
    return at.tagged(row.version, EmployeeRead.model_validate(row))


@company.command(
    "/employees/{employee_id}/invite", "employees:write", keyed=False, errors=[StateConflict], audit="employee.invite"
)
async def employee_invite(at: At, employee_id: EmployeeId) -> EmployeeRead:
    """Send the first invitation again, only before activation."""
    return EmployeeRead.model_validate(await actions.invite_again(at.session, at.tenant, employee_id))
