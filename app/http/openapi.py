"""The OpenAPI document, finished: what the framework builds is bare, and the same things are said of every route here.

Titles belong to components only, enumerations are components of their own, integers have a format, parameters take
the words of their type, answers name their headers and lead on to the next call.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from app.http import links
from app.http.etag import IF_MATCH
from app.http.examples import Document
from app.http.headers import COMPONENTS, headers_of
from app.http.route import BeatriceRoute
from app.http.words import KNOWN

METHODS = frozenset({"get", "post", "put", "patch", "delete"})
SCHEMAS = "#/components/schemas/"
INT32 = 2**31 - 1
TOKEN_URL = "/v1/auth/token"  # noqa: S105 - an address
UNSECURED: list[dict[str, list[str]]] = []


def operations(document: Document) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield path, method and operation."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield path, method, operation


def finish(document: Document, routes: Iterable[BeatriceRoute]) -> None:
    """Say of everything what can be said of it in general."""
    known = {route.operation_id: route for route in routes}
    document["components"]["headers"] = COMPONENTS
    for _path, _method, operation in operations(document):
        route = known[operation["operationId"]]
        for parameter in operation.get("parameters", ()):
            _describe(parameter)
            _without_null(parameter)
        for status, answer in operation["responses"].items():
            if found := headers_of(route, int(status)):
                answer["headers"] = found
        if route.access.permission == "public":
            operation["security"] = UNSECURED
        if route.methods == {"PATCH"}:
            operation.setdefault("parameters", []).append(IF_MATCH)
    _secure(document)
    _refine(document)
    links.add_links(document)


def _secure(document: Document) -> None:
    """Name the two ways in; public routes say that they need none."""
    document["components"]["securitySchemes"] = {
        "password": {
            "type": "oauth2",
            "description": "A person's login: e-mail and password give a session token.",
            "flows": {"password": {"tokenUrl": TOKEN_URL, "scopes": {}}},
        },
        "bearer": {"type": "http", "scheme": "bearer", "description": "A session token or an API key."},
    }
    document["security"] = [{"password": []}, {"bearer": []}]


def _describe(parameter: dict[str, Any]) -> None:
    """Let a parameter that nobody describes have the words of its type."""
    schema = parameter["schema"]
    for variant in (schema, *schema.get("anyOf", ())):
        text = variant.pop("description", None)
        if text is not None:
            parameter.setdefault("description", text)


def _without_null(parameter: dict[str, Any]) -> None:
    """Say of a parameter only what can be sent: what is absent has no value, and null none that a URL could carry."""
    sendable = [variant for variant in parameter["schema"].get("anyOf", ()) if variant != {"type": "null"}]
    if len(sendable) == 1:
        parameter["schema"] = sendable[0]


def _refine(document: Document) -> None:
    components = document["components"]["schemas"]
    used: set[str] = set()
    for name, schema in list(components.items()):
        components[name] = {"title": name, **_refined(schema, "", used)}
    for _path, _method, operation in operations(document):
        for holder in _holders(operation):
            if "schema" in holder:
                holder["schema"] = _refined(holder["schema"], holder.get("name", ""), used)
    named = {words.name: words.described() for words in KNOWN.values() if words.name in used}
    if taken := named.keys() & components.keys():
        raise ValueError(f"an enumeration has the name of a schema: {sorted(taken)}")
    components.update(sorted(named.items()))


def _holders(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from operation.get("parameters", ())
    yield from operation.get("requestBody", {}).get("content", {}).values()
    for answer in operation["responses"].values():
        yield from answer.get("content", {}).values()


def _refined(schema: Any, name: str, used: set[str]) -> Any:  # noqa: ANN401 - JSON
    """Drop the title, name the enumeration, give an integer its format; all the way down."""
    if isinstance(schema, list):
        return [_refined(item, name, used) for item in schema]
    if not isinstance(schema, dict):
        return schema
    refined = {
        key: value if key in {"examples", "example", "default", "enum", "const"} else _refined(value, name, used)
        for key, value in schema.items()
        if key not in {"title", "properties"}
    }
    if isinstance(schema.get("title"), dict):  # a field of this name
        refined["title"] = _refined(schema["title"], "title", used)
    if "properties" in schema:
        refined["properties"] = {field: _refined(said, field, used) for field, said in schema["properties"].items()}
    if refined.get("type") == "integer":
        refined["format"] = "int64" if name.endswith("_cents") or refined.get("maximum", INT32 + 1) > INT32 else "int32"
    words = KNOWN.get(tuple(refined.get("enum", ())))
    if words is not None:
        used.add(words.name)
        kept = {key: value for key, value in refined.items() if key in {"description", "default", "examples"}}
        return {"$ref": SCHEMAS + words.name, **kept}
    return refined
