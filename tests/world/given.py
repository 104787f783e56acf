"""What people send, complete and valid: tests change what they are about."""

import json
from typing import Any, TypeVar

from pydantic import BaseModel

S = TypeVar("S", bound=BaseModel)
ALBINO = "016004"
PASSWORD = "quattro gatti sul tetto rosso"
EMPLOYEE: dict[str, Any] = {
    "given_name": "Anna",
    "family_name": "Esempio",
    "fiscal_code": "RCCMNL83S18D969H",
    "category": "operai",
    "hired_on": "2020-01-15",
}
RELATIVE: dict[str, Any] = {
    "given_name": "Maria",
    "family_name": "Esempio",
    "relation": "parent",
    "birth_date": "1946-03-01",
    "phone": "+39035111111",
    "address": {"street": "Via Mazzini 2", "postcode": "24021", "istat_code": ALBINO},
    "cohabitation": [{"from": "2020-01-01", "to": None}],
}
PROGRAMME: dict[str, Any] = {
    "name": "Welfare 2026",
    "source": "on_top",
    "employee_category": "operai",
    "rule_codes": ["C2_F_TER"],
    "lot_expires_on": "2026-12-31",
    "expired_credit_to": "solidarity_fund",
}
OFFERING: dict[str, Any] = {
    "name": "Assistenza domiciliare",
    "description": "Igiene, pasti e compagnia a casa",
    "category": "home_help",
    "mode": "home_visit",
    "unit": "visit",
    "price_cents": 22_50,
    "vat_code": "vat_5",
    "service_area": [ALBINO],
    "confirmation": "provider",
    "response_hours": 48,
}

RECEIPT: dict[str, Any] = {
    "category": "physiotherapy",
    "issuer_name": "Studio Fisio",
    "issuer_code": "01234567897",
    "number": "FT 12/2026",
    "document_date": "2026-11-23",
    "total_cents": 40_00,
    "amount_cents": 40_00,
    "iban": "IT60 X054 2811 1010 0000 0123 456",
}
PDF = b"%PDF-1.4\n1 0 obj <</Type /Catalog /OpenAction [1 0 R /Fit]>> endobj\nstartxref\n9\n%%EOF\n"


def sent(schema: type[S], body: dict[str, Any], **changes: Any) -> S:
    """Read it as a route would."""
    return schema.model_validate_json(json.dumps(body | changes, default=str))
