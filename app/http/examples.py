"""One example for every JSON body of the OpenAPI document, made from its schema, so that none can be out of date."""

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]
Document = dict[str, Any]
"""OpenAPI, as the framework builds it."""
TEXTS: dict[str, str] = {
    "address": "Via Roma",
    "agreement_code": "C011",
    "category": "home_help",
    "citation": "art. 51 c. 2 lett. f-ter TUIR",
    "company_name": "Orobia Stampi",
    "content_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "country": "IT",
    "email": "anna@orobia-stampi.example",
    "employee_category": "operai",
    "external_id": "OS0001",
    "family_name": "Esempio",
    "fiscal_code": "SMPNNA88E52A163P",
    "given_name": "Anna",
    "iban": "IT60X0542811101000000123456",
    "istat_code": "016004",
    "kind": "company_account",
    "municipalities": "016004",
    "name": "Assistenza domiciliare",
    "name_en": "Home help",
    "offering_name": "Assistenza domiciliare",
    "phone": "+39 035 0000000",
    "postcode": "24021",
    "provider_name": "Cooperativa Serio",
    "provider_phone": "+39 035 0000000",
    "province": "BG",
    "rule_code": "C2_F_TER",
    "scopes": "bookings:read",
    "service_area": "016004",
    "street": "Via Roma",
    "street_number": "1",
    "tax_code": "09991010165",
    "to": "anna@orobia-stampi.example",
    "town": "Albino",
    "username": "employee1@orobia-stampi.example",
}
OTHER_TEXT = "testo"
CENTS = 22_50


def add_examples(document: Document) -> None:
    """Give each JSON request and successful answer its example."""
    schemas = document["components"]["schemas"]
    for path in document["paths"].values():
        for operation in path.values():
            _add(operation.get("requestBody", {}), schemas, whole=False)
            for status, answer in operation["responses"].items():
                if status.startswith("2"):
                    _add(answer, schemas, whole=True)


def _add(described: Document, schemas: Schema, *, whole: bool) -> None:
    for kind, content in described.get("content", {}).items():
        if kind in {"application/json", "application/x-www-form-urlencoded"}:
            content["example"] = example_of(content["schema"], schemas, whole=whole)


def example_of(schema: Schema, schemas: Schema, name: str = "", *, whole: bool) -> object:
    """Return a value that fits; `whole` fills optional fields too, otherwise only what must be sent."""
    example: object
    match schema:
        case {"examples": [example, *_]} | {"const": example} | {"enum": [example, *_]}:
            pass
        case {"$ref": reference}:
            example = example_of(schemas[reference.rpartition("/")[2]], schemas, name, whole=whole)
        case {"anyOf": variants}:
            filled = next(variant for variant in variants if variant.get("type") != "null")
            example = None if name in {"next_cursor", "prev_cursor"} else example_of(filled, schemas, name, whole=whole)
        case {"type": "object"}:
            example = _object(schema, schemas, whole=whole)
        case {"type": "array", "items": items}:
            example = [example_of(items, schemas, name, whole=whole)]
        case {"type": "integer"}:
            example = _integer(schema, name)
        case {"type": "boolean"}:
            example = True
        case _:
            example = TEXTS.get(name, OTHER_TEXT)
    return example


def _object(schema: Schema, schemas: Schema, *, whole: bool) -> dict[str, object]:
    fields = schema.get("properties", {})
    sent = list(fields) if whole else schema.get("required") or list(fields)[:1]
    return {name: example_of(fields[name], schemas, name, whole=whole) for name in sent}


def _integer(schema: Schema, name: str) -> int:
    wanted = CENTS if name.endswith("_cents") else 0
    return int(min(max(wanted, schema.get("minimum", wanted)), schema.get("maximum", wanted)))
