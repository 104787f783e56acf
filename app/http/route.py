"""The JSON face of the edge: body guard, query guard, problem+json, ETag, what OpenAPI says about errors."""

import inspect
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query
from starlette.requests import Request
from starlette.responses import Response

from app.edge import idempotency
from app.edge.access import Access
from app.edge.at import Place
from app.edge.permissions import PERSON
from app.edge.request import Audience
from app.edge.route import METHODS_WITH_BODY, EdgeRoute
from app.errors import (
    AppError,
    Busy,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
    RateLimited,
    SecondFactorMissing,
    StepUpRequired,
    Unauthorised,
)
from app.http import body, caching, key, problems
from app.http.etag import set_content_etag, set_etag
from app.http.json_or_csv import JsonOrCsv
from app.http.location import set_location
from app.http.schemas import Page

ANSWERS = {201: "It was made.", 202: "It was taken note of.", 204: "It is done; there is nothing to say."}
SUMMARY_ENDS = re.compile(r"[.;:](?=\s|$)")
"""The first words of an operation's description, alone, are its summary."""
INTEGER = re.compile(r"-?[0-9]{1,20}")


class RepeatedParameter(AppError, status=400, code="repeated_parameter"):
    """A query parameter that takes one value was given twice."""


class BeatriceRoute(EdgeRoute):
    """A JSON route."""

    def __init__(self, path: str, endpoint: Callable[..., object], **options: Any) -> None:  # noqa: ANN401 - FastAPI's
        access: Access | None = getattr(endpoint, "__access__", None)
        if access is not None:
            options["operation_id"] = endpoint.__name__
            options["response_description"] = ANSWERS.get(int(options.get("status_code") or 200), "The answer.")
            options["summary"] = SUMMARY_ENDS.split(inspect.getdoc(endpoint) or "", maxsplit=1)[0]
            methods = set(options.get("methods") or ())
            options["responses"] = {
                **problems.described(_documented(access, self.audience, methods, path)),
                **(options.get("responses") or {}),
            }
            if access.idempotent:
                extra = options.get("openapi_extra") or {}
                options["openapi_extra"] = {**extra, "parameters": [*extra.get("parameters", []), key.PARAMETER]}
        super().__init__(path, endpoint, **options)
        for dependency in self.dependant.dependencies:
            if isinstance(dependency.call, JsonOrCsv):
                self.openapi_extra = {**(self.openapi_extra or {}), **dependency.call.described()}
        query = [field for field in get_flat_params(self.dependant) if isinstance(field.field_info, Query)]
        self.query_names = {field.alias for field in query}
        self.repeatable = {field.alias for field in query if "list" in str(field.field_info.annotation)}
        self.shows_one = self.methods == {"GET"} and not _is_page(self.response_model)
        self.integers = {field.alias for field in query if re.search(r"\bint\b", str(field.field_info.annotation))}

    def key_of(self, request: Request, raw: bytes) -> str:  # noqa: ARG002 - pages find theirs in the body
        return key.key_of(request)

    async def refuse(self, error: AppError, request: Request) -> Response:
        return problems.response(error, problems.request_id_of(request), problems.language_of(request))

    async def read(self, request: Request) -> bytes:
        declared = self.body_field is not None or self.access.body in {"csv", "json_or_csv"}
        required = self.body_field is not None and self.body_field.field_info.is_required()
        return await body.read_body(request, self.access, declared=declared, required=required)

    def finish(self, request: Request, response: Response, place: Place) -> Response:
        if place.version is not None:
            set_etag(response, place.version)
        if place.speaks:
            response.headers["Content-Language"] = place.spoken
        if response.status_code == HTTPStatus.CREATED:
            set_location(request, response, self.path, self.access.made_in)
        if self.methods != {"GET"}:
            return response
        if links := getattr(request.state, "links", None):
            response.headers["Link"] = ", ".join(links)
        kept = self.access.fresh_seconds if place.actor.kind == "anonymous" else None
        if self.shows_one:
            set_content_etag(response)
        elif self.access.fresh_seconds is not None:
            caching.set_list_etag(response)
        if kept is not None:
            caching.let_keep(response, kept)
        return caching.unless_known(request, response)

    def check_query(self, request: Request) -> None:
        seen: set[str] = set()
        for name, value in request.query_params.multi_items():
            if name not in self.query_names:
                raise Invalid(
                    f"/query/{problems.own_name(name)}", "extra_forbidden", "this parameter is not known here"
                )
            if "\x00" in value or any("\ud800" <= character <= "\udfff" for character in value):
                raise Invalid(f"/query/{name}", "nul_character", "NUL is not allowed in text")
            if name in seen and name not in self.repeatable:
                raise RepeatedParameter
            if name in self.integers and INTEGER.fullmatch(value) is None:
                raise Invalid(f"/query/{name}", "int_parsing", "must be an integer in plain digits")
            seen.add(name)


def _is_page(model: object) -> bool:
    return isinstance(model, type) and issubclass(model, Page)


def _proofs(access: Access) -> list[type[AppError]]:
    in_a_role: list[type[AppError]] = [] if access.permission in PERSON else [SecondFactorMissing]
    return in_a_role if access.step_up is None else [*in_a_role, StepUpRequired]


def _documented(access: Access, audience: Audience, methods: set[str], path: str) -> dict[int, list[type[AppError]]]:
    kinds: list[type[AppError]] = [Invalid, Busy, RateLimited, RepeatedParameter, problems.UrlTooLong]
    if access.permission != "public":
        kinds += [Unauthorised]
    if access.permission not in {"public", "session"}:
        kinds += [Forbidden]
    if "{" in path or audience.tenant or access.body != "form":
        kinds += [NotFound]
    if methods & METHODS_WITH_BODY:
        kinds += [body.MalformedBody, body.BodyTooLarge, body.UnsupportedMediaType, body.BodyTooSlow]
    if access.permission == "public":
        kinds += [Unauthorised]
    kinds += _proofs(access)
    if "PATCH" in methods:
        kinds += [PreconditionRequired, PreconditionFailed]
    if access.idempotent:
        kinds += [idempotency.KeyMissing, idempotency.KeyInUse, idempotency.KeyReused]
    grouped: dict[int, list[type[AppError]]] = {}
    for kind in dict.fromkeys([*kinds, *access.errors]):
        grouped.setdefault(kind.status, []).append(kind)
    return grouped
