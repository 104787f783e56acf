"""The OpenAPI document: every JSON body has an example that fits its schema; every key that is demanded is named."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema_rs
import pytest
from fastapi import FastAPI
from sqlalchemy import NullPool
from sqlalchemy.ext.asyncio import create_async_engine

from app.db import Database
from app.http import docs
from app.http.paths import shadows
from app.main import create_app
from tests.territory import routes


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    app: FastAPI = create_app(Database(create_async_engine("postgresql+psycopg://", poolclass=NullPool)))
    return app.openapi()


def json_bodies(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in document["paths"].values():
        for operation in path.values():
            described = [operation.get("requestBody", {})]
            described += [answer for status, answer in operation["responses"].items() if status.startswith("2")]
            for one in described:
                for kind, content in one.get("content", {}).items():
                    if kind == "application/json":
                        yield operation["operationId"], content


METHODS = {"get", "post", "put", "patch", "delete"}
COMPONENT = "#/components/schemas/"


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield f"{method} {path}", operation


def parts(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield a schema and all that it is made of."""
    if isinstance(schema, dict):
        yield schema
        for name, inner in schema.items():
            if name not in {"example", "examples", "default", "x-enumDescriptions"}:
                yield from parts(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from parts(inner)


def is_sentence(text: object) -> bool:
    return isinstance(text, str) and len(text) > 4 and "  " not in text


def test_everything_is_described(document: dict[str, Any]) -> None:
    bare: list[str] = []
    for name, schema in document["components"]["schemas"].items():
        for field, said in schema.get("properties", {}).items():
            bare += [f"{name}.{field}"] if not is_sentence(said.get("description")) else []
        for word in schema.get("enum", ()):
            bare += [f"{name}: {word}"] if not schema["x-enumDescriptions"].get(word) else []
    for where, operation in operations(document):
        for said, what in ((operation.get("summary"), "summary"), (operation.get("description"), "description")):
            bare += [f"{where}: {what}"] if not is_sentence(said) else []
        for parameter in operation.get("parameters", ()):
            bare += [f"{where}: {parameter['name']}"] if not is_sentence(parameter.get("description")) else []
        for status, answer in operation["responses"].items():
            bare += [f"{where}: {status}"] if not is_sentence(answer.get("description")) else []
    for name, header in document["components"]["headers"].items():
        bare += [name] if not is_sentence(header.get("description")) else []
    assert bare == []
    used = {tag for _where, operation in operations(document) for tag in operation["tags"]}
    assert {tag["name"] for tag in document["tags"] if is_sentence(tag["description"])} == used


def test_components_alone_have_titles_and_words(document: dict[str, Any]) -> None:
    """Of a title or an enumeration inside another schema each client generator makes a type of its own."""
    components = document["components"]["schemas"]
    assert [name for name, schema in components.items() if schema["title"] != name or "_" in name] == []
    inner = [part for schema in components.values() for part in parts({**schema, "title": None, "enum": None})]
    for _where, operation in operations(document):
        said = [one for one in operation.get("parameters", ()) if one["name"] != "order"]  # its words are fields' names
        inner += parts({**operation, "parameters": said})
    assert [part for part in inner if isinstance(part.get("title"), str) or isinstance(part.get("enum"), list)] == []


def test_cents_are_int64_and_every_integer_has_a_format(document: dict[str, Any]) -> None:
    formats = {
        (field.endswith("_cents"), part["format"])
        for schema in document["components"]["schemas"].values()
        for field, said in schema.get("properties", {}).items()
        for part in parts(said)
        if part.get("type") == "integer"
    }
    assert formats == {(True, "int64"), (False, "int64"), (False, "int32")}


def test_what_a_request_needs_is_said(document: dict[str, Any]) -> None:
    known = {route.operation_id: route for route in routes()}
    for where, operation in operations(document):
        route = known.get(operation["operationId"])
        public = route is None or route.access.permission == "public"
        assert (where, operation.get("security")) == (where, [] if public else None)
        matches = [one for one in operation.get("parameters", ()) if one["name"].lower() == "if-match"]
        needed = [("If-Match", True)] if where.startswith("patch ") else []
        assert (where, [(one["name"], one["required"]) for one in matches]) == (where, needed)
    assert document["security"] == [{"password": []}, {"bearer": []}]


def test_literal_paths_come_before_the_parameters_that_they_fit(document: dict[str, Any]) -> None:
    order = list(document["paths"])
    hidden = [(path, other) for n, path in enumerate(order) for other in order[n + 1 :] if shadows(path, other)]
    assert hidden == []
    assert shadows("/v1/companies/{company_id}/employees/{id}", "/v1/companies/{company_id}/employees/import")


async def test_a_literal_path_takes_its_own_methods_only(client: httpx.AsyncClient) -> None:
    path = "/v1/companies/org_01h455vb4pex5vsknk084sn02q/employees/import"
    answer = await client.patch(path, json={}, headers={"If-Match": '"1"'})
    assert (answer.status_code, "PATCH" in answer.headers["allow"]) == (405, False)


def test_links_lead_to_operations_and_name_their_parameters(document: dict[str, Any]) -> None:
    known = {operation["operationId"]: operation for _where, operation in operations(document)}
    links = {
        name: link
        for _where, operation in operations(document)
        for answer in operation["responses"].values()
        for name, link in answer.get("links", {}).items()
    }
    for link in links.values():
        wanted = {one["name"] for one in known[link["operationId"]].get("parameters", ()) if one["in"] == "path"}
        assert set(link.get("parameters", {})) == wanted
    assert {"booking_get", "booking_cancel", "booking_create", "grant_approve", "employee_get"} <= links.keys()


def test_the_document_says_whose_it_is(document: dict[str, Any]) -> None:
    info = document["info"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", info["version"])
    assert info["license"] == {"name": "EUPL-1.2", "identifier": "EUPL-1.2"}
    here = {"url": info["contact"]["url"].rstrip("/"), "description": "This installation", "x-sandbox": True}
    assert document["servers"] == [here]
    assert "employee1@orobia-stampi.example" in info["description"]
    assert "beatrice-demo-2026" not in docs.introduction(sandbox=False)


def test_every_json_body_has_an_example_that_fits(document: dict[str, Any]) -> None:
    bodies = list(json_bodies(document))
    assert len(bodies) > 100
    for operation_id, content in bodies:
        validator = jsonschema_rs.Draft202012Validator(
            {**content["schema"], "components": document["components"]}, validate_formats=True
        )
        errors = [error.message for error in validator.iter_errors(content["example"])]
        assert (operation_id, content["example"], errors) == (operation_id, content["example"], [])


def test_the_idempotency_key_is_a_parameter_where_it_is_demanded(document: dict[str, Any]) -> None:
    operations = {item["operationId"]: item for path in document["paths"].values() for item in path.values()}
    demanded = {route.operation_id for route in routes() if route.access.idempotent}
    named = {
        name
        for name, operation in operations.items()
        for parameter in operation.get("parameters", ())
        if (parameter["name"], parameter["in"], parameter["required"]) == ("Idempotency-Key", "header", True)
    }
    assert named == demanded
    assert len(demanded) > 15


def test_what_may_be_absent_has_its_default_in_words(document: dict[str, Any]) -> None:
    """As `default` it would be demanded by openapi-typescript's types and sent by other generators."""
    fields = [
        (name, field, described, schema.get("required", []))
        for name, schema in document["components"]["schemas"].items()
        for field, described in schema.get("properties", {}).items()
    ]
    assert [
        (name, field) for name, field, said, required in fields if "default" in said and field not in required
    ] == []
    said = {
        (name, field): described["description"] for name, field, described, _ in fields if "description" in described
    }
    assert said["EmployeeCreate", "contract"].endswith("If absent: `permanent`.")
    assert said["QuoteCreate", "credit"].endswith('If absent: `{"mode": "auto", "allow_fringe": false}`.')


def test_files_are_bytes_and_no_body_repeats_a_schema(document: dict[str, Any]) -> None:
    paths = document["paths"]
    importing = paths["/v1/companies/{company_id}/employees/import"]["post"]["requestBody"]["content"]
    assert importing["text/csv"]["schema"] == {"type": "string", "format": "binary"}
    paying = paths["/v1/operator/settlement_runs/{run_id}/payment_file"]["get"]["responses"]["200"]["content"]
    assert paying == {"application/xml": {"schema": {"type": "string", "format": "binary"}}}
    granting = paths["/v1/companies/{company_id}/grants"]["post"]["requestBody"]["content"]
    assert granting["application/json"]["schema"] == {"$ref": "#/components/schemas/GrantCreate"}
    assert "GrantLineCreate" in document["components"]["schemas"]
