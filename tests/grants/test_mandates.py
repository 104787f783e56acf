"""A company with one person of HR: its consultant or an alliance's coordinator approves, never the maker herself."""

from datetime import timedelta
from typing import Any

import httpx

from app import clock, ids
from tests.credit.stage import Stage
from tests.grants.desk import Desk, count, pointers
from tests.world import Caller, World


async def admin_of(world: World, client: httpx.AsyncClient, desk: Desk) -> Caller:
    user_id, headers = await world.login("admin@example.test")
    await world.membership(user_id, desk.company.id, "admin")
    return Caller(client, headers, f"/v1/organisations/{desk.company.public_id}")


async def test_the_coordinator_approves_and_sees_no_names(
    client: httpx.AsyncClient, world: World, stage: Stage, desk: Desk
) -> None:
    alliance_id = await world.alliance()
    admin = await admin_of(world, client, desk)
    body = {"alliance_id": ids.encode("all", alliance_id)}
    coordinator = Caller(client, world.coordinator, f"/v1/alliances/{body['alliance_id']}")
    drafted = await desk.grant(await desk.programme(), each_cents=100_00)
    approve = f"/mandated_grants/{drafted['id']}/approve"

    refused = await admin.ask("POST", "/approval_mandates", body)
    assert pointers(refused) == [("/alliance_id", "not_a_member")]
    assert (await coordinator.ask("POST", approve)).status_code == 404
    await world.admit(alliance_id, stage.company, "company")
    given = await admin.post("/approval_mandates", body)
    assert (given["alliance_name"], given["ended_at"]) == ("Alleanza di prova", None)
    twice = await admin.ask("POST", "/approval_mandates", body)
    assert (twice.status_code, twice.json()["state"]) == (409, "given")
    hr = Caller(client, desk.company.headers["hr"], admin.base)
    assert (await hr.ask("POST", "/approval_mandates", body)).status_code == 403
    told = await world.execute("SELECT recipient FROM outgoing_mail WHERE subject LIKE 'Chi approva%'")
    assert [mail.recipient for mail in told] == ["admin@example.test"]

    (waiting,) = (await coordinator.get("/mandated_grants"))["data"]
    assert (waiting["id"], waiting["company_name"]) == (drafted["id"], stage.company.name)
    assert (waiting["total_cents"], waiting["amounts"]) == (100_00, [{"amount_cents": 100_00, "employee_count": 1}])
    shown = str(waiting)
    (person,) = await world.execute("SELECT given_name, family_name FROM employee")
    assert person.family_name not in shown
    observer = await world.organisation(["association"], ("observer",))
    await world.admit(alliance_id, observer, "partner")
    other = Caller(client, observer.headers["observer"], coordinator.base)
    assert (await other.ask("GET", "/mandated_grants")).status_code == 403

    active = await coordinator.post(approve)
    assert active == {"status": "active"}
    assert (await coordinator.ask("POST", approve)).status_code == 404
    assert (await coordinator.get("/mandated_grants"))["data"] == []
    await desk.post(f"/grants/{drafted['id']}/revoke", {"reason": "Errore"})
    (waiting,) = (await coordinator.get("/mandated_grants"))["data"]
    assert (waiting["revocation_reason"], waiting["revoked_people"]) == ("Errore", 1)
    revoked = await coordinator.post(f"/mandated_grants/{drafted['id']}/approve_revocation")
    assert revoked == {"revoked_lots": 1}

    second = await desk.grant(await desk.programme(name="Altro"), each_cents=50_00)
    ended = await admin.post(f"/approval_mandates/{given['id']}/end")
    assert ended["ended_at"] is not None
    assert (await coordinator.ask("POST", f"/mandated_grants/{second['id']}/approve")).status_code == 404
    assert (await admin.ask("POST", f"/approval_mandates/{given['id']}/end")).status_code == 404
    assert await count(world, "lot") == 1


async def test_a_mandate_holds_later_and_keeps_what_it_says(world: World, stage: Stage) -> None:
    alliance_id = await world.alliance()
    now = clock.real()
    own: dict[str, Any] = {
        "id": ids.new_id(), "company": stage.company.id, "alliance": alliance_id, "by": stage.company.users["hr"],
        "at": now, "from": now + timedelta(days=1),
    }  # fmt: skip
    give = (
        "INSERT INTO approval_mandate (id, company_id, alliance_id, given_by, given_at, from_at)"
        " VALUES (:id, :company, :alliance, :by, :at, :from)"
    )
    await world.refused("approval_mandate_of_member", (give, own))
    await world.admit(alliance_id, stage.company, "company")
    await world.refused("approval_mandate_begins_later", (give, own | {"from": now - timedelta(days=1)}))
    await world.refused("approval_mandate_open_key", (give, own), (give, own | {"id": ids.new_id()}))
    end = ("UPDATE approval_mandate SET ended_at = :at WHERE id = :id", {"id": own["id"], "at": now})
    await world.refused("approval_mandate_fixed", (give, own), end, end)


async def test_a_consultant_approves_as_a_member_of_several_companies(
    client: httpx.AsyncClient, world: World, stage: Stage, desk: Desk
) -> None:
    other = Desk(client, await world.company())
    user_id, headers = await world.login("consulente@example.test")
    for company in (desk.company, other.company):
        await world.membership(user_id, company.id, "hr_approver", None)
        company.headers["hr_approver"] = headers
    drafted = await desk.grant(await desk.programme(), each_cents=100_00)
    assert (await other.approve(drafted["id"])).status_code == 404
    assert (await desk.approve(drafted["id"])).json()["status"] == "active"
    assert len(await stage.lots()) == 1
