"""Routes of claims: the person asks back what she paid, the operator decides and pays."""

from typing import Annotated, get_args
from uuid import UUID

from fastapi import Query, Request, Response

from app.audit import actions as audit
from app.claims import actions, files, queries, runs, views
from app.claims.errors import AppealOver, DocumentDiffers, DocumentUsedUp, NotReimbursable, TooManyFiles
from app.claims.models import ClaimRunStatus, ClaimStatus
from app.claims.schemas import (
    ClaimAnswer,
    ClaimAppeal,
    ClaimCreate,
    ClaimDecision,
    ClaimFileRead,
    ClaimQuestion,
    ClaimRead,
    ClaimRunApproval,
    ClaimRunDetailRead,
    ClaimRunRead,
    OperatorClaimRead,
)
from app.credit.actions import InsufficientCredit
from app.edge.at import At, Place
from app.errors import AlreadyResolved, StateConflict
from app.files.documents import MAX_DOCUMENT, MediaType, NotADocument
from app.http.audiences import employee_router, operator_router
from app.http.body import FILE_PART
from app.http.files import BYTES
from app.http.filters import any_of
from app.http.pagination import NewestFirst
from app.http.schemas import Page
from app.ids import ClaimFileId, ClaimId, ClaimRunId
from app.settlements.errors import (
    ApproverIsMaker,
    ContentChanged,
    DebtorIncomplete,
    LedgerUnverified,
    NothingToPay,
)

employee = employee_router()
operator = operator_router()
Statuses = Annotated[list[ClaimStatus] | None, Query(description="may be repeated")]
RunStatuses = Annotated[list[ClaimRunStatus] | None, Query(description="may be repeated")]
KINDS: tuple[str, ...] = get_args(MediaType)
UPLOAD: dict[str, object] = {
    "requestBody": {
        "required": True,
        "content": {kind: {"schema": BYTES} for kind in KINDS}
        | {
            "multipart/form-data": {"schema": {"type": "object", "description": f"The file is the part `{FILE_PART}`."}}
        },
    }
}
DOCUMENT: dict[int | str, dict[str, object]] = {
    200: {"content": {"application/octet-stream": {"schema": BYTES}}, "description": "The document as it was kept"}
}
XML: dict[int | str, dict[str, object]] = {
    200: {"content": {"application/xml": {"schema": BYTES}}, "description": "pain.001.001.09"}
}
SUBMITTING = [InsufficientCredit, NotReimbursable, DocumentUsedUp]


@employee.command(
    "/claim_files",
    "person",
    keyed=False,
    status=201,
    body="document",
    max_bytes=MAX_DOCUMENT,
    errors=[NotADocument, TooManyFiles],
    made_in="/v1/me/claims",
    openapi_extra=UPLOAD,
)
async def claim_file_upload(at: At, request: Request) -> ClaimFileRead:
    """Upload a document: a PDF, JPEG or PNG by its content, of at most 5 MB; a claim names it within a day."""
    file_id, kind, size = await files.upload(at.session, at.actor.user_id, await request.body())
    return ClaimFileRead(id=file_id, media_type=kind, size_bytes=size)


@employee.command("/claims", "person", status=201, errors=[*SUBMITTING, DocumentDiffers], audit="claim.create")
async def claim_create(at: At, body: ClaimCreate) -> ClaimRead:
    """Ask back what was paid for care, where the law allows it: what is asked for is held on one's credit at once."""
    made = await actions.submit(at.session, at.actor.user_id, body, at.language)
    return at.about(made.id, views.claim_read(made, at.language))


@employee.list("/claims", "person")
async def claim_list(at: At, paging: NewestFirst, status: Statuses = None) -> Page[ClaimRead]:
    """List one's claims, newest first."""
    found = await queries.claims(at.session, paging.window, user_id=at.actor.user_id, statuses=any_of(status))
    return paging.page(found, lambda row: views.claim_read(row, at.language))


@employee.read("/claims/{claim_id}", "person")
async def claim_get(at: At, claim_id: ClaimId) -> ClaimRead:
    """Show one claim of one's own."""
    return views.claim_read(await queries.claim(at.session, claim_id, user_id=at.actor.user_id), at.language)


@employee.command("/claims/{claim_id}/answer", "person", errors=[StateConflict], audit="claim.answer")
async def claim_answer(at: At, claim_id: ClaimId, body: ClaimAnswer) -> ClaimRead:
    """Answer what the operator asked for."""
    row = await actions.answer(at.session, at.actor.user_id, claim_id, body.answer, body.file_ids)
    return views.claim_read(row, at.language)


@employee.command("/claims/{claim_id}/withdraw", "person", errors=[StateConflict], audit="claim.withdraw")
async def claim_withdraw(at: At, claim_id: ClaimId) -> ClaimRead:
    """Take back a claim that nobody has decided: credit and document are free again."""
    return views.claim_read(await actions.withdraw(at.session, at.actor.user_id, claim_id), at.language)


@employee.command(
    "/claims/{claim_id}/appeal",
    "person",
    errors=[StateConflict, AppealOver, *SUBMITTING],
    audit="claim.appeal",
)
async def claim_appeal(at: At, claim_id: ClaimId, body: ClaimAppeal) -> ClaimRead:
    """Let another person decide a rejected claim, once and within 30 days; its amount is held anew."""
    row = await actions.appeal(at.session, at.actor.user_id, claim_id, body.reason, at.language)
    return views.claim_read(row, at.language)


@employee.read("/claims/{claim_id}/files/{file_id}", "person", responses=DOCUMENT, response_class=Response)
async def claim_file_get(at: At, claim_id: ClaimId, file_id: ClaimFileId) -> Response:
    """Download a document of one's claim."""
    return await _file(at, claim_id, file_id, at.actor.user_id)


@operator.list("/claims", "claims:read")
async def operator_claim_list(at: At, paging: NewestFirst, status: Statuses = None) -> Page[OperatorClaimRead]:
    """List claims, newest first; with `order=created_at` what waits longest comes first."""
    found = await queries.claims(at.session, paging.window, user_id=None, statuses=any_of(status))
    # The list has no object of its own.
    await audit.record(at.session, at.actor, "claim.list", "claim", None)
    return paging.page(found, lambda row: views.operator_claim_read(row, at.language))


@operator.read("/claims/{claim_id}", "claims:read", audit="claim.read")
async def operator_claim_get(at: At, claim_id: ClaimId) -> OperatorClaimRead:
    """Show one claim with what the person wrote and the document's fields."""
    return views.operator_claim_read(await queries.claim(at.session, claim_id), at.language)


@operator.read(
    "/claims/{claim_id}/files/{file_id}",
    "claims:read",
    audit="claim_file.read",
    responses=DOCUMENT,
    response_class=Response,
)
async def operator_claim_file_get(at: At, claim_id: ClaimId, file_id: ClaimFileId) -> Response:
    """Download a document of a claim, to compare it with the claim's fields."""
    return await _file(at, claim_id, file_id, None)


@operator.command(
    "/claims/{claim_id}/ask",
    "claims:write",
    errors=[AlreadyResolved, StateConflict],
    audit="claim.ask",
    step_up="role",
)
async def claim_ask(at: At, claim_id: ClaimId, body: ClaimQuestion) -> OperatorClaimRead:
    """Ask the person for what is missing; the claim waits until she answers."""
    return views.operator_claim_read(await actions.ask(at.session, at.actor, claim_id, body.question), at.language)


@operator.command(
    "/claims/{claim_id}/approve",
    "claims:write",
    errors=[AlreadyResolved, StateConflict],
    audit="claim.approve",
    step_up="role",
)
async def claim_approve(at: At, claim_id: ClaimId, body: ClaimDecision) -> OperatorClaimRead:
    """Grant a claim: it is paid with the next run of payments."""
    return views.operator_claim_read(await actions.approve(at.session, at.actor, claim_id, body.reason), at.language)


@operator.command(
    "/claims/{claim_id}/reject",
    "claims:write",
    errors=[AlreadyResolved, StateConflict],
    audit="claim.reject",
    step_up="role",
)
async def claim_reject(at: At, claim_id: ClaimId, body: ClaimDecision) -> OperatorClaimRead:
    """Refuse a claim: credit and document are free again, and the person may appeal once."""
    return views.operator_claim_read(await actions.reject(at.session, at.actor, claim_id, body.reason), at.language)


@operator.command(
    "/claim_runs",
    "settlement_runs:write",
    status=201,
    errors=[NothingToPay],
    audit="claim_run.create",
    step_up="role",
)
async def claim_run_create(at: At) -> ClaimRunDetailRead:
    """Close a run over all approved claims that are in none; another person approves it."""
    run = await runs.close_run(at.session, at.actor)
    return at.about(run.id, await _shown(at, run.id))


@operator.list("/claim_runs", "settlement_runs:read")
async def claim_run_list(at: At, paging: NewestFirst, status: RunStatuses = None) -> Page[ClaimRunRead]:
    """List runs of payments to people, newest first."""
    return paging.page(await queries.runs(at.session, paging.window, any_of(status)), ClaimRunRead.model_validate)


@operator.read("/claim_runs/{claim_run_id}", "settlement_runs:read", audit="claim_run.read")
async def claim_run_get(at: At, claim_run_id: ClaimRunId) -> ClaimRunDetailRead:
    """Show a run with whom it pays, where and how much; nothing of what for."""
    return await _shown(at, claim_run_id)


@operator.command(
    "/claim_runs/{claim_run_id}/approve",
    "settlement_approvals:write",
    errors=[StateConflict, ApproverIsMaker, ContentChanged, LedgerUnverified, DebtorIncomplete],
    audit="claim_run.approve",
    step_up="role",
)
async def claim_run_approve(at: At, claim_run_id: ClaimRunId, body: ClaimRunApproval) -> ClaimRunDetailRead:
    """Release a run for payment, for exactly the content named; its maker cannot."""
    await runs.approve_run(at.session, at.actor, claim_run_id, body.content_sha256)
    return await _shown(at, claim_run_id)


@operator.command(
    "/claim_runs/{claim_run_id}/cancel",
    "settlement_runs:write",
    errors=[StateConflict],
    audit="claim_run.cancel",
    step_up="role",
)
async def claim_run_cancel(at: At, claim_run_id: ClaimRunId) -> ClaimRunDetailRead:
    """Give up a run that nobody approved: its claims wait for another."""
    await runs.cancel_run(at.session, at.actor, claim_run_id)
    return await _shown(at, claim_run_id)


@operator.command(
    "/claim_runs/{claim_run_id}/sent",
    "settlement_runs:write",
    errors=[StateConflict],
    audit="claim_run.send",
    step_up="role",
)
async def claim_run_send(at: At, claim_run_id: ClaimRunId) -> ClaimRunDetailRead:
    """Record that the bank has the file: the claims are paid."""
    await runs.mark_sent(at.session, claim_run_id)
    return await _shown(at, claim_run_id)


@operator.read(
    "/claim_runs/{claim_run_id}/payment_file",
    "settlement_runs:read",
    errors=[StateConflict, ContentChanged],
    audit="claim_run.download",
    responses=XML,
    response_class=Response,
)
async def claim_run_payment_file(at: At, claim_run_id: ClaimRunId) -> Response:
    """Download the bank's file of an approved run: the same bytes every time."""
    name, content = await runs.payment_file(at.session, claim_run_id)
    return Response(content, 200, {"Content-Disposition": f'attachment; filename="{name}"'}, "application/xml")


async def _shown(at: Place, run_id: UUID) -> ClaimRunDetailRead:
    return views.run_read(await queries.run(at.session, run_id), await runs.payees_of(at.session, run_id))


async def _file(at: Place, claim_id: UUID, file_id: UUID, user_id: UUID | None) -> Response:
    """Hand a document out as a file: it is never opened on a page of ours."""
    kind, content = await files.content(at.session, claim_id, file_id, user_id=user_id)
    ending = kind.rpartition("/")[2]
    headers = {
        "Content-Disposition": f'attachment; filename="{file_id.hex[-8:]}.{ending}"',
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, 200, headers, "application/octet-stream")
