"""The OpenAPI document: every JSON body has an example that fits its schema; every key that is demanded is named."""

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from fastapi import FastAPI
from sqlalchemy import NullPool
from sqlalchemy.ext.asyncio import create_async_engine

from app.db import Database
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
    assert said["QuoteCreate", "credit"].endswith('If absent: `{"mode": "auto"}`.')


def test_files_are_bytes_and_no_body_repeats_a_schema(document: dict[str, Any]) -> None:
    paths = document["paths"]
    importing = paths["/v1/companies/{company_id}/employees/import"]["post"]["requestBody"]["content"]
    assert importing["text/csv"]["schema"] == {"type": "string", "format": "binary"}
    paying = paths["/v1/operator/settlement_runs/{run_id}/payment_file"]["get"]["responses"]["200"]["content"]
    assert paying == {"application/xml": {"schema": {"type": "string", "format": "binary"}}}
    granting = paths["/v1/companies/{company_id}/grants"]["post"]["requestBody"]["content"]
    assert granting["application/json"]["schema"] == {"$ref": "#/components/schemas/GrantCreate"}
    assert "GrantLineCreate" in document["components"]["schemas"]
