"""The journey with the client that openapi-python-client makes: EMAIL CSV PAYMENT_FILE; prints what it did."""

import json
import os
import sys
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from attrs_client import AuthenticatedClient, Client
from attrs_client.api.company import employee_import
from attrs_client.api.employee import beneficiary_list, booking_create, quote_create
from attrs_client.api.operator import settlement_run_list, settlement_run_payment_file
from attrs_client.api.public import offering_search, slot_search
from attrs_client.api.session import me_get, token_create
from attrs_client.models import BookingCreate, Problem, QuoteCreate, TokenCreate
from attrs_client.types import File

URL = os.environ["BEATRICE_URL"]
PASSWORD = "beatrice-demo-2026"
T = TypeVar("T")


def got(answer: T | Problem | None) -> T:
    if answer is None or isinstance(answer, Problem):
        sys.exit(f"refused: {answer}")
    return answer


def log_in(email: str) -> AuthenticatedClient:
    form = TokenCreate(username=email, password=PASSWORD)
    return AuthenticatedClient(URL, got(token_create.sync(client=Client(URL), body=form)).access_token)


def book(email: str) -> dict[str, str]:
    me = log_in(email)
    beneficiary = got(beneficiary_list.sync(client=me)).data[0]
    offering = got(offering_search.sync(client=me, category="physiotherapy", municipality="016004")).data[0]
    slot = got(slot_search.sync(offering.id, client=me)).data[0]
    wanted = QuoteCreate(offering_id=offering.id, beneficiary_id=beneficiary.id, slot_ids=[slot.id])
    quote = got(quote_create.sync(client=me, body=wanted))
    order = BookingCreate(quote_id=quote.id)
    booking = got(booking_create.sync(client=me, body=order, idempotency_key=str(uuid4())))
    return {"booking_id": booking.id, "status": booking.status, "starts_at": f"{booking.units[0].starts_at:%FT%TZ}"}


def hire(csv: Path) -> int:
    hr = log_in("hr@orobia-stampi.example")
    company_id = got(me_get.sync(client=hr)).memberships[0].organisation_id
    with csv.open("rb") as content:
        return got(employee_import.sync(company_id, client=hr, body=File(content))).created


def download(target: Path) -> None:
    finance = log_in("finance@beatrice.example")
    run = got(settlement_run_list.sync(client=finance)).data[0]
    target.write_bytes(got(settlement_run_payment_file.sync(run.id, client=finance)).payload.read())


email, csv, target = sys.argv[1:]
download(Path(target))
print(json.dumps({**book(email), "created": hire(Path(csv))}))
