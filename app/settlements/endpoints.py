"""Routes of settlement: the operator closes, approves and pays; providers read what they are owed."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Response

from app.edge.at import At
from app.errors import AlreadyResolved, Invalid, NotFound, StateConflict
from app.http.audiences import operator_router, provider_router
from app.http.files import BYTES, TEXT
from app.http.filters import DaysDep, Words, any_of, containing
from app.http.pagination import NewestFirst, Paging, ordered
from app.http.schemas import Page
from app.ids import FeeRuleId, OrganisationId, SettlementId, SettlementRunId
from app.settlements import actions, fee_rules, queries, statement
from app.settlements.errors import (
    ApproverIsMaker,
    ContentChanged,
    DebtorIncomplete,
    FeeApproverIsMaker,
    LedgerUnverified,
    NothingToPay,
    RunExists,
    RunInProgress,
)
from app.settlements.models import LeftOutReason, RunStatus, Settlement, SettlementRun, SettlementStatus
from app.settlements.queries import Line
from app.settlements.schemas import (
    FeeRuleCreate,
    FeeRuleRead,
    LeftOutRead,
    RunSettlementRead,
    SettlementItemRead,
    SettlementLineRead,
    SettlementRead,
    SettlementRunApproval,
    SettlementRunCreate,
    SettlementRunRead,
)

operator = operator_router()
provider = provider_router()
ByCutoff = Annotated[Paging, Depends(ordered("-created_at", "created_at", "cutoff_on", "-cutoff_on"))]
CSV: dict[int | str, dict[str, object]] = {
    200: {"content": {"text/csv": {"schema": TEXT}}, "description": "One row per line"}
}
XML: dict[int | str, dict[str, object]] = {
    200: {"content": {"application/xml": {"schema": BYTES}}, "description": "pain.001.001.09"}
}


async def _known(at: At, run_id: UUID) -> SettlementRun:
    run = await queries.run(at.session, run_id)
    if run is None:
        raise NotFound
    return run


def _settlement_read(document: Settlement, lines: Sequence[Line]) -> SettlementRead:
    item = SettlementItemRead.model_validate(document)
    return SettlementRead(**dict(item), lines=[SettlementLineRead.model_validate(line) for line in lines])


@operator.list("/fee_rules", "fees:read")
async def fee_rule_list(
    at: At,
    paging: NewestFirst,
    provider_id: Annotated[OrganisationId | None, Query(description="for this provider only")] = None,
    category: Annotated[str | None, Query(max_length=64, description="for this category only")] = None,
) -> Page[FeeRuleRead]:
    """List fee rules, newest first."""
    found = await queries.fee_rules(at.session, paging.window, provider_id=provider_id, category=category)
    return paging.page(found, FeeRuleRead.model_validate)


@operator.command("/fee_rules", "fees:write", keyed=False, status=201, audit="fee_rule.create", step_up="role")
async def fee_rule_create(at: At, body: FeeRuleCreate) -> FeeRuleRead:
    """Draft a fee rule; once another person approved it, it takes over from less specific and older ones."""
    rule = await fee_rules.create_fee_rule(at.session, at.actor, body)
    return at.about(rule.id, FeeRuleRead.model_validate(rule))


@operator.command(
    "/fee_rules/{rule_id}/approve",
    "fee_approvals:write",
    keyed=False,
    errors=[AlreadyResolved, StateConflict, FeeApproverIsMaker],
    audit="fee_rule.approve",
    step_up="role",
)
async def fee_rule_approve(at: At, rule_id: FeeRuleId) -> FeeRuleRead:
    """Approve a drafted fee rule as another person; the providers that it is about are told."""
    return FeeRuleRead.model_validate(await fee_rules.approve_fee_rule(at.session, at.actor, rule_id))


@operator.list("/settlement_runs", "settlement_runs:read")
async def settlement_run_list(
    at: At,
    paging: ByCutoff,
    days: DaysDep,
    status: Annotated[list[RunStatus] | None, Query(description="may be repeated")] = None,
) -> Page[SettlementRunRead]:
    """List runs, newest first; days are those of the cutoff."""
    found = await queries.runs(at.session, paging.window, statuses=any_of(status), first=days.first, last=days.last)
    return paging.page(found, SettlementRunRead.model_validate)


@operator.command(
    "/settlement_runs",
    "settlement_runs:write",
    status=201,
    errors=[RunExists, RunInProgress],
    audit="settlement_run.create",
    step_up="role",
)
async def settlement_run_create(at: At, body: SettlementRunCreate) -> SettlementRunRead:
    """Settle all that became payable up to the end of a day, one settlement per provider, payees as they are now."""
    run = await actions.close_run(at.session, at.actor, body.cutoff_on)
    return at.about(run.id, SettlementRunRead.model_validate(run))


@operator.read("/settlement_runs/{run_id}", "settlement_runs:read")
async def settlement_run_get(at: At, run_id: SettlementRunId) -> SettlementRunRead:
    """Read one run."""
    return SettlementRunRead.model_validate(await _known(at, run_id))


@operator.command(
    "/settlement_runs/{run_id}/approve",
    "settlement_approvals:write",
    errors=[StateConflict, ApproverIsMaker, ContentChanged, LedgerUnverified, DebtorIncomplete],
    audit="settlement_run.approve",
    step_up="role",
)
async def settlement_run_approve(
    at: At, run_id: SettlementRunId, body: SettlementRunApproval | None = None
) -> SettlementRunRead:
    """Release a run for payment, as another person than who made it: the money leaves the providers' accounts."""
    if body is None:
        raise Invalid("/content_sha256", "missing", "name the content that you checked")
    run = await actions.approve_run(at.session, at.actor, run_id, body.content_sha256)
    return SettlementRunRead.model_validate(run)


@operator.command(
    "/settlement_runs/{run_id}/cancel",
    "settlement_runs:write",
    errors=[StateConflict],
    audit="settlement_run.cancel",
    step_up="role",
)
async def settlement_run_cancel(at: At, run_id: SettlementRunId) -> SettlementRunRead:
    """Give up a run that nobody approved; what it settled waits for the next one."""
    return SettlementRunRead.model_validate(await actions.cancel_run(at.session, at.actor, run_id))


@operator.list("/settlement_runs/{run_id}/settlements", "settlement_runs:read")
async def settlement_run_settlement_list(
    at: At,
    run_id: SettlementRunId,
    paging: Annotated[
        Paging,
        Depends(ordered("created_at", "-created_at", "payout_cents", "-payout_cents", "payee_name", "-payee_name")),
    ],
    q: Words = None,
    provider_id: Annotated[OrganisationId | None, Query(description="of this provider only")] = None,
) -> Page[RunSettlementRead]:
    """List a run's settlements with the payees that the bank gets, and what is new about them."""
    await _known(at, run_id)
    found = await queries.RUN_SETTLEMENTS.page(
        at.session, paging.window, run_id=run_id, provider_id=provider_id, words=containing(q)
    )
    return paging.page(found, RunSettlementRead.model_validate)


@operator.read("/settlement_runs/{run_id}/settlements/{settlement_id}", "settlement_runs:read")
async def settlement_run_settlement_get(at: At, run_id: SettlementRunId, settlement_id: SettlementId) -> SettlementRead:
    """Read one settlement of a run with its lines, as its provider sees it."""
    document, lines = await queries.settlement_of_run(at.session, run_id, settlement_id)
    return _settlement_read(document, lines)


@operator.list("/settlement_runs/{run_id}/left_out", "settlement_runs:read")
async def settlement_run_left_out_list(
    at: At,
    run_id: SettlementRunId,
    paging: Annotated[Paging, Depends(ordered("provider_id", "-provider_id", "due_cents", "-due_cents"))],
    reason: Annotated[list[LeftOutReason] | None, Query(description="may be repeated")] = None,
) -> Page[LeftOutRead]:
    """List who is owed something and is not paid in this run, with the reason."""
    await _known(at, run_id)
    found = await queries.LEFT_OUT.page(at.session, paging.window, run_id=run_id, reasons=any_of(reason))
    return paging.page(found, LeftOutRead.model_validate)


@operator.command(
    "/settlement_runs/{run_id}/sent",
    "settlement_runs:write",
    errors=[StateConflict],
    audit="settlement_run.send",
    step_up="role",
)
async def settlement_run_send(at: At, run_id: SettlementRunId) -> SettlementRunRead:
    """Record that the payment file was handed to the bank."""
    return SettlementRunRead.model_validate(await actions.mark_sent(at.session, run_id))


@operator.read(
    "/settlement_runs/{run_id}/payment_file",
    "settlement_runs:read",
    errors=[StateConflict, ContentChanged, NothingToPay],
    audit="settlement_run.download",
    responses=XML,
    response_class=Response,
)
async def settlement_run_payment_file(at: At, run_id: SettlementRunId) -> Response:
    """Download the bank's file of an approved run: the same bytes every time."""
    name, content = await actions.payment_file(at.session, run_id)
    return Response(content, 200, {"Content-Disposition": f'attachment; filename="{name}"'}, "application/xml")


@provider.list("/settlements", "settlements:read")
async def settlement_list(
    at: At,
    paging: ByCutoff,
    days: DaysDep,
    status: Annotated[list[SettlementStatus] | None, Query(description="may be repeated")] = None,
) -> Page[SettlementItemRead]:
    """List settlements, newest first; days are those of the cutoff."""
    found = await queries.settlements(
        at.session, at.tenant, paging.window, statuses=any_of(status), first=days.first, last=days.last
    )
    return paging.page(found, SettlementItemRead.model_validate)


@provider.read(
    "/settlements/{settlement_id}.csv",
    "settlements:read",
    audit="settlement.download",
    responses=CSV,
    response_class=Response,
)
async def settlement_csv(at: At, settlement_id: SettlementId) -> Response:
    """Download a settlement's lines as CSV, amounts in cents."""
    document, lines = await queries.settlement(at.session, at.tenant, settlement_id)
    headers = {"Content-Disposition": f'attachment; filename="settlement-{document.year}-{document.sequence}.csv"'}
    return Response(statement.to_csv(document.number, lines), 200, headers, "text/csv; charset=utf-8")


@provider.read("/settlements/{settlement_id}", "settlements:read")
async def settlement_get(at: At, settlement_id: SettlementId) -> SettlementRead:
    """Read a settlement with its lines."""
    document, lines = await queries.settlement(at.session, at.tenant, settlement_id)
    return _settlement_read(document, lines)
