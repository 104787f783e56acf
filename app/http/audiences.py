"""One router per audience: the prefix names it; tenant check and database role follow from it.

Four kinds of route, each declaring permission, errors and the audit entry once.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, TypedDict, TypeVar, Unpack

from fastapi import APIRouter, Depends, Path, Response

from app.db import HR
from app.edge.access import ORDINARY_BYTES, Access, BodyKind, Proof
from app.edge.request import Audience
from app.errors import AppError
from app.http.etag import MalformedPrecondition, place_expected
from app.http.pagination import BadCursor
from app.http.route import BeatriceRoute
from app.ids import AllianceId, OrganisationId

F = TypeVar("F", bound=Callable[..., object])
COMPANY = "/v1/companies/{company_id}"
Errors = Sequence[type[AppError]]


TAGS: list[dict[str, object]] = [
    {
        "name": "Public",
        "description": "The catalogue of care, the territory and the rules: for anyone, without a login.",
    },
    {"name": "Session", "description": "Logging in and out, and who is logged in."},
    {"name": "Employee", "description": "A person's own wallet, family, quotes, bookings and disputes."},
    {"name": "Company", "description": "An employer's staff, money, programmes and grants; never what anybody uses."},
    {"name": "Provider", "description": "A provider's offerings, slots, bookings, statements and accreditations."},
    {"name": "Organisation", "description": "An organisation's members, invitations and API keys."},
    {"name": "Alliance", "description": "An alliance's members, accreditations and settings."},
    {"name": "Operator", "description": "Who runs the platform: organisations, payments, disputes, ledger, audit."},
    {"name": "Sandbox", "description": "The movable clock, the queue and the mails; absent in production."},
]
"""What each group of routes is for."""


class Documented(TypedDict, total=False):
    """What OpenAPI cannot take from the endpoint."""

    responses: dict[int | str, dict[str, object]]
    openapi_extra: dict[str, object]
    response_class: type[Response]


class Routes(APIRouter):
    """The routes of one audience."""

    def read(
        self,
        path: str,
        permission: str,
        *,
        errors: Errors = (),
        audit: str | None = None,
        fresh_seconds: int | None = None,
        **options: Unpack[Documented],
    ) -> Callable[[F], F]:
        """GET one object: it gets an ETag (`at.tagged`, else of its content)."""
        return self._route(
            "GET", path, Access(permission, errors=tuple(errors), audit=audit, fresh_seconds=fresh_seconds), **options
        )

    def list(
        self,
        path: str,
        permission: str,
        *,
        errors: Errors = (),
        audit: str | None = None,
        fresh_seconds: int | None = None,
        **options: Unpack[Documented],
    ) -> Callable[[F], F]:
        """GET a page of a list."""
        return self._route(
            "GET",
            path,
            Access(permission, errors=(*errors, BadCursor), audit=audit, fresh_seconds=fresh_seconds),
            **options,
        )

    def change(
        self,
        path: str,
        permission: str,
        *,
        errors: Errors = (),
        audit: str | None = None,
        step_up: Proof | None = None,
    ) -> Callable[[F], F]:
        """PATCH one object, from the version that If-Match names (`at.expected_version`): absent keeps, null clears."""
        access = Access(permission, errors=(*errors, MalformedPrecondition), audit=audit, step_up=step_up)
        return self._route("PATCH", path, access, needs=place_expected)

    def command(
        self,
        path: str,
        permission: str,
        *,
        keyed: bool = True,
        method: str = "POST",
        status: int = 200,
        rehearses: bool = False,
        stores_answer: bool = True,
        body: BodyKind = "json",
        max_bytes: int = ORDINARY_BYTES,
        errors: Errors = (),
        audit: str | None = None,
        step_up: Proof | None = None,
        made_in: str | None = None,
        **options: Unpack[Documented],
    ) -> Callable[[F], F]:
        """POST a verb: with a key where it moves money or capacity (`keyed`), so that a repeat has one effect."""
        access = Access(
            permission, keyed, rehearses, stores_answer, body, max_bytes, tuple(errors), audit, step_up, None, made_in
        )
        return self._route(method, path, access, status=status, **options)

    def _route(
        self,
        method: str,
        path: str,
        access: Access,
        *,
        status: int = 200,
        needs: Callable[..., object] | None = None,
        **options: Unpack[Documented],
    ) -> Callable[[F], F]:
        needed = [] if needs is None else [Depends(needs)]

        def declare(endpoint: F) -> F:
            endpoint.__access__ = access  # type: ignore[attr-defined]
            self.add_api_route(path, endpoint, methods=[method], status_code=status, dependencies=needed, **options)
            return endpoint

        return declare


async def _company(company_id: Annotated[OrganisationId, Path(description="The company.")]) -> None:
    """Name the tenant in the path: `at.tenant`."""


async def _provider(provider_id: Annotated[OrganisationId, Path(description="The provider.")]) -> None:
    """Name the tenant in the path: `at.tenant`."""


async def _organisation(organisation_id: Annotated[OrganisationId, Path(description="The organisation.")]) -> None:
    """Name the tenant in the path: `at.tenant`."""


async def _alliance(alliance_id: Annotated[AllianceId, Path(description="The alliance.")]) -> None:
    """Name the tenant in the path: `at.tenant`."""


def _router(audience: Audience, prefix: str, tag: str, tenant: Callable[..., object] | None = None) -> Routes:
    route_class = type(f"{audience.name.title()}Route", (BeatriceRoute,), {"audience": audience})
    named = [] if tenant is None else [Depends(tenant)]
    return Routes(prefix=prefix, tags=[tag], route_class=route_class, redirect_slashes=False, dependencies=named)


def public_router() -> Routes:
    """`/v1`: anyone."""
    return _router(Audience("public"), "/v1", "Public")


def session_router() -> Routes:
    """`/v1/auth`, `/v1/me` itself: logging in and out."""
    return _router(Audience("session"), "/v1", "Session")


def employee_router() -> Routes:
    """`/v1/me/...`: the person, across employments."""
    return _router(Audience("employee"), "/v1/me", "Employee")


def company_router() -> Routes:
    """`/v1/companies/{company_id}`: HR and payroll, with a database role that cannot see care."""
    audience = Audience("company", "organisation", "company_id", "company", HR)
    return _router(audience, COMPANY, "Company", _company)


def payroll_router() -> Routes:
    """`/v1/companies/{company_id}` for payroll alone: HR's database role has no right to what these routes read."""
    return _router(Audience("company", "organisation", "company_id", "company"), COMPANY, "Company", _company)


def provider_router() -> Routes:
    """`/v1/providers/{provider_id}`."""
    audience = Audience("provider", "organisation", "provider_id", "provider")
    return _router(audience, "/v1/providers/{provider_id}", "Provider", _provider)


def organisation_router() -> Routes:
    """`/v1/organisations/{organisation_id}`: members, keys."""
    audience = Audience("organisation", "organisation", "organisation_id")
    return _router(audience, "/v1/organisations/{organisation_id}", "Organisation", _organisation)


def alliance_router() -> Routes:
    """`/v1/alliances/{alliance_id}`."""
    audience = Audience("alliance", "alliance", "alliance_id")
    return _router(audience, "/v1/alliances/{alliance_id}", "Alliance", _alliance)


def operator_router() -> Routes:
    """`/v1/operator`: whoever holds a role of the platform: in the organisation of kind operator."""
    return _router(Audience("operator", "platform"), "/v1/operator", "Operator")


def sandbox_router() -> Routes:
    """`/v1/sandbox`: the movable clock, jobs and mail; absent in production."""
    return _router(Audience("sandbox", "platform"), "/v1/sandbox", "Sandbox")
