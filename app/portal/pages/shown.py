"""What the pages of an organisation's people share: where they are, and which doors their roles open."""

from starlette.requests import Request
from starlette.responses import Response

from app import ids
from app.edge.at import Place
from app.edge.permissions import permissions_of
from app.portal import render


def company_page(at: Place, request: Request, name: str, **shown: object) -> Response:
    return render.page(request, name, may=permissions_of(at.actor.roles), base=_base(at, "companies"), **shown)


def organisation_page(at: Place, request: Request, name: str, **shown: object) -> Response:
    return render.page(request, name, may=permissions_of(at.actor.roles), base=_base(at, "organisations"), **shown)


def _base(at: Place, audience: str) -> str:
    return f"/{audience}/{ids.encode('org', at.tenant)}"
