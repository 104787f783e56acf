"""Drawing: Jinja2 templates in Italian with an English catalogue, money and days as people write them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, lru_cache
from http import HTTPStatus
from io import BytesIO
from pathlib import Path
from uuid import uuid4

from babel import dates, numbers
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from app import clock, ids
from app.actor import Locale
from app.config import settings
from app.edge.at import Place
from app.edge.request import language_of as asked_language
from app.edge.request import spoken
from app.errors import AppError
from app.http import middleware, problems
from app.http.translation import translated
from app.portal import forms, svg, wire

HERE = Path(__file__).parent
_kept = lru_cache(maxsize=2_000)
"""A page says the same day and the same sum over and over; each costs Babel a hundredth of a millisecond."""
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
"""No script at all: there is none."""
HEADERS = {"Content-Security-Policy": POLICY, "Referrer-Policy": "same-origin", "Vary": "Cookie, Accept-Language"}
ERRORS_WITH_PAGES = frozenset({401, 403, 404, 410, 429, 500, 503})


@dataclass(frozen=True)
class Visit:
    """What every page knows of its request."""

    language: Locale
    path: str
    query: str
    person: bool
    done: str | None
    refused: forms.Refused | None


def page(request: Request, name: str, *, status: int = 200, **shown: object) -> Response:
    """Draw a template; `shown` are the answers of the endpoints."""
    visit = _visit(request)
    drawn = (
        _environment(visit.language)
        .get_template(name)
        .render(visit=visit, sandbox=settings().sandbox, now=clock.now(), **shown)
    )
    return HTMLResponse(drawn, status, {**HEADERS, "Content-Language": visit.language})


def problem(request: Request, error: AppError) -> Response:
    """Draw a refusal as a page of its own, which says what to do now."""
    kind = str(error.status) if error.status in ERRORS_WITH_PAGES else "other"
    if error.code == "token_invalid":
        kind = "410"  # the address was right once: what helps is another link
    broke = error.status == HTTPStatus.INTERNAL_SERVER_ERROR
    reference = problems.request_id_of(request) if broke else ""  # by which the log's line is found
    answer = page(request, "problem.html", status=error.status, error=error, kind=kind, reference=reference)
    if error.status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
        answer.headers["Retry-After"] = str(error.members.get("retry_after", 2))
    return answer


async def handle(request: Request, error: Exception) -> Response:
    """Answer what no route caught: a page to a browser, a problem to a program."""
    plain = await problems.handle(request, error)
    if not wire.is_page(request.url.path) or plain.status_code == HTTPStatus.NO_CONTENT:
        return plain
    refused = problems.from_http(error) if isinstance(error, HTTPException) else problems.translate(error)
    answer = problem(request, refused)
    if "Allow" in plain.headers:
        answer.headers["Allow"] = plain.headers["Allow"]
    return answer


def respond(request: Request, error: AppError) -> Response:
    """Answer what no handler sees (a limit, a fault): a page to a browser, a problem to a program."""
    if wire.is_page(request.url.path):
        return problem(request, error)
    return middleware.problem(request, error)


def _visit(request: Request) -> Visit:
    place: Place | None = getattr(request.state, "place", None)
    language = asked_language(request, place.actor) if place else spoken(request.headers.get("accept-language")) or "it"
    return Visit(
        language=language,
        path=request.url.path,
        query=request.url.query,
        person=place is not None and place.actor.kind == "user",
        done=request.query_params.get("done"),
        refused=getattr(request.state, "refused", None),
    )


@cache
def _environment(language: Locale) -> Environment:
    environment = Environment(
        loader=PackageLoader("app.portal"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    catalogue = _catalogue(language)
    environment.install_gettext_translations(catalogue, newstyle=True)  # type: ignore[attr-defined]
    environment.globals["_"] = _once_translated(catalogue)
    environment.filters |= {
        "euro": _kept(lambda amount: numbers.format_currency(amount / 100, "EUR", locale=language)),
        "day": _kept(lambda day: dates.format_date(_rome(day), "d MMMM y", locale=language)),
        "weekday": _kept(lambda day: dates.format_date(_rome(day), "EEE d MMM", locale=language)),
        "hour": _kept(lambda instant: dates.format_time(instant.astimezone(clock.ROME), "HH:mm", locale=language)),
        "moment": _kept(lambda instant: dates.format_datetime(_rome(instant), "EEEE d MMMM, HH:mm", locale=language)),
        "month": lambda day: dates.format_date(day, "MMMM y", locale=language),
        "month_name": lambda day: dates.format_date(day, "LLL", locale=language),
        "weekday_name": lambda day: dates.format_date(day, "EEEE", locale=language),
        "rome_day": lambda instant: clock.day_of(instant).isoformat(),
        "percent": lambda bps: numbers.format_percent(bps / 10_000, "#,##0.##%", locale=language),
        "on_day": lambda slots, day: [slot for slot in slots if clock.day_of(slot.starts_at) == day],
        "cursorless": lambda query: "".join(f"{part}&" for part in query.split("&") if not part.startswith("cursor=")),
        "id": lambda value, prefix: ids.encode(prefix, value),
        "said": lambda text: translated(text, language),
    }
    environment.globals |= {
        "new_key": lambda: uuid4().hex,
        "bar": svg.bar,
        "columns": svg.columns,
        "transfer_code": svg.transfer_code,
        "value_of": _value_of,
    }
    return environment


def _once_translated(catalogue: Translations) -> Callable[..., Markup]:
    """Return `_`: Jinja's own looks a text up and formats it each time, a page says hundreds, and they never change."""

    @cache
    def pattern(text: str) -> Markup:
        return Markup(catalogue.gettext(text))  # noqa: S704 - a text of ours

    @cache
    def plain(text: str) -> Markup:
        return pattern(text) % {}

    return lambda text, **values: pattern(text) % values if values else plain(text)


def _catalogue(language: Locale) -> Translations:
    """Compile a catalogue in memory; Italian is the language of the templates."""
    compiled = BytesIO()
    if language == "it":
        return Translations()
    with (HERE / "locale" / "en.po").open("rb") as source:
        write_mo(compiled, read_po(source, locale="en"))
    compiled.seek(0)
    return Translations(compiled)


def _rome(value: date | datetime) -> date | datetime:
    return value.astimezone(clock.ROME) if isinstance(value, datetime) else value


@pass_context
def _value_of(context: Context, name: str, otherwise: object = "") -> object:
    """Return what was typed into a field of a form that came back, else what it begins with."""
    visit: Visit = context["visit"]
    typed = visit.refused.values.get(name) if visit.refused else None
    return typed[0] if typed else otherwise
