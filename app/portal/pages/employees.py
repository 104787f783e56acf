"""A company's staff: the list, one person, the import of a file."""

import csv
import io
from collections.abc import Sequence
from typing import Annotated, cast, get_args

from fastapi import Query
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from app import clock, ids
from app.edge.at import At, Place
from app.employees import endpoints as employees
from app.employees.schemas import EmployeeCreate, EmployeesInvite, EmployeeUpdate, Status
from app.errors import Invalid
from app.grants import report_endpoints as reports
from app.http import audiences
from app.http.files import LayoutOf
from app.ids import EmployeeId, OrganisationId
from app.portal import forms
from app.portal.lists import listed
from app.portal.pages.shown import company_page, named_day, rows_refused, typed
from app.portal.route import pages, to

company = pages(audiences.company_router())
LIST = "/companies/{company_id}/employees"
CLEARED = ("email", "external_id", "contract_ends_on", "probation_ends_on", "agreement_code")
"""What an employment may lack."""
TYPED_BYTES = 3 * employees.MAX_FILE
"""A file as a form carries it: each byte may take three."""
Words = Annotated[str, Query(max_length=100)]


@company.page("/employees", employees.employee_list)
async def employee_list(at: At, request: Request, q: Words = "", status: str = "", left: str = "") -> Response:
    """List who works here; who has left only where it is asked for."""
    chosen = cast("Status | None", status if status in get_args(Status) else None)
    found = await employees.employee_list(
        at,
        await listed(request, "family_name", limit=25),
        q=q.strip() or None,
        status=chosen and [chosen],
        has_left=left == "1",
    )
    return company_page(
        at,
        request,
        "employees.html",
        found=found,
        q=q,
        chosen=chosen,
        left=left == "1",
        categories=await employees.employee_category_list(at, await listed(request, "category", limit=100)),
    )


@company.page("/employees.csv", employees.employee_export)
async def employee_export(at: At, layout: LayoutOf = "csv") -> Response:
    return await employees.employee_export(at, layout=layout)


@company.page("/employees/template.csv", employees.employee_template)
async def employee_template(layout: LayoutOf = "csv") -> Response:
    return await employees.employee_template(layout)


@company.form("/employees/invite", employees.employee_invite_many, page=LIST)
async def employee_invite_many(at: At, request: Request) -> Response:
    """Invite again whom the page shows; who has entered meanwhile is passed over."""
    await employees.employee_invite_many(at, forms.parse(EmployeesInvite, await request.form()))
    return to(f"/companies/{ids.encode('org', at.tenant)}/employees", done="invited_again")


@company.page("/employees/new", employees.employee_template)
async def employee_new(at: At, request: Request) -> Response:
    return company_page(at, request, "employee_new.html")


@company.form("/employees", employees.employee_create, page=LIST + "/new")
async def employee_create(at: At, request: Request) -> Response:
    made = await employees.employee_create(at, forms.parse(EmployeeCreate, await request.form()))
    return to(_path(at, made.id), done="employee_invited" if made.email else "employee_added")


def _path(at: Place, employee_id: EmployeeId) -> str:
    return f"/companies/{ids.encode('org', at.tenant)}/employees/{ids.encode('emp', employee_id)}"


@company.page("/employees/import", employees.employee_template)
async def import_page(at: At, request: Request) -> Response:
    lines = _lines(typed(request, "text"))
    problems = rows_refused(request)
    return company_page(at, request, "employee_import.html", tried=None, text="", lines=lines, problems=problems)


@company.form(
    "/employees/import/try",
    employees.employee_import,
    page=LIST + "/import",
    body="csv",
    max_bytes=employees.MAX_FILE,
)
async def import_try(at: At, request: Request) -> Response:
    """Say what a chosen file would do, each error beside its row; the page then carries it for the import itself."""
    raw = await request.body()
    tried = await employees.employee_import(at, request, dry_run=True)
    text = _text(raw)
    return company_page(
        at,
        request,
        "employee_import.html",
        tried=tried,
        text=text,
        lines=_lines(text),
        problems=[(error.row, error.field, error.code, error.detail) for error in tried.errors],
    )


def _text(raw: bytes) -> str:
    """Read what the import has read: UTF-8, else as Windows writes."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252")


def _lines(text: str) -> Sequence[str]:
    """Return the file's rows as they are shown beside their errors; row 1 is the header."""
    first = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    return [" · ".join(cells) for cells in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)]


@company.form("/employees/import", employees.employee_import, page=LIST + "/import", max_bytes=TYPED_BYTES)
async def import_now(at: At, request: Request) -> Response:
    """Import what was tried: the same text, all or nothing."""
    text = str((await request.form()).get("text", ""))
    if not text.strip():
        raise Invalid("/text", "missing", "choose a file first")
    done = await employees.employee_import(at, forms.carrying(request, text.encode()))
    said = "imported" if done.created or done.updated else "imported_nothing"
    return to(f"/companies/{ids.encode('org', at.tenant)}/employees", done=said)


@company.page("/employees/{employee_id}", employees.employee_get)
async def employee(at: At, request: Request, employee_id: EmployeeId, ended_on: str = "") -> Response:
    """Show one employment; what a last day in the address would do is told in words before it is saved."""
    found, leaving = await employees.employee_get(at, employee_id), named_day(ended_on)
    told = None
    if leaving is not None and leaving >= found.hired_on:
        told = await reports.employee_leaving_preview(at, employee_id, leaving)
    return company_page(
        at, request, "employee.html", employee=found, leaving=told and leaving, told=told, today=clock.today()
    )


@company.form("/employees/{employee_id}", employees.employee_update, page=LIST + "/{employee_id}")
async def employee_update(at: At, request: Request, employee_id: EmployeeId) -> Response:
    form = await request.form()
    return await _changed(at, employee_id, form, "saved", **forms.cleared(form, *CLEARED))


@company.form("/employees/{employee_id}/leaving", employees.employee_update, page=LIST + "/{employee_id}")
async def employee_leaving(at: At, request: Request, employee_id: EmployeeId) -> Response:
    """Note the last day of work, or that the employment goes on."""
    form = await request.form()
    return await _changed(at, employee_id, form, "leaving_noted", **forms.cleared(form, "ended_on"))


async def _changed(at: Place, employee_id: EmployeeId, form: FormData, done: str, **cleared: None) -> Response:
    """Change what the form is about, from the version that its page showed."""
    version = str(form.get("version", ""))
    at.expected = int(version) if version.isdecimal() and len(version) < len("1" + "0" * 9) else 0
    fields = FormData([pair for pair in form.multi_items() if pair[0] != "version"])
    await employees.employee_update(at, employee_id, forms.parse(EmployeeUpdate, fields, **cleared))
    return to(_path(at, employee_id), done=done)


@company.form("/employees/{employee_id}/invite", employees.employee_invite, page=LIST + "/{employee_id}")
async def employee_invite(at: At, employee_id: EmployeeId, company_id: OrganisationId) -> Response:  # noqa: ARG001
    await employees.employee_invite(at, employee_id)
    return to(_path(at, employee_id), done="invited")
