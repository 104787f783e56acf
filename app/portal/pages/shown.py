"""What the pages of an organisation's people share: where they are, and which doors their roles open."""

from datetime import date

from starlette.requests import Request
from starlette.responses import Response

from app import ids
from app.edge.at import Place
from app.edge.permissions import permissions_of
from app.files.csv import parse_date
from app.portal import render
from app.portal.forms import Refused

Problem = tuple[int, str | None, str, str]


def company_page(at: Place, request: Request, name: str, **shown: object) -> Response:
    return render.page(
        request, name, status=200, may=permissions_of(at.actor.roles), base=_base(at, "companies"), **shown
    )


def organisation_page(at: Place, request: Request, name: str, **shown: object) -> Response:
    return render.page(
        request, name, status=200, may=permissions_of(at.actor.roles), base=_base(at, "organisations"), **shown
    )


def rows_refused(request: Request) -> list[Problem]:
    """Return what was wrong in the rows of a pasted or chosen file: row, column, code, detail."""
    refused: Refused | None = getattr(request.state, "refused", None)
    found: list[Problem] = []
    for pointer, (code, detail) in (refused.fields if refused else {}).items():
        row, _, column = pointer.removeprefix("/rows/").partition("/")
        if pointer.startswith("/rows/") and row.isdecimal():
            found.append((int(row), column or None, code, detail))
    return sorted(found, key=lambda problem: problem[0])


def typed(request: Request, name: str) -> str:
    """Return what a form that came back had in a field."""
    refused: Refused | None = getattr(request.state, "refused", None)
    return next(iter(refused.values.get(name, ())), "") if refused else ""


def named_day(text: str) -> date | None:
    """Return the day that an address names; None where it names none."""
    try:
        return parse_date(text)
    except ValueError:
        return None


def _base(at: Place, audience: str) -> str:
    return f"/{audience}/{ids.encode('org', at.tenant)}"
