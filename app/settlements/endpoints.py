"""Routes of settlement: the operator closes, approves and pays; providers read what they are owed."""

from uuid import UUID

from fastapi import Response

from app.errors import NotFound, StateConflict
from app.http.access import access
from app.http.audiences import operator_router, provider_router
from app.http.pagination import BadCursor, Paging, PagingDep
from app.http.schemas import Page
from app.http.session import ActorDep, SessionDep
from app.ids import OrganisationId, SettlementId, SettlementRunId
from app.settlements import actions, queries, statement
from app.settlements.errors import (
    ApproverIsMaker,
    ContentChanged,
    DebtorIncomplete,
    LedgerUnverified,
    NothingToPay,
    PayeeIncomplete,
    RunExists,
    RunInProgress,
)
from app.settlements.models import FeeRule, Settlement, SettlementRun
from app.settlements.schemas import (
    FeeRuleNew,
    FeeRuleOut,
    SettlementItem,
    SettlementLineOut,
    SettlementOut,
    SettlementRunApproval,
    SettlementRunNew,
    SettlementRunOut,
)

operator = operator_router()
provider = provider_router()
CSV: dict[int | str, dict[str, object]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "One row per line"}
}
XML: dict[int | str, dict[str, object]] = {
    200: {"content": {"application/xml": {"schema": {"type": "string"}}}, "description": "pain.001.001.09"}
}


@operator.get("/fee_rules", response_model=Page[FeeRuleOut])
@access("fees:read", errors=[BadCursor])
async def fee_rule_list(session: SessionDep, paging: PagingDep) -> Page[FeeRuleOut]:
    """List fee rules, newest first."""
    rows = await queries.fee_rules(session, paging.fetch, _after(paging))
    return paging.page(rows, FeeRuleOut.model_validate, _id)


@operator.post("/fee_rules", response_model=FeeRuleOut, status_code=201)
@access("fees:write")
async def fee_rule_create(session: SessionDep, actor: ActorDep, new: FeeRuleNew) -> FeeRuleOut:
    """Add a fee rule; it takes over from less specific and older ones for services from its first day on."""
    return FeeRuleOut.model_validate(await actions.create_fee_rule(session, actor, new))


@operator.get("/settlement_runs", response_model=Page[SettlementRunOut])
@access("settlement_runs:read", errors=[BadCursor])
async def settlement_run_list(session: SessionDep, paging: PagingDep) -> Page[SettlementRunOut]:
    """List runs, newest first."""
    rows = await queries.runs(session, paging.fetch, _after(paging))
    return paging.page(rows, SettlementRunOut.model_validate, _id)


@operator.post("/settlement_runs", response_model=SettlementRunOut, status_code=201)
@access("settlement_runs:write", idempotent=True, errors=[RunExists, RunInProgress])
async def settlement_run_create(session: SessionDep, actor: ActorDep, new: SettlementRunNew) -> SettlementRunOut:
    """Settle all that became payable up to the end of a day, one settlement per provider; final."""
    return SettlementRunOut.model_validate(await actions.close_run(session, actor, new.cutoff_on))


@operator.get("/settlement_runs/{run_id}", response_model=SettlementRunOut)
@access("settlement_runs:read")
async def settlement_run_read(session: SessionDep, run_id: SettlementRunId) -> SettlementRunOut:
    """Read one run."""
    run = await queries.run(session, run_id)
    if run is None:
        raise NotFound
    return SettlementRunOut.model_validate(run)


@operator.post("/settlement_runs/{run_id}/approve", response_model=SettlementRunOut)
@access(
    "settlement_approvals:write",
    idempotent=True,
    errors=[StateConflict, ApproverIsMaker, ContentChanged, LedgerUnverified, PayeeIncomplete, DebtorIncomplete],
)
async def settlement_run_approve(
    session: SessionDep, actor: ActorDep, run_id: SettlementRunId, approval: SettlementRunApproval | None = None
) -> SettlementRunOut:
    """Release a run for payment, as another person than who made it: the money leaves the providers' accounts."""
    seen = None if approval is None else approval.content_sha256
    return SettlementRunOut.model_validate(await actions.approve_run(session, actor, run_id, seen))


@operator.post("/settlement_runs/{run_id}/sent", response_model=SettlementRunOut)
@access("settlement_runs:write", idempotent=True, errors=[StateConflict])
async def settlement_run_send(session: SessionDep, actor: ActorDep, run_id: SettlementRunId) -> SettlementRunOut:
    """Record that the payment file was handed to the bank."""
    return SettlementRunOut.model_validate(await actions.mark_sent(session, actor, run_id))


@operator.get("/settlement_runs/{run_id}/payment_file", response_class=Response, responses=XML)
@access("settlement_runs:read", errors=[StateConflict, ContentChanged, NothingToPay])
async def settlement_run_payment_file(session: SessionDep, run_id: SettlementRunId) -> Response:
    """Download the bank's file of an approved run: the same bytes every time."""
    name, content = await actions.payment_file(session, run_id)
    return Response(content, 200, {"Content-Disposition": f'attachment; filename="{name}"'}, "application/xml")


@provider.get("/settlements", response_model=Page[SettlementItem])
@access("settlements:read", errors=[BadCursor])
async def settlement_list(session: SessionDep, provider_id: OrganisationId, paging: PagingDep) -> Page[SettlementItem]:
    """List settlements by cutoff, newest first."""
    rows = await queries.settlements(session, provider_id, paging.fetch, _after(paging))
    return paging.page(rows, SettlementItem.model_validate, _id)


@provider.get("/settlements/{settlement_id}.csv", response_class=Response, responses=CSV)
@access("settlements:read")
async def settlement_csv(session: SessionDep, provider_id: OrganisationId, settlement_id: SettlementId) -> Response:
    """Download a settlement's lines as CSV, amounts in cents."""
    found = await queries.settlement(session, provider_id, settlement_id)
    if found is None:
        raise NotFound
    document, lines = found
    headers = {"Content-Disposition": f'attachment; filename="settlement-{document.year}-{document.sequence}.csv"'}
    return Response(statement.to_csv(document.number, lines), 200, headers, "text/csv; charset=utf-8")


@provider.get("/settlements/{settlement_id}", response_model=SettlementOut)
@access("settlements:read")
async def settlement_read(
    session: SessionDep, provider_id: OrganisationId, settlement_id: SettlementId
) -> SettlementOut:
    """Read a settlement with its lines."""
    found = await queries.settlement(session, provider_id, settlement_id)
    if found is None:
        raise NotFound
    document, lines = found
    item = SettlementItem.model_validate(document)
    return SettlementOut(**dict(item), lines=[SettlementLineOut.model_validate(line) for line in lines])


def _after(paging: Paging) -> UUID | None:
    return None if paging.after is None else UUID(paging.after[0])


def _id(row: FeeRule | SettlementRun | Settlement) -> list[str]:
    return [str(row.id)]
