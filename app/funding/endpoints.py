"""Company, operator and employee routes of credit."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from app import clock
from app.errors import AlreadyResolved, Invalid, NotFound, StateConflict
from app.files.errors import ImportRefused, NotCsv, TooManyRows
from app.funding import company_actions, credit_queries, grant_csv, queries
from app.funding.errors import ApproverIsMaker, ProgrammeEnded, ProgrammeInUse
from app.funding.models import GeneralityReason, GrantStatus, TopUpStatus
from app.funding.schemas import (
    AccountRead,
    GrantCreate,
    GrantLineRead,
    GrantRead,
    OperatorTopUpRead,
    ProgrammeCreate,
    ProgrammeRead,
    ProgrammeUpdate,
    TopUpCreate,
    TopUpRead,
    WalletEntryRead,
    WalletRead,
)
from app.funding.wallet import read_wallet
from app.http.access import access
from app.http.audiences import company_router, employee_router, operator_router
from app.http.body import MalformedBody
from app.http.etag import ExpectedVersion, MalformedPrecondition, set_etag
from app.http.pagination import BadCursor, PagingDep
from app.http.schemas import Page
from app.http.session import ActorDep, SessionDep
from app.ids import LAST, GrantId, OrganisationId, ProgrammeId, TopUpId

company = company_router()
employee = employee_router()
operator = operator_router()

GRANT_BODY_BYTES = 5_000_000


def _inlined(schema: object, definitions: dict[str, object]) -> object:
    """Replace references by what they name: a body that FastAPI does not read has no components."""
    if isinstance(schema, list):
        return [_inlined(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    return {name: _inlined(item, definitions) for name, item in schema.items() if name != "$defs"}


GRANT_SCHEMA = GrantCreate.model_json_schema()
GRANT_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": _inlined(GRANT_SCHEMA, GRANT_SCHEMA["$defs"])},
            "text/csv": {"schema": {"type": "string", "examples": ["matricola;importo\nA12;250,00\n"]}},
        },
    }
}


@company.get("/account", response_model=AccountRead)
@access("account:read")
async def account_get(company_id: OrganisationId, session: SessionDep) -> AccountRead:
    """Show the company's balance, what it put into credit, and what waits for money."""
    return AccountRead.model_validate(await company_actions.money_of(session, company_id))


@company.get("/top_ups", response_model=Page[TopUpRead])
@access("top_ups:read", errors=[BadCursor])
async def top_up_list(company_id: OrganisationId, session: SessionDep, paging: PagingDep) -> Page[TopUpRead]:
    """List announced bank transfers, newest first."""
    rows = await queries.top_ups_of(session, company_id, _after(paging.after), paging.fetch)
    return paging.page(rows, TopUpRead.model_validate, lambda row: [str(row.id)])


@company.post("/top_ups", status_code=201, response_model=TopUpRead)
@access("top_ups:write", idempotent=True)
async def top_up_create(
    company_id: OrganisationId, given: TopUpCreate, session: SessionDep, actor: ActorDep
) -> TopUpRead:
    """Announce a bank transfer; name its payment reference in it."""
    row = await company_actions.announce_top_up(session, actor, company_id, given.amount_cents)
    return TopUpRead.model_validate(row)


@company.get("/top_ups/{top_up_id}", response_model=TopUpRead)
@access("top_ups:read")
async def top_up_get(company_id: OrganisationId, top_up_id: TopUpId, session: SessionDep) -> TopUpRead:
    """Show one announced bank transfer."""
    row = await queries.top_up_of(session, company_id, top_up_id)
    if row is None:
        raise NotFound
    return TopUpRead.model_validate(row)


@company.get("/programmes", response_model=Page[ProgrammeRead])
@access("programmes:read", errors=[BadCursor])
async def programme_list(company_id: OrganisationId, session: SessionDep, paging: PagingDep) -> Page[ProgrammeRead]:
    """List programmes, newest first."""
    rows = await queries.programmes_of(session, company_id, _after(paging.after), paging.fetch)
    return paging.page(rows, ProgrammeRead.model_validate, lambda row: [str(row.id)])


@company.post("/programmes", status_code=201, response_model=ProgrammeRead)
@access("programmes:write")
async def programme_create(
    company_id: OrganisationId, given: ProgrammeCreate, session: SessionDep, actor: ActorDep, response: Response
) -> ProgrammeRead:
    """Make a programme: where its credit comes from, who gets it, what it may pay, how it ends."""
    row = await company_actions.create_programme(session, actor, company_id, given)
    set_etag(response, row.version)
    return ProgrammeRead.model_validate(row)


@company.get("/programmes/{programme_id}", response_model=ProgrammeRead)
@access("programmes:read")
async def programme_get(
    company_id: OrganisationId, programme_id: ProgrammeId, session: SessionDep, response: Response
) -> ProgrammeRead:
    """Show one programme."""
    row = await queries.programme_of(session, company_id, programme_id)
    if row is None:
        raise NotFound
    set_etag(response, row.version)
    return ProgrammeRead.model_validate(row)


@company.patch("/programmes/{programme_id}", response_model=ProgrammeRead)
@access("programmes:write", errors=[ProgrammeInUse, MalformedPrecondition])
async def programme_update(
    company_id: OrganisationId,
    programme_id: ProgrammeId,
    given: ProgrammeUpdate,
    expected_version: ExpectedVersion,
    session: SessionDep,
    actor: ActorDep,
    response: Response,
) -> ProgrammeRead:
    """Change a programme; once a grant uses it, only its name."""
    row = await company_actions.update_programme(session, actor, company_id, programme_id, given, expected_version)
    set_etag(response, row.version)
    return ProgrammeRead.model_validate(row)


@company.post(
    "/grants",
    status_code=201,
    response_model=GrantRead,
    responses={200: {"model": GrantRead, "description": "What a dry run found; nothing was stored"}},
    openapi_extra=GRANT_BODY,
)
@access(
    "grants:write",
    idempotent=True,
    rehearses=True,
    body="json_or_csv",
    max_bytes=GRANT_BODY_BYTES,
    errors=[ProgrammeEnded, ImportRefused, NotCsv, TooManyRows],
)
async def grant_create(
    company_id: OrganisationId,
    request: Request,
    session: SessionDep,
    actor: ActorDep,
    response: Response,
    *,
    dry_run: Annotated[bool, Query()] = False,
    programme_id: Annotated[ProgrammeId | None, Query()] = None,
    generality_reason: Annotated[GeneralityReason | None, Query()] = None,
) -> GrantRead:
    """Draft a grant for another person to approve; a dry run (200, id null) stores nothing.

    JSON carries everything in the body. A CSV file has the columns `external_id` or `fiscal_code`, and `amount` in
    euro; `programme_id` and `generality_reason` are query parameters then, and only then.
    """
    pointers: list[str] | None = None
    if not (raw := await request.body()):
        raise MalformedBody("The body is empty.")
    if request.headers["content-type"].partition(";")[0].strip().lower() == "text/csv":
        if programme_id is None:
            raise Invalid("/query/programme_id", "missing", "a CSV file needs the programme")
        lines, pointers = await grant_csv.read_lines(session, company_id, raw)
        given = GrantCreate(programme_id=programme_id, lines=lines, generality_reason=generality_reason)
    elif programme_id is not None or generality_reason is not None:
        raise Invalid("/query", "extra_forbidden", "with JSON the programme and the reason stand in the body")
    else:
        given = await _grant_body(request)
    row = await company_actions.create_grant(session, actor, company_id, given, dry_run=dry_run, pointers=pointers)
    grant = GrantRead.model_validate(row)
    if dry_run:
        response.status_code, grant.id = 200, None
    return grant


@company.get("/grants", response_model=Page[GrantRead])
@access("grants:read", errors=[BadCursor])
async def grant_list(
    company_id: OrganisationId,
    session: SessionDep,
    paging: PagingDep,
    status: Annotated[GrantStatus | None, Query()] = None,
) -> Page[GrantRead]:
    """List grants, newest first."""
    after = _after(paging.after) or LAST
    rows = await queries.GRANTS.all(session, company_id=company_id, status=status, after=after, limit=paging.fetch)
    return paging.page(rows, GrantRead.model_validate, lambda row: [str(row.id)])


@company.get("/grants/{grant_id}", response_model=GrantRead)
@access("grants:read")
async def grant_get(
    company_id: OrganisationId, grant_id: GrantId, session: SessionDep, response: Response
) -> GrantRead:
    """Show one grant."""
    row = await company_actions.grant_of(session, company_id, grant_id)
    set_etag(response, row.version)
    return GrantRead.model_validate(row)


@company.get("/grants/{grant_id}/lines", response_model=Page[GrantLineRead])
@access("grants:read", errors=[BadCursor])
async def grant_line_list(
    company_id: OrganisationId, grant_id: GrantId, session: SessionDep, paging: PagingDep
) -> Page[GrantLineRead]:
    """List who gets how much from a grant; never what became of it."""
    await company_actions.grant_of(session, company_id, grant_id)
    rows = await queries.lines_of(session, company_id, grant_id, _after(paging.after), paging.fetch)
    return paging.page(rows, GrantLineRead.model_validate, lambda row: [str(row.lot_id)])


@company.post("/grants/{grant_id}/approve", response_model=GrantRead)
@access("grant_approvals:write", idempotent=True, errors=[ApproverIsMaker, StateConflict, ProgrammeEnded])
async def grant_approve(
    company_id: OrganisationId, grant_id: GrantId, session: SessionDep, actor: ActorDep
) -> GrantRead:
    """Approve a grant as another person than its maker: all lots at once, or it waits for money."""
    return GrantRead.model_validate(await company_actions.approve_grant(session, actor, company_id, grant_id))


@company.post("/grants/{grant_id}/revoke", response_model=GrantRead)
@access("grants:write", idempotent=True, errors=[StateConflict])
async def grant_revoke(
    company_id: OrganisationId, grant_id: GrantId, session: SessionDep, actor: ActorDep
) -> GrantRead:
    """Cancel a grant; of an active one the unspent part of each lot returns to the company."""
    return GrantRead.model_validate(await company_actions.revoke_grant(session, actor, company_id, grant_id))


@employee.get("/wallet", response_model=WalletRead)
@access("person")
async def wallet_get(session: SessionDep, actor: ActorDep) -> WalletRead:
    """Show the person's credit over all employments; each lot's parts add up to its amount."""
    return read_wallet(await credit_queries.wallet(session, actor.user_id), clock.today())


@employee.get("/wallet/entries", response_model=Page[WalletEntryRead])
@access("person", errors=[BadCursor])
async def wallet_entry_list(session: SessionDep, actor: ActorDep, paging: PagingDep) -> Page[WalletEntryRead]:
    """List the movements on the person's lots, newest first."""
    after = None if paging.after is None else (UUID(paging.after[0]), UUID(paging.after[1]))
    rows = await credit_queries.entries(session, actor.user_id, after, paging.fetch)
    return paging.page(rows, WalletEntryRead.model_validate, lambda row: [str(row.id), str(row.lot_id)])


@operator.get("/top_ups", response_model=Page[OperatorTopUpRead])
@access("operator_top_ups:read", errors=[BadCursor])
async def operator_top_up_list(
    session: SessionDep, paging: PagingDep, status: Annotated[TopUpStatus | None, Query()] = None
) -> Page[OperatorTopUpRead]:
    """List announced bank transfers of all companies, newest first."""
    after = _after(paging.after) or LAST
    rows = await queries.OPERATOR_TOP_UPS.all(session, status=status, after=after, limit=paging.fetch)
    return paging.page(rows, OperatorTopUpRead.model_validate, lambda row: [str(row.id)])


@operator.post("/top_ups/{top_up_id}/confirm", response_model=OperatorTopUpRead)
@access("top_up_confirmations:write", idempotent=True, errors=[AlreadyResolved])
async def top_up_confirm(top_up_id: TopUpId, session: SessionDep, actor: ActorDep) -> OperatorTopUpRead:
    """Credit a bank transfer that arrived; waiting grants that now fit become active, oldest first."""
    return OperatorTopUpRead.model_validate(await company_actions.confirm_top_up(session, actor, top_up_id))


@operator.post("/top_ups/{top_up_id}/return", response_model=OperatorTopUpRead)
@access("top_up_confirmations:write", idempotent=True, errors=[AlreadyResolved])
async def top_up_return(top_up_id: TopUpId, session: SessionDep, actor: ActorDep) -> OperatorTopUpRead:
    """Note that an announced bank transfer never came, or went back."""
    return OperatorTopUpRead.model_validate(await company_actions.return_top_up(session, actor, top_up_id))


async def _grant_body(request: Request) -> GrantCreate:
    try:
        return GrantCreate.model_validate(await request.json())
    except ValidationError as error:
        raise RequestValidationError(
            [{**item, "loc": ("body", *item["loc"])} for item in error.errors(include_url=False, include_input=False)]
        ) from error


def _after(after: tuple[object, ...] | None) -> UUID | None:
    return None if after is None else UUID(str(after[0]))
