"""Asking back what was paid: the person's claims and documents, the operator's decisions, payments by two people."""

import re
from typing import Annotated, cast, get_args

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from app import ids
from app.beneficiaries import endpoints as relatives
from app.catalogue import endpoints as catalogue
from app.claims import endpoints as claims
from app.claims.models import ClaimStatus
from app.claims.schemas import ClaimAnswer, ClaimAppeal, ClaimCreate, ClaimDecision, ClaimQuestion, ClaimRunApproval
from app.edge.at import At, Place
from app.files.documents import MAX_DOCUMENT
from app.http import audiences
from app.ids import ClaimFileId, ClaimId, ClaimRunId
from app.portal import forms, render
from app.portal.lists import listed
from app.portal.route import may, pages, to

person = pages(audiences.employee_router())
operator = pages(audiences.operator_router())
LIST, NEW, CLAIM = "/me/claims", "/me/claims/new", "/me/claims/{claim_id}"
DESK, DECIDED = "/operator/claims", "/operator/claims/{claim_id}"
RUNS, RUN = "/operator/claim_runs", "/operator/claim_runs/{claim_run_id}"
REIMBURSABLE = frozenset({"C2_D_BIS", "C2_F_BIS", "C2_F_TER"})
"""Categories that none of these covers are not offered: the rules decide, this only shortens a list."""
CLAIM_ID = re.compile(r"clm_[0-9a-z]{26}")
Word = Annotated[str, Query(max_length=40)]


@person.page("/claims", claims.claim_list)
async def claim_list(at: At, request: Request) -> Response:
    found = await claims.claim_list(at, await listed(request, "-created_at", limit=25))
    return render.page(request, "claims.html", found=found, categories=await _categories(at, request))


async def _categories(at: Place, request: Request) -> dict[str, str]:
    """Return what care is called in the reader's language, of the kinds that may be reimbursed."""
    found = await catalogue.category_list(await listed(request, "code"))
    italian = at.spoken == "it"
    return {one.code: one.name if italian else one.name_en for one in found.data if REIMBURSABLE & set(one.rule_codes)}


@person.page("/claims/new", claims.claim_list)
async def claim_new(at: At, request: Request, file_id: Word = "") -> Response:
    """Ask for the document first, then for what is written on it."""
    found = await relatives.beneficiary_list(at, await listed(request))
    categories = await _categories(at, request)
    return render.page(request, "claim_new.html", relatives=found.data, categories=categories, file_id=file_id)


@person.form("/claim_files", claims.claim_file_upload, page=NEW, body="document", max_bytes=MAX_DOCUMENT)
async def file_upload(at: At, request: Request, claim_id: Word = "") -> Response:
    """Keep a document for a new claim, or for the answer about one."""
    made = await claims.claim_file_upload(at, request)
    path = f"{LIST}/{claim_id}" if CLAIM_ID.fullmatch(claim_id) else NEW
    return to(path, file_id=ids.encode("fil", made.id), done="uploaded")


@person.form("/claims", claims.claim_create, page=NEW)
async def claim_create(at: At, request: Request) -> Response:
    form = await request.form()
    sums = {name: forms.wanted(form, name) for name in ("total_cents", "amount_cents")}
    public = {"public_cents": forms.cents(form, "public_cents") or 0}
    made = await claims.claim_create(at, forms.parse(ClaimCreate, form, **sums, **public))
    return _mine(made.id, "claimed")


def _mine(claim_id: ClaimId, done: str) -> Response:
    return to(f"{LIST}/{ids.encode('clm', claim_id)}", done=done)


@person.page("/claims/{claim_id}", claims.claim_get)
async def claim(at: At, request: Request, claim_id: ClaimId, file_id: Word = "") -> Response:
    found = await claims.claim_get(at, claim_id)
    return render.page(request, "claim.html", claim=found, categories=await _categories(at, request), file_id=file_id)


@person.form("/claims/{claim_id}/answer", claims.claim_answer, page=CLAIM)
async def claim_answer(at: At, request: Request, claim_id: ClaimId) -> Response:
    await claims.claim_answer(at, claim_id, forms.parse(ClaimAnswer, await request.form()))
    return _mine(claim_id, "claim_answered")


@person.form("/claims/{claim_id}/withdraw", claims.claim_withdraw, page=CLAIM)
async def claim_withdraw(at: At, claim_id: ClaimId) -> Response:
    await claims.claim_withdraw(at, claim_id)
    return _mine(claim_id, "claim_withdrawn")


@person.form("/claims/{claim_id}/appeal", claims.claim_appeal, page=CLAIM)
async def claim_appeal(at: At, request: Request, claim_id: ClaimId) -> Response:
    await claims.claim_appeal(at, claim_id, forms.parse(ClaimAppeal, await request.form()))
    return _mine(claim_id, "claim_appealed")


@person.page("/claims/{claim_id}/files/{file_id}", claims.claim_file_get)
async def claim_file(at: At, claim_id: ClaimId, file_id: ClaimFileId) -> Response:
    return await claims.claim_file_get(at, claim_id, file_id)


@operator.page("/claims", claims.operator_claim_list)
async def desk(at: At, request: Request, status: Word = "submitted") -> Response:
    chosen = status if status in get_args(ClaimStatus) else None
    wanted = [cast("ClaimStatus", chosen)] if chosen else None
    found = await claims.operator_claim_list(at, await listed(request, "created_at", limit=25), status=wanted)
    return render.page(request, "operator_claims.html", found=found, chosen=chosen)


@operator.page("/claims/{claim_id}", claims.operator_claim_get)
async def decided(at: At, request: Request, claim_id: ClaimId) -> Response:
    found = await claims.operator_claim_get(at, claim_id)
    return render.page(request, "operator_claim.html", claim=found, categories=await _categories(at, request))


@operator.page("/claims/{claim_id}/files/{file_id}", claims.operator_claim_file_get)
async def decided_file(at: At, claim_id: ClaimId, file_id: ClaimFileId) -> Response:
    return await claims.operator_claim_file_get(at, claim_id, file_id)


@operator.form("/claims/{claim_id}/ask", claims.claim_ask, page=DECIDED)
async def claim_ask(at: At, request: Request, claim_id: ClaimId) -> Response:
    await claims.claim_ask(at, claim_id, forms.parse(ClaimQuestion, await request.form()))
    return to(DESK, done="claim_asked")


@operator.form("/claims/{claim_id}/approve", claims.claim_approve, page=DECIDED)
async def claim_approve(at: At, request: Request, claim_id: ClaimId) -> Response:
    await claims.claim_approve(at, claim_id, forms.parse(ClaimDecision, await request.form()))
    return to(DESK, done="claim_approved")


@operator.form("/claims/{claim_id}/reject", claims.claim_reject, page=DECIDED)
async def claim_reject(at: At, request: Request, claim_id: ClaimId) -> Response:
    await claims.claim_reject(at, claim_id, forms.parse(ClaimDecision, await request.form()))
    return to(DESK, done="claim_rejected")


@operator.page("/claim_runs", claims.claim_run_list)
async def runs(at: At, request: Request) -> Response:
    found = await claims.claim_run_list(at, await listed(request, "-created_at", limit=25))
    return render.page(request, "claim_runs.html", found=found)


@operator.form("/claim_runs", claims.claim_run_create, page=RUNS)
async def run_create(at: At) -> Response:
    return _run((await claims.claim_run_create(at)).id, "claim_run_made")


def _run(run_id: ClaimRunId, done: str) -> Response:
    return to(f"{RUNS}/{ids.encode('crn', run_id)}", done=done)


@operator.page("/claim_runs/{claim_run_id}", claims.claim_run_get)
async def run(at: At, request: Request, claim_run_id: ClaimRunId) -> Response:
    found = await claims.claim_run_get(at, claim_run_id)
    approves = may(at, claims.claim_run_approve)
    return render.page(request, "claim_run.html", run=found, me=at.actor.id, approves=approves)


@operator.form("/claim_runs/{claim_run_id}/approve", claims.claim_run_approve, page=RUN)
async def run_approve(at: At, request: Request, claim_run_id: ClaimRunId) -> Response:
    """Release exactly what was shown: the page sends the hash that it drew."""
    await claims.claim_run_approve(at, claim_run_id, forms.parse(ClaimRunApproval, await request.form()))
    return _run(claim_run_id, "claim_run_approved")


@operator.form("/claim_runs/{claim_run_id}/cancel", claims.claim_run_cancel, page=RUN)
async def run_cancel(at: At, claim_run_id: ClaimRunId) -> Response:
    await claims.claim_run_cancel(at, claim_run_id)
    return _run(claim_run_id, "claim_run_cancelled")


@operator.form("/claim_runs/{claim_run_id}/sent", claims.claim_run_send, page=RUN)
async def run_sent(at: At, claim_run_id: ClaimRunId) -> Response:
    await claims.claim_run_send(at, claim_run_id)
    return _run(claim_run_id, "claim_run_sent")


@operator.page("/claim_runs/{claim_run_id}/payment_file", claims.claim_run_payment_file)
async def payment_file(at: At, claim_run_id: ClaimRunId) -> Response:
    return await claims.claim_run_payment_file(at, claim_run_id)
