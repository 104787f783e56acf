"""Finding A21: the trail says who tried what, when in real time and from where, and no role writes it at will."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app import api, clock, ids
from app.audit import chain
from app.edge.refused import Sample
from app.http.middleware import clients_id
from app.http.route import BeatriceRoute
from tests.people import hire
from tests.world import Party, World

ADDRESS = "127.0.0.1"
LOG_IN = "/v1/auth/token"
OPEN = """
SELECT o.*, set_config('role', 'beatrice_hr', true) FROM open_request(
    :token, :at, 'organisation', :scope, NULL, NULL, '192.0.2.9', :request) AS o
"""
ACT = """
SELECT record_act(:id, 'user', :who, :scope, 'grant.approve', 'grant', :id, :at, :at, NULL, '203.0.113.1', NULL, NULL,
    1, NULL)
"""
EVENT = "SELECT record_event(:id, :type, 'grant', :id, :seen_by, :at)"
JOB = """
-- # Attack: the application writes into the queue itself
INSERT INTO procrastinate_jobs (queue_name, task_name, args)
VALUES ('default', :task, CAST(:args AS jsonb)) RETURNING id
"""


async def entries(world: World, action: str) -> list[Any]:
    return await world.execute(
        "SELECT actor_kind, actor_id, refusal, times, address, request_id FROM audit_entry"
        " WHERE action = :action ORDER BY id",
        action=action,
    )


def request_id(answer: httpx.Response) -> UUID:
    return UUID(answer.headers["x-request-id"])


async def test_a_failed_login_a_refused_role_and_a_foreign_party_are_told(
    client: httpx.AsyncClient, world: World
) -> None:
    company, other = await world.company("Orobia Stampi"), await world.company("Valgandino Filati")
    wrong = await client.post(LOG_IN, data={"username": "nobody@orobia.example", "password": "no" * 10})
    assert wrong.status_code == 401
    assert await entries(world, "token.create.refused") == [
        ("anonymous", None, "invalid_credentials", 1, ADDRESS, request_id(wrong))
    ]
    role = await client.get("/v1/operator/settlement_runs", headers=company.headers["hr"])
    assert role.status_code == 403
    hr = company.users["hr"]
    assert await entries(world, "settlement_run.list.refused") == [
        ("user", hr, "forbidden", 1, ADDRESS, request_id(role))
    ]
    foreign = await client.get(f"/v1/companies/{other.public_id}/account", headers=company.headers["hr"])
    assert foreign.status_code == 404
    assert await entries(world, "account.get.refused") == [("user", hr, "not_found", 1, ADDRESS, request_id(foreign))]


async def test_what_the_business_refuses_is_no_attempt(client: httpx.AsyncClient, world: World) -> None:
    company = await world.company("Orobia Stampi")
    before = await world.scalar("SELECT count(*) FROM audit_entry")
    nothing = ids.encode("grt", ids.new_id())
    url = f"/v1/companies/{company.public_id}/grants/{nothing}"
    assert (await client.get(url, headers=company.headers["hr"])).status_code == 404
    assert (await client.get(url)).status_code == 401
    assert await world.scalar("SELECT count(*) FROM audit_entry") == before


async def test_a_flood_is_told_by_sample() -> None:
    sample = Sample()
    told = [sample.take("192.0.2.1", 0.0) for _ in range(100)]
    assert told[:10] == [1] * 10
    assert {number: times for number, times in enumerate(told, 1) if times > 1} == {20: 10, 40: 20, 80: 40}
    assert sum(told) == 80
    # another network, the next minute; an IPv6 network is one
    assert sample.take("192.0.2.2", 0.0) == 1
    assert sample.take("192.0.2.1", 60.0) == 1
    assert [sample.take(f"2001:db8::{number:x}", 60.0) for number in range(11)] == [1] * 10 + [0]


async def test_entries_are_in_real_time_with_session_and_request(client: httpx.AsyncClient, world: World) -> None:
    company = await world.company("Orobia Stampi")
    await world.set_now(clock.real() + timedelta(days=71))
    before = clock.real()
    hired = await hire(client, company, external_id="OS0001")
    found = await world.execute(
        "SELECT recorded_at, created_at, session_id IS NOT NULL AS in_session, address, object_id FROM audit_entry"
        " WHERE action = 'employee.create'"
    )
    ((recorded_at, created_at, in_session, address, object_id),) = found
    assert before <= recorded_at <= clock.real()
    assert timedelta(days=70) < created_at - recorded_at < timedelta(days=72)
    assert (in_session, address, object_id) == (True, ADDRESS, ids.decode("emp", hired["id"]))


async def test_reading_fiscal_codes_says_whose(client: httpx.AsyncClient, world: World) -> None:
    company = await world.company("Orobia Stampi")
    hired = ids.decode("emp", (await hire(client, company, external_id="OS0001"))["id"])
    url = f"/v1/companies/{company.public_id}/employees"
    assert (await client.get(url, headers=company.headers["hr"])).status_code == 200
    assert (await client.get(f"{url}/{ids.encode('emp', hired)}", headers=company.headers["hr"])).status_code == 200
    read = await world.execute(
        "SELECT action, actor_id, object_kind, object_id, shown FROM audit_entry"
        " WHERE action IN ('employee.list', 'employee.read') ORDER BY id"
    )
    hr = company.users["hr"]
    assert read == [
        ("employee.list", hr, "organisation", company.id, [hired]),
        ("employee.read", hr, "employee", hired, None),
    ]


def test_downloads_and_reads_of_personal_data_are_acts() -> None:
    """The list of a provider's bookings records itself; these are declared."""
    declared = {
        route.path: route.access.audit
        for router in api.ROUTERS
        for route in router.routes
        if isinstance(route, BeatriceRoute) and route.methods == {"GET"} and route.access.audit is not None
    }
    assert declared == {
        "/v1/companies/{company_id}/employees": "employee.list",
        "/v1/companies/{company_id}/employees.csv": "employee.download",
        "/v1/companies/{company_id}/employees/{employee_id}": "employee.read",
        "/v1/companies/{company_id}/employees/{employee_id}/leaving_preview": "employee.read",
        "/v1/companies/{company_id}/fringe_benefits": "fringe_benefit.list",
        "/v1/companies/{company_id}/grants/{grant_id}/lines.csv": "grant.download",
        "/v1/companies/{company_id}/payroll_exports": "payroll_export.list",
        "/v1/companies/{company_id}/payroll_exports/{period}": "payroll_export.read",
        "/v1/companies/{company_id}/payroll_exports/{period}.csv": "payroll_export.download",
        "/v1/companies/{company_id}/programmes/{programme_id}/grant_template.csv": "programme.download",
        "/v1/operator/audit_events": "audit_event.list",
        "/v1/operator/claim_runs/{claim_run_id}": "claim_run.read",
        "/v1/operator/claim_runs/{claim_run_id}/payment_file": "claim_run.download",
        "/v1/operator/claims/{claim_id}": "claim.read",
        "/v1/operator/claims/{claim_id}/files/{file_id}": "claim_file.read",
        "/v1/operator/disputes/{dispute_id}": "dispute.read",
        "/v1/operator/settlement_runs/{run_id}/payment_file": "settlement_run.download",
        "/v1/providers/{provider_id}/bookings/{booking_id}": "booking.read",
        "/v1/providers/{provider_id}/settlements/{settlement_id}.csv": "settlement.download",
    }


# The role of company routes


async def opened(session: AsyncSession, company: Party) -> dict[str, Any]:
    """Open a request of the company's HR, as the edge does; return what is true about it."""
    values = {"at": clock.real(), "scope": company.id, "request": ids.new_id()}
    token = await session.scalar(
        text("SELECT token_hash FROM session_token WHERE user_id = :id"), {"id": company.users["hr"]}
    )
    await session.execute(text(OPEN), values | {"token": token})
    return values | {"who": company.users["hr"], "token": token}


async def refused(session: AsyncSession, sql: str, **values: Any) -> None:
    with pytest.raises(DBAPIError) as caught:
        async with session.begin_nested():
            await session.execute(text(sql), values)
    assert getattr(caught.value.orig, "sqlstate", None) == "42501", caught.value


async def test_hr_records_no_act_of_anybody_else(session: AsyncSession, world: World) -> None:
    company, other = await world.company("Orobia Stampi"), await world.company("Valgandino Filati")
    await session.execute(text("SELECT set_config('role', 'beatrice_hr', true)"))
    made_up = {"id": ids.new_id(), "at": clock.real() - timedelta(days=400), "scope": other.id}
    await session.execute(text("SELECT set_config('beatrice.principal', '', true)"))
    await refused(session, ACT, **made_up, who=company.users["hr"])
    forged = "0" * 64 + json.dumps({"kind": "user", "id": str(other.users["hr"]), "organisation_id": str(other.id)})
    await session.execute(text("SELECT set_config('beatrice.principal', :value, true)"), {"value": forged})
    await refused(session, ACT, **made_up, who=other.users["hr"])
    await session.execute(text("SELECT set_config('role', 'beatrice_app', true)"))
    true = await opened(session, company)
    await refused(session, ACT, **made_up, who=other.users["hr"])
    # Her own act is recorded as it was: the time, the party and the address are the request's.
    await session.execute(text(OPEN), true | {"at": made_up["at"], "request": ids.new_id()})
    await session.execute(text(ACT), made_up | {"who": true["who"]})
    await session.execute(text("SELECT set_config('role', 'beatrice_app', true)"))
    written = await session.execute(
        text("SELECT actor_id, organisation_id, recorded_at, address, request_id FROM audit_entry WHERE id = :id"),
        {"id": made_up["id"]},
    )
    assert written.all() == [(true["who"], company.id, true["at"], "192.0.2.9", true["request"])]


async def test_hr_writes_no_event_but_its_own_companys(session: AsyncSession, world: World) -> None:
    company, other = await world.company("Orobia Stampi"), await world.company("Valgandino Filati")
    true = await opened(session, company)
    values = {"id": ids.new_id(), "at": clock.real(), "type": "grant.active"}
    await refused(session, EVENT, **values, seen_by=[other.id])
    await refused(session, EVENT, **values, seen_by=[company.id, other.id])
    await refused(session, EVENT, **values | {"type": "booking.confirmed"}, seen_by=[company.id])
    await session.execute(text(EVENT), values | {"seen_by": [company.id], "at": true["at"] - timedelta(days=9)})
    await session.execute(text("SELECT set_config('role', 'beatrice_app', true)"))
    offset = await session.scalar(text("SELECT offset_interval FROM clock_offset"))
    found = await session.execute(text("SELECT organisation_ids, created_at FROM event WHERE id = :id"), values)
    assert found.all() == [([company.id], true["at"] + offset)]


async def test_hr_queues_mails_and_nothing_else(session: AsyncSession) -> None:
    await session.execute(text("SELECT set_config('role', 'beatrice_hr', true)"))
    mail = json.dumps({"mail_id": str(ids.new_id())})
    await refused(session, JOB, task="tick", args="{}")
    await refused(session, JOB, task="mail.send", args="{}")
    await refused(session, JOB, task="mail.send", args=json.dumps({"mail_id": "x' OR true"}))
    await refused(session, JOB, task="mail.send", args=json.dumps({"mail_id": str(ids.new_id()), "more": 1}))
    later = JOB.replace("args)", "args, scheduled_at)").replace("jsonb))", "jsonb), CURRENT_TIMESTAMP)")
    await refused(session, later, task="mail.send", args=mail)
    assert (await session.execute(text(JOB), {"task": "mail.send", "args": mail})).rowcount == 1


# What the operator reads


async def test_the_operator_reads_the_trail_and_is_read_herself(client: httpx.AsyncClient, world: World) -> None:
    operator, company = await world.operator(), await world.company("Orobia Stampi")
    hired = await hire(client, company, external_id="OS0001")
    headers = operator.headers["finance"]
    url = "/v1/operator/audit_events"
    answer = await client.get(url, params={"object_id": hired["id"]}, headers=headers)
    assert answer.status_code == 200, answer.text
    (seen,) = answer.json()["data"]
    given = {name: seen[name] for name in ("actor_kind", "actor_id", "organisation_id", "action", "object_id")}
    assert given == {
        "actor_kind": "user",
        "actor_id": ids.encode("usr", company.users["hr"]),
        "organisation_id": company.public_id,
        "action": "employee.create",
        "object_id": hired["id"],
    }
    assert (seen["address"], seen["refusal"], seen["times"], seen["shown_ids"]) == (ADDRESS, None, 1, [])
    first = await client.get(url, params={"limit": 1}, headers=headers)
    (read,) = first.json()["data"]
    assert (read["action"], read["actor_id"]) == ("audit_event.list", ids.encode("usr", operator.users["finance"]))
    assert read["request_id"] == answer.headers["x-request-id"]
    page = {"limit": 1, "cursor": first.json()["next_cursor"]}
    (before,) = (await client.get(url, params=page, headers=headers)).json()["data"]
    assert before["id"] == seen["id"]
    for wrong in ({"actor_id": company.public_id}, {"object_id": "x"}):
        assert (await client.get(url, params=wrong, headers=headers)).status_code == 422
    assert (await client.get(url, params={"date_to": "2020-01-01"}, headers=headers)).json()["data"] == []
    assert (await client.get(url, headers=company.headers["hr"])).status_code == 403


async def test_a_clients_request_id_never_reaches_answer_or_trail(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/nothing", headers={"X-Request-Id": "Mario.Rossi.1970"})
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert request_id(answer).version == 4
    hashed = clients_id("Mario.Rossi.1970")
    assert hashed is not None
    assert (len(hashed), clients_id(None)) == (16, None)


def test_a_head_is_read_back_from_its_line() -> None:
    head = chain.sign(7, bytes(32), clock.real())
    assert chain.head_of(json.dumps({"event": "audit_head", **head.line()})) == head
    assert chain.is_signed(head) is True
