"""Paying providers: a run line by line, the approval that binds its content, the bank's file."""

from starlette.requests import Request
from starlette.responses import Response

from app import ids
from app.edge.at import At
from app.http import audiences
from app.http.filters import Days
from app.ids import SettlementId, SettlementRunId
from app.portal import forms, render
from app.portal.lists import listed
from app.portal.route import may, pages, to
from app.settlements import endpoints as settlements
from app.settlements.schemas import SettlementRunApproval, SettlementRunCreate

operator = pages(audiences.operator_router())
RUNS = "/operator/settlement_runs"
RUN = RUNS + "/{run_id}"


@operator.page("/settlement_runs", settlements.settlement_run_list)
async def runs(at: At, request: Request) -> Response:
    found = await settlements.settlement_run_list(at, await listed(request, "-created_at", limit=25), Days(None, None))
    makes = may(at, settlements.settlement_run_create)
    return render.page(request, "settlement_runs.html", found=found, makes=makes)


@operator.form("/settlement_runs", settlements.settlement_run_create, page=RUNS)
async def run_create(at: At, request: Request) -> Response:
    made = await settlements.settlement_run_create(at, forms.parse(SettlementRunCreate, await request.form()))
    return _shown(made.id, "run_made")


def _shown(run_id: SettlementRunId, done: str) -> Response:
    return to(f"{RUNS}/{ids.encode('run', run_id)}", done=done)


@operator.page("/settlement_runs/{run_id}", settlements.settlement_run_get)
async def run(at: At, request: Request, run_id: SettlementRunId) -> Response:
    """Show who is paid how much on which account, what is new about it, who is left out and why."""
    found = await settlements.settlement_run_get(at, run_id)
    lines = await settlements.settlement_run_settlement_list(at, run_id, await listed(request, "payee_name", limit=50))
    left_out = await settlements.settlement_run_left_out_list(at, run_id, await listed(request, "-due_cents"))
    return render.page(
        request,
        "settlement_run.html",
        run=found,
        lines=lines,
        left_out=left_out.data,
        me=at.actor.id,
        approves=may(at, settlements.settlement_run_approve),
        changes=may(at, settlements.settlement_run_cancel),
    )


@operator.form("/settlement_runs/{run_id}/approve", settlements.settlement_run_approve, page=RUN)
async def run_approve(at: At, request: Request, run_id: SettlementRunId) -> Response:
    """Release exactly what was shown: the page sends the hash that it drew."""
    await settlements.settlement_run_approve(at, run_id, forms.parse(SettlementRunApproval, await request.form()))
    return _shown(run_id, "run_approved")


@operator.form("/settlement_runs/{run_id}/cancel", settlements.settlement_run_cancel, page=RUN)
async def run_cancel(at: At, run_id: SettlementRunId) -> Response:
    await settlements.settlement_run_cancel(at, run_id)
    return _shown(run_id, "run_cancelled")


@operator.form("/settlement_runs/{run_id}/sent", settlements.settlement_run_send, page=RUN)
async def run_sent(at: At, run_id: SettlementRunId) -> Response:
    await settlements.settlement_run_send(at, run_id)
    return _shown(run_id, "run_sent")


@operator.page("/settlement_runs/{run_id}/payment_file", settlements.settlement_run_payment_file)
async def payment_file(at: At, run_id: SettlementRunId) -> Response:
    """Hand out the bank's file."""
    return await settlements.settlement_run_payment_file(at, run_id)


@operator.page("/settlement_runs/{run_id}/settlements/{settlement_id}", settlements.settlement_run_settlement_get)
async def settlement(at: At, request: Request, run_id: SettlementRunId, settlement_id: SettlementId) -> Response:
    found = await settlements.settlement_run_settlement_get(at, run_id, settlement_id)
    return render.page(request, "run_settlement.html", settlement=found, run_id=run_id)
