"""One router per audience: the prefix names it, the database role and tenant check follow from it."""

from fastapi import APIRouter

from app.db import HR
from app.http.edge import Audience
from app.http.route import BeatriceRoute


def _router(audience: Audience, prefix: str, tag: str) -> APIRouter:
    route_class = type(f"{audience.name.title()}Route", (BeatriceRoute,), {"audience": audience})
    return APIRouter(prefix=prefix, tags=[tag], route_class=route_class, redirect_slashes=False)


def public_router() -> APIRouter:
    """`/v1`: anyone."""
    return _router(Audience("public"), "/v1", "Public")


def session_router() -> APIRouter:
    """`/v1/auth`, `/v1/me` itself: logging in and out."""
    return _router(Audience("session"), "/v1", "Session")


def employee_router() -> APIRouter:
    """`/v1/me/...`: the person, across employments."""
    return _router(Audience("employee"), "/v1/me", "Employee")


def company_router() -> APIRouter:
    """`/v1/companies/{company_id}`: HR and payroll, with a database role that cannot see care."""
    return _router(Audience("company", "company_id", "company", HR), "/v1/companies/{company_id}", "Company")


def provider_router() -> APIRouter:
    """`/v1/providers/{provider_id}`."""
    return _router(Audience("provider", "provider_id", "provider"), "/v1/providers/{provider_id}", "Provider")


def organisation_router() -> APIRouter:
    """`/v1/organisations/{organisation_id}`: members, keys."""
    return _router(Audience("organisation", "organisation_id"), "/v1/organisations/{organisation_id}", "Organisation")


def alliance_router() -> APIRouter:
    """`/v1/alliances/{alliance_id}`."""
    return _router(Audience("alliance", "alliance_id"), "/v1/alliances/{alliance_id}", "Alliance")


def operator_router() -> APIRouter:
    """`/v1/operator`: whoever holds a role in the organisation of kind operator."""
    return _router(Audience("operator", None, "operator"), "/v1/operator", "Operator")


def sandbox_router() -> APIRouter:
    """`/v1/sandbox`: the movable clock, jobs and mail; absent in production."""
    return _router(Audience("sandbox", None, "operator"), "/v1/sandbox", "Sandbox")
