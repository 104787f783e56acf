"""A company's programmes and the credit that it gives under them: prepared by one person, approved by another."""

from typing import Annotated, cast, get_args

from fastapi import Query
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from app import clock, ids
from app.edge.at import At, Place
from app.errors import Invalid, NotFound
from app.grants import due_endpoints as due
from app.grants import endpoints as grants
from app.grants import report_endpoints as reports
from app.grants.models import GeneralityReason, GrantStatus
from app.grants.schemas import GrantCreate, GrantRead, GrantRevoke, ProgrammeCreate, ProgrammeUpdate
from app.http import audiences
from app.http.files import LayoutOf
from app.http.filters import Days
from app.ids import EmployeeId, GrantId, ProgrammeId
from app.portal import forms
from app.portal.lists import listed
from app.portal.pages.shown import company_page, rows_refused, typed
from app.portal.route import may, pages, to
from app.rules import endpoints as law

company = pages(audiences.company_router())
PROGRAMMES = "/companies/{company_id}/programmes"
GRANT = "/companies/{company_id}/grants/{grant_id}"
LINE = GRANT + "/lines/{employee_id}"


@company.page("/programmes", grants.programme_list)
async def programme_list(at: At, request: Request, archived: str = "") -> Response:
    """List the programmes in use; those put away only where they are asked for."""
    away = archived == "1"
    found = await grants.programme_list(at, await listed(request, "-created_at", limit=25), archived=away)
    deadlines = (await due.deadline_list(at)).data if may(at, due.deadline_list) else []
    shown = {"found": found, "away": away, "today": clock.today(), "deadlines": deadlines}
    return company_page(at, request, "programmes.html", **shown)


@company.page("/programmes/new", grants.programme_list)
async def programme_new(at: At, request: Request) -> Response:
    rules = (await law.rule_list(await listed(request, "code"))).data
    return company_page(at, request, "programme_new.html", rules=rules)


@company.form("/programmes", grants.programme_create, page=PROGRAMMES + "/new")
async def programme_create(at: At, request: Request) -> Response:
    made = await grants.programme_create(at, forms.parse(ProgrammeCreate, await request.form()))
    return to(f"{_base(at)}/programmes/{ids.encode('prg', made.id)}", done="programme_made")


def _base(at: Place) -> str:
    return f"/companies/{ids.encode('org', at.tenant)}"


@company.page("/programmes/{programme_id}", grants.programme_get)
async def programme(at: At, request: Request, programme_id: ProgrammeId) -> Response:
    """Show what a programme's credit may pay and how it ends; from here a grant is prepared."""
    found = await grants.programme_get(at, programme_id)
    rules = {row.code: row for row in (await law.rule_list(await listed(request, "code"))).data}
    lines = [line.replace("\t", " · ") for line in typed(request, "lines").splitlines()]
    return company_page(
        at,
        request,
        "programme.html",
        programme=found,
        rules=rules,
        today=clock.today(),
        problems=rows_refused(request),
        lines=lines,
    )


@company.form("/programmes/{programme_id}", grants.programme_update, page=PROGRAMMES + "/{programme_id}")
async def programme_extend(at: At, request: Request, programme_id: ProgrammeId) -> Response:
    """Let all that a programme gave be used until a later day, from the version that its page showed."""
    form = await request.form()
    at.expected = forms.version(form)
    await grants.programme_update(at, programme_id, forms.parse(ProgrammeUpdate, forms.only(form, "lot_expires_on")))
    return _programme(at, programme_id, "programme_extended")


def _programme(at: Place, programme_id: ProgrammeId, done: str) -> Response:
    return to(f"{_base(at)}/programmes/{ids.encode('prg', programme_id)}", done=done)


@company.form("/programmes/{programme_id}/archive", grants.programme_archive, page=PROGRAMMES + "/{programme_id}")
async def programme_archive(at: At, programme_id: ProgrammeId) -> Response:
    await grants.programme_archive(at, programme_id)
    return _programme(at, programme_id, "programme_archived")


@company.form("/programmes/{programme_id}/restore", grants.programme_restore, page=PROGRAMMES + "/{programme_id}")
async def programme_restore(at: At, programme_id: ProgrammeId) -> Response:
    await grants.programme_restore(at, programme_id)
    return _programme(at, programme_id, "programme_restored")


@company.page("/programmes/{programme_id}/grant_template.csv", reports.grant_template)
async def grant_template(at: At, programme_id: ProgrammeId, layout: LayoutOf = "csv") -> Response:
    return await reports.grant_template(at, programme_id, layout)


@company.page("/programmes/{programme_id}/due", due.programme_due_list)
async def programme_due(at: At, request: Request, programme_id: ProgrammeId) -> Response:
    """Show to whom a collective agreement owes its credit by when, to whom not and why."""
    found = await due.programme_due_list(at, programme_id, await listed(request, "family_name", limit=50))
    return company_page(at, request, "programme_due.html", found=found, programme_id=programme_id)


@company.form(
    "/programmes/{programme_id}/grants",
    grants.grant_create,
    page=PROGRAMMES + "/{programme_id}",
    max_bytes=grants.GRANT_BODY_BYTES,
)
async def grant_create(
    at: At, request: Request, programme_id: ProgrammeId, *, dry_run: Annotated[bool, Query()] = False
) -> Response:
    """Try a grant and show what it would be; then draft it, from the same words."""
    form = await request.form()
    grant = await _grant(at, programme_id, form, dry_run=dry_run)
    if dry_run:
        given = [(name, str(value)) for name, value in form.multi_items() if name != forms.KEY]
        return company_page(at, request, "grant_tried.html", grant=grant, typed=given, programme_id=programme_id)
    return to(f"{_base(at)}/grants/{ids.encode('grt', cast('GrantId', grant.id))}", done="grant_drafted")


async def _grant(at: Place, programme_id: ProgrammeId, form: FormData, *, dry_run: bool) -> GrantRead:
    """Give everybody of the category the same, or each what a pasted list says (columns by tabs, as sheets copy)."""
    lines = str(form.get("lines", ""))
    if "lines" not in form:
        each, encoded = forms.wanted(form, "each_cents"), ids.encode("prg", programme_id)
        body = forms.parse(GrantCreate, FormData(), programme_id=encoded, each_cents=each)
        return await grants.grant_create(at, body, Response(), dry_run=dry_run)
    if not lines.strip():
        raise Invalid("/lines", "missing", "paste the list")
    return await grants.grant_create(
        at,
        lines.replace("\t", ";").encode(),
        Response(),
        dry_run=dry_run,
        programme_id=programme_id,
        generality_reason=_reason(form),
        generality_note=_note(form),
    )


def _note(form: FormData) -> str | None:
    """Return the reason in the company's words; who says that it is another one says which."""
    note = " ".join(str(form.get("generality_note", "")).split())[:200]
    if _reason(form) == "other" and not note:
        raise Invalid("/generality_note", "generality_note_required", "say which reason it is")
    return note or None


def _reason(form: FormData) -> GeneralityReason | None:
    given = str(form.get("generality_reason", ""))
    return cast("GeneralityReason | None", given if given in get_args(GeneralityReason) else None)


@company.page("/grants", grants.grant_list)
async def grant_list(at: At, request: Request, status: str = "") -> Response:
    chosen = cast("GrantStatus | None", status if status in get_args(GrantStatus) else None)
    found = await grants.grant_list(
        at, await listed(request, "-created_at", limit=25), Days(None, None), status=chosen and [chosen]
    )
    return company_page(at, request, "grants.html", found=found, chosen=chosen)


@company.page("/grants/{grant_id}", grants.grant_get)
async def grant(at: At, request: Request, grant_id: GrantId) -> Response:
    """Show a grant, who gets how much, and what was asked about it; never what became of anybody's credit."""
    return company_page(
        at,
        request,
        "grant.html",
        grant=await grants.grant_get(at, grant_id),
        lines=await grants.grant_line_list(at, grant_id, await listed(request, "employee_id", limit=50)),
        asked=(await grants.grant_revocation_list(at, grant_id, await listed(request, "-created_at"))).data,
    )


@company.page("/grants/{grant_id}/lines.csv", reports.grant_line_export)
async def grant_line_export(at: At, grant_id: GrantId, layout: LayoutOf = "csv") -> Response:
    return await reports.grant_line_export(at, grant_id, layout)


@company.page("/grants/{grant_id}/lines/{employee_id}", grants.grant_line_list)
async def grant_line(at: At, request: Request, grant_id: GrantId, employee_id: EmployeeId) -> Response:
    """Correct what one person gets: more, by a grant of its own, or nothing any more, by two people."""
    found = await grants.grant_line_list(at, grant_id, await listed(request, "employee_id"), employee_id)
    if not found.data:
        raise NotFound
    grant = await grants.grant_get(at, grant_id)
    asked = (await grants.grant_revocation_list(at, grant_id, await listed(request, "-created_at"))).data
    return company_page(at, request, "grant_line.html", grant=grant, line=found.data[0], asked=asked)


@company.form("/grants/{grant_id}/lines/{employee_id}/more", grants.grant_create, page=LINE)
async def grant_more(at: At, request: Request, employee_id: EmployeeId) -> Response:
    """Draft a further grant under the same programme, which the page names, for one person."""
    form = await request.form()
    line = {"employee_id": ids.encode("emp", employee_id), "amount_cents": forms.wanted(form, "amount_cents")}
    body = forms.parse(GrantCreate, forms.only(form, "programme_id", "generality_reason"), lines=[line])
    made = await grants.grant_create(at, body, Response())
    return _shown(at, cast("GrantId", made.id), "grant_drafted")


def _shown(at: Place, grant_id: GrantId, done: str) -> Response:
    return to(f"{_base(at)}/grants/{ids.encode('grt', grant_id)}", done=done)


@company.form("/grants/{grant_id}/approve", grants.grant_approve, page=GRANT)
async def grant_approve(at: At, grant_id: GrantId) -> Response:
    approved = await grants.grant_approve(at, grant_id)
    return _shown(at, grant_id, "grant_active" if approved.status == "active" else "grant_waits")


@company.form("/grants/{grant_id}/revoke", grants.grant_revoke, page=GRANT)
async def grant_revoke(at: At, request: Request, grant_id: GrantId) -> Response:
    """Cancel what is not active yet; of what is, ask for its revocation."""
    revoked = await grants.grant_revoke(at, grant_id, forms.parse(GrantRevoke, await request.form()))
    return _shown(at, grant_id, "grant_revoked" if revoked.status == "revoked" else "revocation_asked")


@company.form("/grants/{grant_id}/approve_revocation", grants.grant_approve_revocation, page=GRANT)
async def grant_approve_revocation(at: At, grant_id: GrantId) -> Response:
    await grants.grant_approve_revocation(at, grant_id)
    return _shown(at, grant_id, "grant_revoked")


@company.form("/grants/{grant_id}/withdraw_revocation", grants.grant_withdraw_revocation, page=GRANT)
async def grant_withdraw_revocation(at: At, grant_id: GrantId) -> Response:
    await grants.grant_withdraw_revocation(at, grant_id)
    return _shown(at, grant_id, "revocation_withdrawn")
