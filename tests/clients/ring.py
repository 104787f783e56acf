"""Four clients that strangers' tools make of the document, the programs of docs/integrate and the collection.

Run by `make clients`, not by `make test`: missing tools are fetched. Everything meets a started server with the demo
world.
"""

import base64
import hashlib
import hmac
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from secrets import token_bytes
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.acceptance.test_readme import REPOSITORY, Server
from tests.clients import workshop
from tests.world.people import fiscal_code

pytestmark = pytest.mark.timeout(900)  # a slow machine, and the tools fetched first
PYTHON_PATH = {"PYTHONPATH": f"{workshop.PLACE}:{workshop.PLACE / 'pydantic'}"}
COOPERATIVE = "manager@cooperativa-serio.example"


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="b-"))
    folder.chmod(0o755)  # PostgreSQL refuses root and runs as somebody else
    started = Server(folder)
    try:
        started.wait()
        yield started
    finally:
        started.end()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def made(server: Server) -> dict[str, str]:
    """What each generator said of the document, as the server shows it."""
    try:
        workshop.fetch_tools()
    except workshop.Failed as failed:
        pytest.skip(f"the pinned tools cannot be fetched: {failed}")
    return workshop.make_clients(httpx.get(f"{server.address}/openapi.json", timeout=120).content)


@pytest.fixture(scope="session")
def scripts(made: dict[str, str]) -> Path:
    """The TypeScript, compiled under `strict` together with the generated clients."""
    assert made
    if not workshop.has_node():
        pytest.skip("node and npm are missing")
    shutil.rmtree(workshop.PLACE / "js", ignore_errors=True)
    workshop.run("npx", "tsc", "--project", ".")
    return workshop.PLACE / "js"


def test_generators_leave_nothing_out(made: dict[str, str]) -> None:
    assert [line for line in made["attrs"].splitlines() if "WARNING" in line or "Unable" in line] == []


def test_python_clients_and_programs_are_well_typed(made: dict[str, str]) -> None:
    """Each client compiles whole; what is written with them is strict."""
    assert made
    workshop.run(workshop.PYTHON, "-m", "compileall", "-q", "attrs_client", "pydantic")
    written = [*workshop.HERE.glob("journey_*.py"), REPOSITORY / "docs/integrate/agenda.py"]
    for program in written:
        workshop.run("mypy", "--strict", "--follow-imports=silent", program, MYPYPATH=PYTHON_PATH["PYTHONPATH"])


def command(request: pytest.FixtureRequest, language: str, program: Path) -> list[str | Path]:
    """How to start a program that stands there in a language."""
    if language == "typescript":
        return ["node", request.getfixturevalue("scripts") / f"{program.name}.js"]
    request.getfixturevalue("made")
    return [workshop.PYTHON, program.with_suffix(".py")]


def staff_file(folder: Path, number: int) -> Path:
    file = folder / "staff.csv"
    row = f"CL{number};Niccolò;Esempio;{fiscal_code(9000 + number)};impiegati;01/03/2021"
    file.write_text(f"matricola;nome;cognome;codice_fiscale;categoria;data_assunzione\n{row}\n", encoding="utf-8")
    return file


@pytest.mark.parametrize(("number", "client"), [(11, "attrs"), (12, "pydantic"), (13, "fetch"), (14, "classes")])
def test_journey(server: Server, request: pytest.FixtureRequest, tmp_path: Path, number: int, client: str) -> None:
    """A booking, an import of staff, the bank's file: each seen by somebody else over plain HTTP."""
    email, target = f"employee{number}@orobia-stampi.example", tmp_path / "payments.xml"
    written_in = "python" if client in {"attrs", "pydantic"} else "typescript"
    program = command(request, written_in, workshop.HERE / f"journey_{client}")
    staff = staff_file(tmp_path, number)
    said = workshop.run(*program, email, staff, target, BEATRICE_URL=server.address, **PYTHON_PATH)

    booking = server.get(f"/me/bookings/{json.loads(said)['booking_id']}", server.log_in(email))
    assert json.loads(said) == {
        "booking_id": booking["id"],
        "status": booking["status"],
        "starts_at": booking["units"][0]["starts_at"],
        "created": 1,
    }
    hr = server.log_in("hr@orobia-stampi.example")
    company_id = server.get("/me", hr)["memberships"][0]["organisation_id"]
    (hired,) = server.get(f"/companies/{company_id}/employees?external_id=CL{number}", hr)["data"]
    assert (hired["given_name"], hired["hired_on"]) == ("Niccolò", "2021-03-01")
    finance = server.log_in("finance@beatrice.example")
    (run,) = server.get("/operator/settlement_runs", finance)["data"]
    file = server.client.get(f"/operator/settlement_runs/{run['id']}/payment_file", headers=finance)
    assert hashlib.sha256(target.read_bytes()).hexdigest() == hashlib.sha256(file.content).hexdigest()


def blocks(page: str) -> list[str]:
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    return re.findall(r"^```bash\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_page_runs_as_it_stands(server: Server, made: dict[str, str], tmp_path: Path) -> None:
    """docs/integrate/README.md with the functions of the README's first booking."""
    assert made
    shutil.copy(REPOSITORY / "docs/integrate/agenda.py", tmp_path)
    functions = next(block for block in blocks("README.md") if block.startswith("B="))
    script = "\n".join(["set -euo pipefail", f"cd {tmp_path}", functions, *blocks("docs/integrate/README.md")])
    said = workshop.run("bash", "-c", script, BEATRICE=server.address).splitlines()
    imported = '{"created":2,"updated":0,"unchanged":0,"errors":[]}'
    assert [said.count(imported), said.count("not_invited"), said.count("active")] == [2, 1, 1]


class Town:
    """Who has to do with a visit: somebody who books, the provider with its key, the operator with the clock."""

    def __init__(self, server: Server, number: int) -> None:
        self.server, self.number = server, number
        self.me = server.log_in(f"employee{number}@orobia-stampi.example")
        self.manager = server.log_in(COOPERATIVE)
        self.operator = server.log_in("operator@beatrice.example")
        self.finance = server.log_in("finance@beatrice.example")
        self.provider_id = server.get("/me", self.manager)["memberships"][0]["organisation_id"]
        address = {"street": "Via Roma 1", "postcode": "24021", "istat_code": "016004"}
        mother = {"given_name": "Rosa", "family_name": "Esempio", "relation": "parent", "birth_date": "1946-03-01"}
        facts = {"phone": "+39 035 0000000", "cohabitation": [{"from": "2020-01-01"}], "address": address}
        self.mother_id = self.post("/me/beneficiaries", self.me, mother | facts)["id"]

    def post(self, path: str, headers: dict[str, str], body: object = None) -> Any:
        answer = self.server.client.post(path, headers={**headers, "Idempotency-Key": str(uuid4())}, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def settings(self, secret: str) -> dict[str, str]:
        """Return the environment of the provider's program."""
        scopes = ["bookings:read", "bookings:write", "settlements:read"]
        path = f"/organisations/{self.provider_id}/api_keys"
        key = self.post(path, self.manager, {"name": f"agenda {self.number}", "scopes": scopes})["key"]
        return {
            "BEATRICE_URL": self.server.address,
            "BEATRICE_PROVIDER": self.provider_id,
            "BEATRICE_KEY": key,
            "BEATRICE_WEBHOOK_SECRET": secret,
        }

    def book(self, on: date) -> Any:
        """Ask for home help for the mother on a day; the provider has to confirm it."""
        offerings = self.server.get("/offerings?category=home_help&municipality=016004&q=domiciliare", self.me)["data"]
        offering = next(offering for offering in offerings if offering["provider_id"] == self.provider_id)
        slots = self.server.get(f"/offerings/{offering['id']}/slots?date_from={on}", self.me)["data"]
        wanted = {"offering_id": offering["id"], "beneficiary_id": self.mother_id, "slot_ids": [slots[0]["id"]]}
        quote = self.post("/me/quotes", self.me, wanted)
        return self.post("/me/bookings", self.me, {"quote_id": quote["id"]})

    def status(self, booking: Any) -> str:
        found: str = self.server.get(f"/me/bookings/{booking['id']}", self.me)["status"]
        return found

    def settle(self, booking: Any) -> Any:
        """Agree to the visit and settle up to the day it is; the provider's newest settlement."""
        self.post(f"/me/bookings/{booking['id']}/acknowledge", self.me)
        self.post("/sandbox/jobs/run", self.operator)
        cutoff_on = self.server.get("/sandbox/clock", self.operator)["now"][:10]
        self.post("/operator/settlement_runs", self.operator, {"cutoff_on": cutoff_on})
        path = f"/providers/{self.provider_id}/settlements"
        newest = self.server.get(path, self.manager)["data"][0]
        return self.server.get(f"{path}/{newest['id']}", self.manager)


@contextmanager
def listening(program: list[str | Path], settings: dict[str, str]) -> Iterator[str]:
    """Where the provider's program waits for webhooks."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    started = subprocess.Popen([*program, "listen", port], env=settings, stdout=subprocess.PIPE, text=True)
    try:
        assert started.stdout is not None
        assert started.stdout.readline() == f"listening on {port}\n"
        yield f"http://127.0.0.1:{port}"
    finally:
        started.terminate()
        started.communicate()


def signed(secret: bytes, booking: Any) -> tuple[dict[str, str], str]:
    """A webhook as Standard Webhooks has it: headers and body."""
    event = {"id": "evt_1", "type": "booking.requested", "created_at": "2026-11-23T08:00:00Z"}
    body = json.dumps({**event, "data": {"id": booking["id"], "object": "booking"}})
    at = str(int(datetime.now(UTC).timestamp()))
    signature = base64.b64encode(hmac.digest(secret, f"evt_1.{at}.{body}".encode(), "sha256")).decode()
    return {"webhook-id": "evt_1", "webhook-timestamp": at, "webhook-signature": f"v1,{signature}"}, body


@pytest.mark.parametrize(("number", "language", "on"), [(31, "python", "2026-12-01"), (32, "typescript", "2026-12-09")])
def test_agenda(server: Server, request: pytest.FixtureRequest, number: int, language: str, on: str) -> None:
    """The provider's program confirms by polling and by webhook, reports the visit and reads the statement."""
    secret = token_bytes(24)
    town, program = Town(server, number), command(request, language, REPOSITORY / "docs/integrate/agenda")
    settings = {"PATH": os.environ["PATH"], **town.settings(f"whsec_{base64.b64encode(secret).decode()}")}

    asked = town.book(date.fromisoformat(on))
    assert f"{asked['id']} confirmed\n" in workshop.run(*program, "confirm", **settings)
    assert town.status(asked) == "confirmed"

    with listening(program, settings) as address:
        another = town.book(date.fromisoformat(on))
        forged, body = signed(token_bytes(24), another)
        assert httpx.post(address, headers=forged, content=body).status_code == 400
        assert town.status(another) == "requested"
        headers, body = signed(secret, another)
        assert httpx.post(address, headers=headers, content=body).status_code == 204
        assert town.status(another) == "confirmed"

    town.post("/sandbox/clock", town.operator, {"now": f"{on}T20:00:00+01:00"})
    for _ in range(2):  # a repeat has the same answer and no second effect
        assert workshop.run(*program, "deliver", asked["id"], **settings) == f"{asked['id']} delivered\n"
    settlement = town.settle(asked)
    lines = [f"{line['service_on']} {line['unit_id']} {line['net_cents']}" for line in settlement["lines"]]
    total = f"{settlement['number']} {settlement['status']} {settlement['payout_cents']} on {settlement['pay_on']}"
    assert workshop.run(*program, "statement", **settings).splitlines() == [*lines, total]
    assert asked["units"][0]["id"] in {line["unit_id"] for line in settlement["lines"]}


def requests_of(items: list[Any]) -> Iterator[Any]:
    for item in items:
        if "item" in item:
            yield from requests_of(item["item"])
        else:
            yield item


def test_collection_has_every_operation_and_works(server: Server, scripts: Path, tmp_path: Path) -> None:
    assert scripts
    workshop.collection(tmp_path / "collection.json")
    made = json.loads((tmp_path / "collection.json").read_text(encoding="utf-8"))
    requests = [item["request"] for item in requests_of(made["item"])]
    document = httpx.get(f"{server.address}/openapi.json", timeout=120).json()
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    assert len(requests) == len([one for one in operations if "operationId" in one])
    keyed = {header["value"] for one in requests for header in one["header"] if header["key"] == "Idempotency-Key"}
    assert keyed == {"{{$guid}}"}

    (login,) = (one for one in requests if one["url"]["path"] == ["v1", "auth", "token"])
    form = {field["key"]: field["value"] for field in login["body"]["urlencoded"]}
    token = server.client.post("/auth/token", data=form).json()["access_token"]
    lists = [one["url"] for one in requests if one["method"] == "GET" and one["url"]["path"][:2] == ["v1", "me"]]
    plain = ["/".join(url["path"]) for url in lists if not url["variable"]]
    assert len(plain) > 5
    for path in plain:
        answer = httpx.get(f"{server.address}/{path}", headers={"Authorization": f"Bearer {token}"})
        assert (path, answer.status_code) == (path, 200)
