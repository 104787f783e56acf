"""Bad input on every route that takes it: the exact class, nothing stored, nothing echoed, never a 5xx."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app import ids
from app.edge.permissions import PERSON, ROLE_PERMISSIONS
from app.edge.route import METHODS_WITH_BODY
from app.http.route import BeatriceRoute
from tests import territory
from tests.territory import Side, Territory, method_of, routes

CANARY = "Zyxwv-Echo-47"
JSON = {"Content-Type": "application/json"}
WITH_BODY = [route for route in routes() if route.methods & METHODS_WITH_BODY]
JSON_ROUTES = [route for route in WITH_BODY if route.access.body in {"json", "json_or_csv"}]
ROLES_OF = {
    "company": territory.COMPANY_ROLES,
    "provider": territory.PROVIDER_ROLES,
    "organisation": (*territory.PROVIDER_ROLES, "hr_approver", "admin"),
    "alliance": territory.ALLIANCE_ROLES,
    "operator": territory.OPERATOR_ROLES,
    "sandbox": territory.OPERATOR_ROLES,
}


def named(group: list[BeatriceRoute]) -> list[Any]:
    return [pytest.param(route, id=str(route.operation_id)) for route in group]


def entitled(route: BeatriceRoute, side: Side) -> dict[str, str]:
    """Headers of somebody who may call the route."""
    if route.access.permission in PERSON:
        return {} if route.access.permission == "public" else side.headers["employee"]
    for role in ROLES_OF[route.audience.name]:
        if route.access.permission in ROLE_PERMISSIONS[role]:
            return side.headers[role]
    raise AssertionError(route.operation_id)


def path_of(route: BeatriceRoute, side: Side) -> str:
    """The route's path on this side; who approves has her members in the company."""
    approving = (
        {"organisation_id": side.company.public_id} if route.access.permission == "role_confirmations:write" else {}
    )
    return territory.fill(route.path, side.ids | approving, side.organisation_of(route.path))


def extra(route: BeatriceRoute, number: int = 0) -> dict[str, str]:
    headers = {"If-Match": '"1"'} if "PATCH" in route.methods else {}
    return headers | ({"Idempotency-Key": f"bad-{number}"} if route.access.idempotent else {})


def refused(answer: httpx.Response, status: int, code: str | None = None) -> dict[str, Any]:
    assert answer.status_code == status, (answer.status_code, answer.text[:500])
    assert answer.headers["content-type"] == "application/problem+json"
    assert CANARY[:5].lower() not in (answer.text + str(answer.headers)).lower()
    body: dict[str, Any] = answer.json()
    assert code is None or body["code"] == code
    return body


# Bodies


UNREADABLE = {
    "truncated": b'{"note": "' + CANARY.encode(),
    "bare word": CANARY.encode(),
    "deep": b"[" * 30_000,
    "deep and closed": b'{"a":' * 40 + b"1" + b"}" * 40,
    "duplicate key": b'{"note": 1, "note": "' + CANARY.encode() + b'"}',
    "NaN": b'{"note": NaN}',
    "Infinity": b'{"note": -Infinity}',
    "1e309": b'{"note": 1e309}',
    "5,000 digits": b'{"note": ' + b"9" * 5_000 + b"}",
    "byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"note": "x"}'.encode("utf-16"),
    "invalid UTF-8": b'{"note": "\xff\xfe"}',
    "raw control": b'{"note": "a\x01b"}',
    "trailing comma": b'{"note": 1,}',
    "two values": b"{} {}",
    "comment": b"{} // x",
    "leading zero": b'{"note": 01}',
    "single quotes": b"{'note': 1}",
}
UNACCEPTABLE = {
    "lone surrogate": b'{"note": "\\ud800"}',
    "NUL": b'{"note": "a\\u0000b"}',
    "NUL in a key": b'{"a\\u0000b": 1}',
    "unknown field": json.dumps({CANARY: CANARY}).encode(),
    "known troublemakers": b'{"__proto__": {"is_admin": true}, "constructor": 1, "is_admin": true}',
    "long key": json.dumps({CANARY + "x" * 10_000: 1}).encode(),
    "array": b"[]",
    "string": json.dumps(CANARY).encode(),
    "number": b"5",
    "null": b"null",
}


@pytest.mark.parametrize("route", named(JSON_ROUTES))
async def test_bad_bodies(route: BeatriceRoute, sides: Territory, land_client: httpx.AsyncClient) -> None:
    path, headers = path_of(route, sides.a), entitled(route, sides.a)
    method = method_of(route)

    async def send(content: Any, kind: dict[str, str]) -> httpx.Response:
        return await land_client.request(method, path, content=content, headers=headers | extra(route) | kind)

    for name, content in UNREADABLE.items():
        answer = await send(content, JSON)
        assert (name, answer.status_code) == (name, 400), answer.text
        refused(answer, 400, "malformed_body")
    for name, content in UNACCEPTABLE.items():
        if name == "null" and route.body_field is not None and not route.body_field.field_info.is_required():
            continue  # no body at all is fine there
        answer = await send(content, JSON)
        assert (name, answer.status_code) == (name, 422), answer.text
        refused(answer, 422, "invalid")
    for kind in ({"Content-Type": "text/plain"}, {"Content-Type": "application/x-www-form-urlencoded"}, {}):
        refused(await send(CANARY.encode(), kind), 415, "unsupported_media_type")
    for coding in ("gzip", "br", "deflate", "identity, gzip"):
        refused(await send(b"{}", JSON | {"Content-Encoding": coding}), 415, "unsupported_media_type")
    too_large = b" " * (route.access.max_bytes + 1)
    refused(await send(too_large, JSON), 413, "body_too_large")
    refused(await send(in_pieces(too_large), JSON), 413, "body_too_large")
    if route.body_field is not None and route.body_field.field_info.is_required():
        refused(await send(b"", JSON), 400, "malformed_body")


async def in_pieces(content: bytes) -> AsyncIterator[bytes]:
    """Without a Content-Length."""
    for start in range(0, len(content), 16_384):
        yield content[start : start + 16_384]


# Fields


@pytest.fixture(scope="module")
def openapi(built_app: FastAPI) -> dict[str, Any]:
    return built_app.openapi()


def schema_of(openapi: dict[str, Any], route: BeatriceRoute) -> dict[str, Any]:
    operation = openapi["paths"][route.path][method_of(route).lower()]
    content = operation.get("requestBody", {}).get("content", {})
    found: dict[str, Any] = content.get("application/json", {}).get("schema", {})
    return found


def leaves(
    openapi: dict[str, Any], schema: dict[str, Any], place: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], dict[str, Any], bool]]:
    """Yield the place, schema and nullability of every field; `*` stands for the items of a list."""
    if "$ref" in schema:
        schema = openapi["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    variants = [*schema.get("anyOf", []), *schema.get("oneOf", []), *schema.get("allOf", [])]
    nullable = any(variant.get("type") == "null" for variant in variants)
    for variant in variants:
        if variant.get("type") != "null":
            for where, found, empty in leaves(openapi, variant, place):
                yield where, found, empty or (nullable and where == place)
    if schema.get("type") == "object" and "properties" in schema:
        for name, inner in schema["properties"].items():
            yield from leaves(openapi, inner, (*place, name))
    elif schema.get("type") == "array":
        yield from leaves(openapi, schema["items"], (*place, "*"))
    elif not variants:
        yield place, schema, False


def wrap(place: tuple[str, ...], literal: str) -> bytes:
    """Build a body that holds one raw JSON value at a place and nothing else."""
    for part in reversed(place):
        literal = f"[{literal}]" if part == "*" else f"{{{json.dumps(part)}: {literal}}}"
    return literal.encode()


BAD_INTEGERS = ("5.0", '"5"', "true", "1e2", '"1_000"', '"\\u0665"', "[]", "{}", str(2**63), str(-(2**63) - 1), "0.001")
BAD_INSTANTS = (
    "2026-12-01T09:00:00",
    "2026-03-29T02:30:00",
    "2026-10-25T02:30:00",
    "1764579600",
    "2026-02-30T09:00:00Z",
    "2026-12-01T24:00:00Z",
    "2026-12-01T09:60:00Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "2026-12-01",
    "",
)
BAD_DAYS = (
    "2026-02-30",
    "2026-13-01",
    "2026-W01-1",
    "20261201",
    "01/12/2026",
    "0001-01-01",
    "9999-12-31",
    "2026-12-01T00:00:00Z",
    "",
)


def bad_values(schema: dict[str, Any], *, nullable: bool) -> Iterator[str]:
    """Yield JSON literals that a field must refuse."""
    kind = schema.get("type")
    if not nullable and kind in {"integer", "boolean"}:
        yield "null"
    if kind == "integer":
        yield from BAD_INTEGERS
        yield from (str(bound) for bound in beyond(schema))
    elif kind == "boolean":
        yield from ("1", "0", '"true"', '"yes"')
    elif kind == "string":
        yield from ("5", "true", "[]", "{}")
        yield from (json.dumps(text) for text in bad_texts(schema))


def beyond(schema: dict[str, Any]) -> Iterator[int]:
    """Yield what lies one step outside the bounds."""
    if "maximum" in schema:
        yield schema["maximum"] + 1
    if "minimum" in schema:
        yield schema["minimum"] - 1


def bad_texts(schema: dict[str, Any]) -> Iterator[str]:
    if "enum" in schema or "const" in schema:
        yield from (CANARY, "", str(schema.get("enum", ["x"])[0]).upper() + " ")
    elif schema.get("format") == "date-time":
        yield from BAD_INSTANTS
    elif schema.get("format") == "date":
        yield from BAD_DAYS
    elif str(schema.get("pattern", "")).endswith("_[0-7][0-9a-hjkmnp-tv-z]{25}$"):
        yield from bad_ids(str(schema["pattern"])[1:4])
    elif "maxLength" in schema:
        yield "x" * (schema["maxLength"] + 1)


def bad_ids(prefix: str) -> Iterator[str]:
    value = ids.new_id()
    other = "emp" if prefix != "emp" else "org"
    right = ids.encode(prefix, value)
    yield from (
        ids.encode(other, value),
        str(value),
        f"urn:uuid:{value}",
        f"{{{value}}}",
        right.upper(),
        right + "0",
        right[:-1],
        f" {right}",
        f"{right}\n",
        "../../etc/passwd",
        CANARY,
        "",
    )


@pytest.mark.parametrize("route", named(JSON_ROUTES))
async def test_bad_values_of_every_field(
    route: BeatriceRoute, sides: Territory, land_client: httpx.AsyncClient, openapi: dict[str, Any]
) -> None:
    """One field at a time: 422 whose pointer names it."""
    path, headers = path_of(route, sides.a), entitled(route, sides.a) | extra(route) | JSON
    for place, schema, nullable in leaves(openapi, schema_of(openapi, route)):
        for literal in bad_values(schema, nullable=nullable):
            answer = await land_client.request(method_of(route), path, content=wrap(place, literal), headers=headers)
            case = (route.operation_id, place, literal[:60], answer.status_code)
            assert answer.status_code == 422, (case, answer.text[:300])
            pointers = [error["pointer"] for error in refused(answer, 422, "invalid")["errors"]]
            field = [part for part in place if part != "*"][-1]
            assert any(f"/{field}" in pointer for pointer in pointers), (case, pointers)


def test_money_and_time_are_among_the_fields(openapi: dict[str, Any]) -> None:
    """Otherwise the walk above has lost its way."""
    found = [
        (place, schema)
        for route in JSON_ROUTES
        for place, schema, _ in leaves(openapi, schema_of(openapi, route))
        if place
    ]
    money = [schema for place, schema in found if place[-1].endswith("_cents")]
    assert len(money) >= 5
    assert {schema["type"] for schema in money} == {"integer"}
    assert {schema["maximum"] for schema in money} == {100_000_000}
    assert {schema["minimum"] for schema in money} <= {0, 1, -100_000_000}  # the last: what payroll takes back
    assert len([1 for _, schema in found if schema.get("format") == "date-time"]) >= 3
    assert len([1 for _, schema in found if schema.get("format") == "date"]) >= 8
    unbounded = [
        place
        for place, schema in found
        if schema.get("type") == "string" and not {"maxLength", "pattern", "format", "enum", "const"} & set(schema)
    ]
    assert unbounded == []


# Paths, headers, queries


MALFORMED = (
    "x",
    "%7Bid%7D",
    "%2e%2e%2f%2e%2e%2fetc",
    "..%5c",
    "%F0%9F%92%A9",
    "urn:uuid:0190163d-8694-739b-aea5-966c26f8ad90",
)


@pytest.mark.parametrize(
    "route", named([route for route in routes() if method_of(route) == "GET" and "{" in route.path])
)
async def test_bad_ids_in_paths(route: BeatriceRoute, sides: Territory, land_client: httpx.AsyncClient) -> None:
    """A malformed id is 422 (of a tenant: 404), one of another type is 404; nothing is repeated."""
    headers = entitled(route, sides.a)
    for name, value in sides.a.ids.items():
        if "{" + name + "}" not in route.path:
            continue
        other = "emp" if not value.startswith("emp") else "org"
        for text in (
            *MALFORMED,
            CANARY,
            ids.encode(other, ids.new_id()),
            value.upper(),
            value + "0",
            "%00",
            value + "%0a",
        ):
            path = route.path.replace("{" + name + "}", text)
            answer = await land_client.get(sides.a.path(path), headers=headers)
            expected = {404} if name == route.audience.tenant or text.startswith((other, "%00")) else {404, 422}
            assert answer.status_code in expected, (route.operation_id, name, text, answer.text)
            refused(answer, answer.status_code)


@pytest.mark.parametrize("route", named([route for route in routes() if "PATCH" in route.methods]))
async def test_bad_preconditions(route: BeatriceRoute, sides: Territory, land_client: httpx.AsyncClient) -> None:
    path, headers = path_of(route, sides.a), entitled(route, sides.a)
    refused(await land_client.patch(path, json={}, headers=headers), 428, "precondition_required")
    for value in ("*", 'W/"1"', "1", '"1", "2"', '""', "", '"-1"', '"1.0"', '"' + "9" * 30 + '"'):
        answer = await land_client.patch(path, json={}, headers=headers | {"If-Match": value})
        refused(answer, 400, "malformed_precondition")
    for value in ('"abc"', '"0"', '"999"', '"2147483648"', '"999999999999999999"'):
        answer = await land_client.patch(path, json={}, headers=headers | {"If-Match": value})
        assert answer.status_code in {412, 422}, (value, answer.text)


@pytest.mark.parametrize("route", named([route for route in routes() if route.access.idempotent]))
async def test_bad_idempotency_keys(route: BeatriceRoute, sides: Territory, land_client: httpx.AsyncClient) -> None:
    path, headers = path_of(route, sides.a), list(entitled(route, sides.a).items())
    values: tuple[list[str | bytes], ...] = ([], [""], ['""'], ["x" * 256], ["caf\u00e9".encode()], ["a", "b"])
    for keys in values:
        given = [*headers, *(("Idempotency-Key", key) for key in keys)]
        answer = await land_client.request(method_of(route), path, json={}, headers=given)  # type: ignore[arg-type]
        refused(answer, 400, "idempotency_key_missing")


@pytest.mark.parametrize("route", named([route for route in routes() if method_of(route) == "GET"]))
async def test_bad_queries(
    route: BeatriceRoute, sides: Territory, land_client: httpx.AsyncClient, openapi: dict[str, Any]
) -> None:
    path, headers = path_of(route, sides.a), entitled(route, sides.a)

    async def get(name: str, value: str) -> httpx.Response:
        return await land_client.get(path, params=[(name, value)], headers=headers)

    refused(await get(CANARY, CANARY), 422, "invalid")
    for parameter in openapi["paths"][route.path]["get"].get("parameters", []):
        if parameter["in"] != "query":
            continue
        name = parameter["name"]
        if name not in route.repeatable:
            repeated = await land_client.get(path, params=[(name, "1"), (name, "1")], headers=headers)
            refused(repeated, 400, "repeated_parameter")
        for _, schema, _ in leaves(openapi, parameter["schema"]):
            for value in bad_parameters(schema) if name != "cursor" else ():
                assert (name, value, (await get(name, value)).status_code) == (name, value, 422)
        for value in BAD_CURSORS if name == "cursor" else ():
            refused(await get(name, value), 400, "bad_cursor")
        for value in ("%", "_", "%%%%____", "(a+)+$", "'; --", "\\", '"', "\u202e", "x" * 90):
            answer = await get(name, value)
            assert answer.status_code in {200, 400, 404, 409, 422}, (name, value, answer.text)


BAD_CURSORS = ("x", CANARY, "A" * 80, "%%%", "\u00e9", "[]")


def bad_parameters(schema: dict[str, Any]) -> Iterator[str]:
    """Yield texts that a query parameter must refuse."""
    yield "a\x00b"
    if schema.get("type") == "integer":
        yield from ("5.0", "1e2", "true", "x", "", "1_0", str(2**70), "-9999999999", "\u0665")
        yield from (str(bound) for bound in beyond(schema))
    elif schema.get("type") == "string":
        yield from bad_texts(schema)
