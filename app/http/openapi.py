"""The OpenAPI document, finished: what the framework builds is bare, and the same things are said of every route here.

Titles belong to components only, enumerations are components of their own, integers have a format, parameters take
the words of their type, answers name their headers and lead on to the next call.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from app.http import links
from app.http.body import MERGE_PATCH
from app.http.etag import IF_MATCH
from app.http.examples import Document
from app.http.headers import COMPONENTS, headers_of
from app.http.route import BeatriceRoute
from app.http.words import KNOWN

METHODS = frozenset({"get", "post", "put", "patch", "delete"})
SCHEMAS = "#/components/schemas/"
VALUES = frozenset({"examples", "example", "default", "enum", "const"})
"""What in a schema is no schema."""
INT32 = 2**31 - 1
API_ID = "beatrice"
TOKEN_URL = "/v1/auth/token"  # noqa: S105 - an address
UNSECURED: list[dict[str, list[str]]] = []


def operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    """Yield path, method and operation."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield path, method, operation


def finish(document: Document, routes: Iterable[BeatriceRoute]) -> None:
    """Say of everything what can be said of it in general."""
    known = {str(route.operation_id): route for route in routes}
    document["components"]["headers"] = COMPONENTS
    for _path, _method, operation in operations(document):
        route = known.get(operation["operationId"])
        for parameter in operation.get("parameters", ()):
            _describe(parameter)
            _without_null(parameter)
        _prefer_merge_patch(operation)
        if route is None or route.access.permission == "public":
            operation["security"] = UNSECURED
        if route is not None:
            _say_headers(operation, route)
    _secure(document)
    _identify(document)
    _refine(document)
    links.add_links(document)


def _say_headers(operation: Document, route: BeatriceRoute) -> None:
    """Name the headers of answers, and the one that a change needs."""
    for status, answer in operation["responses"].items():
        if found := headers_of(route, int(status)):
            answer["headers"] = found
    if route.methods == {"PATCH"}:
        operation.setdefault("parameters", []).append(IF_MATCH)


def _identify(document: Document) -> None:
    """Give the document what catalogues of public APIs ask for: the summary under their own name, and an id."""
    document["info"]["x-summary"] = document["info"]["summary"]
    document["info"]["x-api-id"] = API_ID


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


def _describe(parameter: Document) -> None:
    """Let a parameter that nobody describes have the words of its type."""
    schema = parameter["schema"]
    for variant in (schema, *schema.get("anyOf", ())):
        text = variant.pop("description", None)
        if text is not None:
            parameter.setdefault("description", text)


def _prefer_merge_patch(operation: Document) -> None:
    """Name RFC 7396's media type alone where it is taken besides JSON: it says that absent keeps and null clears."""
    content = operation.get("requestBody", {}).get("content", {})
    if MERGE_PATCH in content:
        content.pop("application/json", None)


def _without_null(parameter: Document) -> None:
    """Say of a parameter only what can be sent: what is absent has no value, and null none that a URL could carry."""
    sendable = [variant for variant in parameter["schema"].get("anyOf", ()) if variant != {"type": "null"}]
    if len(sendable) == 1:
        parameter["schema"] = sendable[0]


def _refine(document: Document) -> None:
    components = document["components"]["schemas"]
    refiner = Refiner({SCHEMAS + name: SCHEMAS + _name(name, schema) for name, schema in components.items()})
    named = {_name(name, schema): refiner.refined(schema, "") for name, schema in components.items()}
    for _path, _method, operation in operations(document):
        for holder in _holders(operation):
            if "schema" in holder:
                holder["schema"] = refiner.refined(holder["schema"], holder.get("name", ""))
    words = {words.name: words.described() for words in KNOWN.values() if words.name in refiner.words}
    if taken := named.keys() & words.keys():
        raise ValueError(f"an enumeration has the name of a schema: {sorted(taken)}")
    document["components"]["schemas"] = {
        **{name: {"title": name, **schema} for name, schema in named.items()},
        **dict(sorted(words.items())),
    }


def _name(name: str, schema: Document) -> str:
    """Return the schema's own name where the framework made one of a generic's parts: `BookingPage`."""
    return str(schema["title"]) if name.endswith("_") else name


def _holders(operation: Document) -> Iterator[Document]:
    yield from operation.get("parameters", ())
    yield from operation.get("requestBody", {}).get("content", {}).values()
    for answer in operation["responses"].values():
        yield from answer.get("content", {}).values()


@dataclass
class Refiner:
    """Drops titles, names enumerations, gives integers a format, all the way down."""

    renamed: dict[str, str]
    """By reference."""
    words: set[str] = field(default_factory=set)
    """The names of the enumerations that were met."""

    def refined(self, schema: Any, name: str) -> Any:  # noqa: ANN401 - JSON
        """Return a schema as it is published; `name` is the field's that it is of."""
        if isinstance(schema, list):
            return [self.refined(item, name) for item in schema]
        if not isinstance(schema, dict):
            return schema
        refined = {
            key: value if key in VALUES else self.refined(value, name)
            for key, value in schema.items()
            if key not in {"title", "properties"}
        }
        if "$ref" in refined:
            refined["$ref"] = self.renamed.get(refined["$ref"], refined["$ref"])
        if "properties" in schema:
            refined["properties"] = {part: self.refined(said, part) for part, said in schema["properties"].items()}
        if refined.get("type") == "integer":
            wide = name.endswith("_cents") or refined.get("maximum", INT32 + 1) > INT32
            refined["format"] = "int64" if wide else "int32"
        elif refined.get("type") == "number":
            refined["format"] = "double"
        return self._named(refined)

    def _named(self, refined: Document) -> Document:
        """Refer to the component of an enumeration, keeping what is said of this use of it."""
        words = KNOWN.get(tuple(refined.get("enum", ())))
        if words is None:
            return refined
        self.words.add(words.name)
        kept = {key: value for key, value in refined.items() if key in {"description", "default", "examples"}}
        return {"$ref": SCHEMAS + words.name, **kept}
