"""Each example of the OpenAPI document works as it stands in the demo world."""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncEngine

from app.db import Database
from app.main import create_app
from tests.conftest import Cluster
from tests.sandbox.test_demo import PASSWORD, loaded
from tests.test_openapi import operations

LOGINS = {
    "Session": "employee1@orobia-stampi.example",
    "Employee": "employee1@orobia-stampi.example",
    "Company": "hr@orobia-stampi.example",
    "Provider": "manager@cooperativa-serio.example",
    "Organisation": "hr@orobia-stampi.example",
    "Alliance": "coordinator@ambito-albino.example",
    "Operator": "operator@beatrice.example",
    "Sandbox": "operator@beatrice.example",
}
"""Who it takes, by the group of the route."""
PAYROLL = "payroll@orobia-stampi.example"
OF_PAYROLL = re.compile(r"/(payroll_|fringe_)(?!access|years)")
NOT_ALONE = {
    "password_reset_accept": "needs a mailed secret",
    "invitation_accept": "needs a mailed secret",
    "invitation_get": "needs a mailed secret",
    "totp_confirm": "needs a device",
    "totp_remove": "needs a device",
    "booking_deliver": "needs a visit that began and that nobody reported",
    "booking_no_show": "needs a visit that began and that nobody reported",
    "visit_deliver": "needs a visit that began and that nobody reported",
    "organisation_member_invite": "needs an organisation without an administrator",
    "settlement_run_approve": "needs a run that another person made",
    "claim_run_approve": "needs a run that another person made",
    "claim_file_upload": "needs a document",
    "claim_create": "needs a document that was sent",
    "claim_answer": "needs a claim of which something was asked",
    "claim_appeal": "needs a claim that was rejected",
    "booking_resolve_review": "needs a visit that credit may not pay any more",
    "payroll_export_close": "needs the hash of what was read",
}
"""What no example can carry."""
ON_OCCASION = {"Idempotent-Replayed"}
FIRST = {
    "booking_create": "quote_create",
    "booking_cancel": "booking_create",
    "api_key_rotate": "api_key_create",
    "webhook_endpoint_update": "webhook_endpoint_create",
    "webhook_endpoint_rotate_secret": "webhook_endpoint_create",
}
"""Which example makes what another one is about."""
OF_A_DELIVERED_BOOKING = {"booking_acknowledge", "dispute_create"}
DELIVERED_TO = """
    SELECT u.email FROM care.booking AS b JOIN user_account AS u ON u.id = b.user_id
    WHERE b.status = 'delivered' AND NOT EXISTS (SELECT FROM care.unit WHERE booking_id = b.id AND disputed)
    ORDER BY b.id LIMIT 1
"""


@dataclass
class Demo:
    """The demo world behind one application; each example is sent on its own and undone."""

    app: FastAPI
    engine: AsyncEngine
    tokens: dict[str, str]
    delivered_to: str
    document: dict[str, Any]

    @property
    def bodies(self) -> dict[str, tuple[str, dict[str, Any]]]:
        found = {operation["operationId"]: (where, operation) for where, operation in operations(self.document)}
        return {name: item for name, item in found.items() if "requestBody" in item[1] and name not in NOT_ALONE}

    @asynccontextmanager
    async def undone(self, email: str | None) -> AsyncIterator[httpx.AsyncClient]:
        """Call as somebody; nothing stays."""
        headers = {} if email is None else {"Authorization": f"Bearer {self.tokens[email]}"}
        transport = httpx.ASGITransport(app=self.app)
        before = self.app.state.database
        async with self.engine.connect() as connection:
            transaction = await connection.begin()
            self.app.state.database = Database(connection)
            async with httpx.AsyncClient(transport=transport, base_url="http://b.test", headers=headers) as client:
                yield client
            await transaction.rollback()
        self.app.state.database = before

    async def sent(self, client: httpx.AsyncClient, name: str) -> list[httpx.Response]:
        """Send an example, once for each object of the demo that its path may name, until one is taken."""
        where, operation = self.bodies[name]
        method, path = where.split(" ")[0], path_of(where, operation)
        body = _example(operation)
        made = [answer.json() for answer in await self.sent(client, FIRST[name])] if name in FIRST else []
        if name == "booking_create":
            body["quote_id"] = made[0]["id"]
        elif name == "grant_create":
            body["programme_id"] = (await _first(client, path.replace("/grants", "/programmes")))["id"]
        elif name == "fringe_benefit_create":
            body["employee_id"] = (await _first(client, path.replace("/fringe_benefits", "/employees")))["id"]
        elif name == "visit_confirm":
            waiting = await _first(client, path.replace("/visits/confirm", "/bookings"), status="requested")
            body["unit_ids"] = [unit["id"] for unit in waiting["units"]]
        answers: list[httpx.Response] = []
        for filled, found in await _filled(client, path):
            if "unit_ids" in body and "units" in found:
                body["unit_ids"] = [unit["id"] for unit in found["units"]]
            answers.append(await _send(client, method, filled, operation, body, len(answers)))
            if answers[-1].is_success:
                break
        return answers[-1:]


async def _first(client: httpx.AsyncClient, path: str, **filters: str) -> dict[str, Any]:
    row: dict[str, Any] = (await client.get(path, params=filters)).json()["data"][0]
    return row


def _example(operation: dict[str, Any]) -> Any:
    return next(iter(operation["requestBody"]["content"].values())).get("example", "")


def path_of(where: str, operation: dict[str, Any]) -> str:
    """Fill a path with the examples of its parameters."""
    path = where.split(" ")[1]
    for one in operation.get("parameters", ()):
        if one["in"] == "path":
            path = path.replace("{" + one["name"] + "}", one["example"])
    return path


async def _filled(client: httpx.AsyncClient, path: str) -> list[tuple[str, dict[str, Any]]]:
    """Where a path names nothing, let it name what the list in it shows."""
    listed = re.match(r"(.*)/\w{3}_01h455vb4pex5vsknk084sn02q", path)
    if listed is None:
        return [(path, {})]
    rows = (await client.get(listed[1], params={"limit": 100})).json()["data"]
    return [
        (path.replace("/" + path.removeprefix(listed[1] + "/").split("/")[0], "/" + row["id"]), row) for row in rows
    ]


async def _send(
    client: httpx.AsyncClient, method: str, path: str, operation: dict[str, Any], body: Any, tried: int
) -> httpx.Response:
    headers = {"Idempotency-Key": f"{operation['operationId']}-{tried}"}
    if method == "patch":
        headers["If-Match"] = (await client.get(path)).headers["ETag"]
    if isinstance(body, str):
        return await client.request(method, path, content=body, headers=headers | {"Content-Type": "text/csv"})
    kind = next(iter(operation["requestBody"]["content"]))
    if "json" not in kind:
        return await client.request(method, path, data=body, headers=headers)
    return await client.request(method, path, json=body, headers=headers | {"Content-Type": kind})


@pytest.fixture(scope="module")
async def demo(cluster: Cluster) -> AsyncIterator[Demo]:
    async with loaded(cluster) as made:
        app: FastAPI = create_app(made.database)
        assert isinstance(made.database.bind, AsyncEngine)
        here = Demo(app, made.database.bind, {}, "", json.loads(json.dumps(app.openapi())))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://b.test") as client:
            delivered_to: str = await made.scalar(DELIVERED_TO)
            for email in {*LOGINS.values(), PAYROLL, delivered_to}:
                answer = await client.post("/v1/auth/token", data={"username": email, "password": PASSWORD})
                here.tokens[email] = answer.json()["access_token"]
            here.delivered_to = delivered_to
        yield here


def login_of(where: str, operation: dict[str, Any]) -> str | None:
    """Who calls: of a company's routes those of payroll are for nobody else."""
    return PAYROLL if OF_PAYROLL.search(where) else LOGINS.get(operation["tags"][0])


async def test_each_example_works_as_it_stands(demo: Demo) -> None:
    refused, lacking = {}, []
    for name, (where, operation) in demo.bodies.items():
        login = login_of(where, operation)
        async with demo.undone(demo.delivered_to if name in OF_A_DELIVERED_BOOKING else login) as client:
            answers = await demo.sent(client, name)
            if not answers or not answers[0].is_success:
                refused[name] = answers[0].text[:400] if answers else "nothing to send it to"
                continue
            said = operation["responses"][str(answers[0].status_code)].get("headers", {})
            told = answers[0].headers
            lacking += [(name, header) for header in said if header not in told and header not in ON_OCCASION]
    assert (refused, lacking) == ({}, [])
    assert len(demo.bodies) > 40


async def test_each_id_in_a_path_names_an_object(demo: Demo) -> None:
    """Where the demo world has it under a name: what is drawn when it is loaded has none."""
    missing = []
    for where, operation in operations(demo.document):
        path = path_of(where, operation)
        if operation["operationId"] in NOT_ALONE:
            continue
        if where.startswith("get ") and "{" in where and "01h455vb4pex5vsknk084sn02q" not in path:
            async with demo.undone(login_of(where, operation)) as client:
                answer = await client.get(path)
                missing += [] if answer.is_success else [f"{where}: {answer.status_code} {answer.text[:200]}"]
    assert missing == []
