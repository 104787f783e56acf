"""What the OpenAPI document says about input, so that clients made from it ask for no more than the API does."""

import json
from collections.abc import Iterable

from starlette.routing import BaseRoute

from app.http.examples import Document
from app.http.json_or_csv import JsonOrCsv
from app.http.route import BeatriceRoute

Schemas = dict[str, Document]


def components(routes: Iterable[BaseRoute]) -> Schemas:
    """Return the schemas of bodies that FastAPI does not read itself."""
    found: Schemas = {}
    for route in routes:
        for dependency in route.dependant.dependencies if isinstance(route, BeatriceRoute) else ():
            if isinstance(dependency.call, JsonOrCsv):
                found |= dependency.call.components()
    return found


def put_defaults_into_words(schemas: Schemas) -> None:
    """Say in the description what an absent field means, instead of as `default`.

    A generator takes a field with a `default` for one that is always there (openapi-typescript), or sends it from then
    on, so that a default could never change; absent, the server's holds.
    """
    for schema in schemas.values():
        for name, field in schema.get("properties", {}).items():
            if "default" in field and name not in schema.get("required", ()):
                _describe(field, field.pop("default"))


def _describe(field: Document, default: object) -> None:
    if default is None:
        return  # null says so itself
    said = "empty" if default == "" else f"`{default if isinstance(default, str) else json.dumps(default)}`"
    told = field.get("description", "").removesuffix(".")
    field["description"] = f"{told}. If absent: {said}.".removeprefix(". ")
