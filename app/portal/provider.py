"""What the pages of a provider have in common: the menu, the week, the municipalities that a form names."""

import re
from datetime import date, timedelta

from starlette.requests import Request
from starlette.responses import Response

from app import clock, ids
from app.edge.at import Place
from app.edge.permissions import permissions_of
from app.errors import Invalid
from app.portal import forms, render, towns
from app.portal.route import to

DAYS = 7
MOST_DAYS_AWAY = 1000


def draw(at: Place, request: Request, name: str, **shown: object) -> Response:
    """Draw a page of a provider: `base` begins the address of every other one, `may` says what its reader may do."""
    return render.page(request, name, status=200, base=base(at), may=permissions_of(at.actor.roles), **shown)


def base(at: Place) -> str:
    return f"/providers/{ids.encode('org', at.tenant)}"


def done(at: Place, path: str, word: str, **query: str) -> Response:
    """Lead on to another page of the provider."""
    return to(base(at) + path, **query, done=word)


def chosen(request: Request, name: str) -> list[str]:
    """Return the boxes of a form that came back which were ticked."""
    refused: forms.Refused | None = getattr(request.state, "refused", None)
    return refused.values.get(name, []) if refused else []


def monday(asked: str | None) -> date:
    """Return the first day of the week that was asked for, else of this one."""
    today = clock.today()
    try:
        wanted = date.fromisoformat(asked) if asked else today
    except ValueError:
        wanted = today
    away = timedelta(days=MOST_DAYS_AWAY)
    wanted = min(max(wanted, today - away), today + away)
    return wanted - timedelta(days=wanted.weekday())


def week(first: date) -> list[date]:
    return [first + timedelta(days=number) for number in range(DAYS)]


def seen_version(form: forms.Typed) -> int:
    """Return the version that a form was drawn from: what somebody else changed meanwhile is not overwritten."""
    text = str(form.get("version", ""))
    if not text.isdecimal() or len(text) > len(str(2**31)):
        raise Invalid("/version", "int_parsing", "a version is a number")
    return int(text)


async def istat_codes(at: Place, request: Request, form: forms.Typed, field: str) -> list[str]:
    """Return the codes of the municipalities that a field names, one after another, with commas between."""
    said = [name for name in re.split(r"[,;\n]", str(form.get(field, ""))) if name.strip()]
    return await towns.codes_of(at, request, said, field)
