"""The journey with the client that openapi-generator makes for Python: EMAIL CSV PAYMENT_FILE; prints what it did."""

import json
import os
import sys
from pathlib import Path
from uuid import uuid4

from pydantic_client import ApiClient, CompanyApi, Configuration, EmployeeApi, OperatorApi, PublicApi, SessionApi
from pydantic_client.models.booking_create import BookingCreate
from pydantic_client.models.quote_create import QuoteCreate

URL = os.environ["BEATRICE_URL"]
PASSWORD = "beatrice-demo-2026"


def log_in(email: str) -> ApiClient:
    token = SessionApi(ApiClient(Configuration(host=URL))).token_create(email, PASSWORD)
    return ApiClient(Configuration(host=URL, access_token=token.access_token))


def book(email: str) -> dict[str, str]:
    client = log_in(email)
    me, public = EmployeeApi(client), PublicApi(client)
    beneficiary = me.beneficiary_list().data[0]
    offering = public.offering_search(category="physiotherapy", municipality="016004").data[0]
    slot = public.slot_search(offering.id).data[0]
    wanted = QuoteCreate(offering_id=offering.id, beneficiary_id=beneficiary.id, slot_ids=[slot.id])
    booking = me.booking_create(str(uuid4()), BookingCreate(quote_id=me.quote_create(wanted).id))
    return {"booking_id": booking.id, "status": booking.status, "starts_at": f"{booking.units[0].starts_at:%FT%TZ}"}


def hire(csv: Path) -> int:
    client = log_in("hr@orobia-stampi.example")
    company_id = SessionApi(client).me_get().memberships[0].organisation_id
    return CompanyApi(client).employee_import(company_id, csv.read_bytes()).created


def download(target: Path) -> None:
    finance = OperatorApi(log_in("finance@beatrice.example"))
    run = finance.settlement_run_list().data[0]
    target.write_bytes(finance.settlement_run_payment_file(run.id))


email, csv, target = sys.argv[1:]
download(Path(target))
print(json.dumps({**book(email), "created": hire(Path(csv))}))
