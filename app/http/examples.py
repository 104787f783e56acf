"""One example for every JSON body of the OpenAPI document, made from its schema, so that none can be out of date."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.http.body import MERGE_PATCH

Schema = Mapping[str, Any]
Document = dict[str, Any]
"""OpenAPI, as the framework builds it."""
TEXTS: dict[str, str] = {
    "text": "Buongiorno, la visita del 1 dicembre è confermata.",
    "subject": "Una prenotazione è confermata",
    "source": "normattiva.it",
    "reason": "Per la cura di un familiare anziano.",
    "programme_name": "Welfare 2026",
    "payee_name": "Cooperativa Serio",
    "organisation_name": "Orobia Stampi",
    "object_kind": "booking",
    "number": "2026/1",
    "note": "Il citofono non funziona: suonare al vicino.",
    "network_name": "ATS Bergamo",
    "lead_organisation_name": "Ambito di Albino",
    "detail": "must be greater than 0",
    "description": "Un aiuto a casa nelle cose di ogni giorno.",
    "code": "allowed",
    "basis": "Regolamento aziendale",
    "alliance_name": "Beatrice - Valle Seriana e Val di Scalve",
    "access_token": "bea_ses_9f86d081884c7d659a2feaa0c55ad015",
    "access_notes": "Secondo piano, il campanello non funziona",
    "address": "Via Roma",
    "agreement_code": "C011",
    "category": "home_help",
    "cause_code": "W510",
    "citation": "art. 51 c. 2 lett. f-ter TUIR",
    "company_name": "Orobia Stampi",
    "content_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "country": "IT",
    "delta_of": "2026-10",
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
    "provider_tax_code": "03456780164",
    "provider_phone": "+39 035 0000000",
    "province": "BG",
    "rule_code": "C2_F_TER",
    "status": "confirmed",
    "scopes": "bookings:read",
    "service_area": "016004",
    "street": "Via Roma",
    "street_number": "1",
    "tax_code": "09991010165",
    "to": "anna@orobia-stampi.example",
    "town": "Albino",
    "username": "employee1@orobia-stampi.example",
}
TIMES: dict[str, str] = {
    "birth_date": "1980-05-12",
    "ends_at": "2026-12-01T08:50:00Z",
    "expires_at": "2026-12-01T08:15:00Z",
    "expires_on": "2027-05-31",
    "free_until": "2026-11-30T08:00:00Z",
    "lot_expires_on": "2027-05-31",
    "to": "2027-11-30",
    "valid_to": "2027-11-30",
}
"""What comes after the day that other dates of an example have."""
OTHER_TEXT = "testo"
CENTS = 22_50
NUMBERS: dict[str, int] = {
    "captured_cents": 0,
    "expired_cents": 0,
    "fee_own_money_cents": 0,
    "free_until_hours": 24,
    "held_cents": 0,
    "late_fee_bps": 5_000,
    "max_age": 99,
    "no_show_fee_bps": 10_000,
    "own_money_cents": 0,
    "own_money_due_cents": 0,
    "refunded_cents": 0,
    "response_hours": 48,
    "returned_cents": 0,
    "shortfall_cents": 0,
    "subsidy_cents": 0,
    "value": 15,
}
"""So that the sums of an example add up, and its terms are usual ones."""


Ids = Mapping[str, str]
"""By the name of the parameter or field: objects that exist, where there is a demo world."""


def add_examples(document: Document, ids: Ids) -> None:
    """Give each JSON request and successful answer its example, each id in a path an object that exists."""
    made = Examples(document["components"]["schemas"], ids)
    for path in document["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path":
                    parameter["example"] = made.of(parameter["schema"], parameter["name"], whole=True)
            made.add(operation.get("requestBody", {}), whole=False)
            for status, answer in operation["responses"].items():
                if status.startswith("2"):
                    made.add(answer, whole=True)


@dataclass(frozen=True)
class Examples:
    """Makes values that fit their schemas."""

    schemas: Schema
    ids: Ids

    def add(self, described: Document, *, whole: bool) -> None:
        """Give each JSON content its example; a request fills only what must be sent, an answer everything."""
        for kind, content in described.get("content", {}).items():
            if kind in {"application/json", MERGE_PATCH, "application/x-www-form-urlencoded"}:
                content["example"] = self.of(content["schema"], "", whole=whole)

    def of(self, schema: Schema, name: str, *, whole: bool) -> object:
        """Return a value that fits; `whole` fills optional fields too."""
        example: object
        match schema:
            case {"pattern": pattern} if name in self.ids and re.fullmatch(pattern, self.ids[name]):
                example = self.ids[name]
            case {"format": "date" | "date-time"} if name in TIMES:
                example = TIMES[name]
            case {"examples": [example, *_]} | {"const": example} | {"enum": [example, *_]}:
                pass
            case {"$ref": reference}:
                example = self.of(self.schemas[reference.rpartition("/")[2]], name, whole=whole)
            case {"anyOf": variants}:
                filled = next(variant for variant in variants if variant.get("type") != "null")
                example = None if name in {"next_cursor", "prev_cursor"} else self.of(filled, name, whole=whole)
            case {"type": "object"}:
                example = self._object(schema, whole=whole)
            case {"type": "array", "items": items}:
                example = [self.of(items, name, whole=whole)]
            case {"type": "integer"}:
                example = _integer(schema, name)
            case {"type": "boolean"}:
                example = True
            case _:
                example = TEXTS.get(name, OTHER_TEXT)
        return example

    def _object(self, schema: Schema, *, whole: bool) -> dict[str, object]:
        fields = schema.get("properties", {})
        sent = list(fields) if whole else schema.get("required") or list(fields)[:1]
        return {name: self.of(fields[name], name, whole=whole) for name in sent}


def _integer(schema: Schema, name: str) -> int:
    wanted = NUMBERS.get(name, CENTS if name.endswith("_cents") else 0)
    return int(min(max(wanted, schema.get("minimum", wanted)), schema.get("maximum", wanted)))
