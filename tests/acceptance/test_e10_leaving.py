"""E10: leaving takes on-top credit, leaves the agreement's, and tells the company nothing of one person."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx

from app import ids
from tests.bookings.scene import NOW, Scene
from tests.grants.desk import Desk
from tests.world import World

ROME = ZoneInfo("Europe/Rome")


async def test_e10_what_a_leaver_had_comes_back_in_the_sum_of_many(
    fresh_client: httpx.AsyncClient, fresh_world: World
) -> None:
    operator, company, provider = (
        await fresh_world.operator(), await fresh_world.company(), await fresh_world.provider(),
    )  # fmt: skip
    await fresh_world.set_now(NOW)
    person, desk = await fresh_world.employee(company), Desk(fresh_client, company)
    await fresh_world.employments(company, 9, logins=True)
    await fresh_world.fund(company, 10 * 550_00)
    on_top = await desk.programme(
        name="Aziendale",
        lot_expires_on="2027-02-28",
        expired_credit_to="company",
        leavers_rule="zero_at_leaving",
    )
    agreed = await desk.programme(name="Contratto", lot_expires_on="2027-05-31", source="collective_agreement")
    for programme_id, cents in ((on_top, 300_00), (agreed, 250_00)):
        drafted = await desk.grant(programme_id, each_cents=cents, generality_reason="part_of_category")
        assert (await desk.approve(drafted["id"])).json()["status"] == "active"
    offering_id = await fresh_world.offering(provider, price_cents=45_00)
    lot = ids.new_id()
    mother = await fresh_world.mother(person)
    town = Scene(fresh_world, fresh_client, operator, company, provider, person, mother, offering_id, lot, lot)
    await town.confirmed([await town.slot(datetime(2026, 12, 10, 9, tzinfo=ROME))])
    assert await available(town) == {"Aziendale": (255_00, 45_00, 0), "Contratto": (250_00, 0, 0)}
    account = (await desk.get("/account")).json()
    assert (account["balance_cents"], account["granted_cents"]) == (0, 5_500_00)

    await desk.of().patch(f"/employees/{ids.encode('emp', person.employee_id)}", {"ended_on": "2026-11-30"})
    await move_to_midnight(town, date(2026, 12, 1))
    wallet = await town.by("employee").get("/me/wallet")
    assert wallet["available_cents"] == 250_00  # the deadline counts before any job
    await run_jobs(town)
    assert await available(town) == {"Aziendale": (0, 0, 300_00), "Contratto": (250_00, 0, 0)}
    assert await waiting(town) == 300_00
    assert (await desk.get("/account")).json() == account

    await move_to_midnight(town, date(2027, 1, 1))
    await run_jobs(town)
    assert await waiting(town) == 300_00  # of one person: not alone
    assert (await desk.get("/account")).json() == {**account, "next_returns_on": "2027-04-01"}

    await move_to_midnight(town, date(2027, 4, 1))
    await run_jobs(town)
    assert await waiting(town) == 0
    account = (await desk.get("/account")).json()
    assert (account["balance_cents"], account["granted_cents"]) == (3_000_00, 2_500_00)
    newest = (await desk.get("/account/entries")).json()["data"][0]
    assert (newest["kind"], newest["amount_cents"]) == ("returns", 3_000_00)
    assert await available(town) == {"Aziendale": (0, 0, 300_00), "Contratto": (250_00, 0, 0)}


async def run_jobs(town: Scene) -> None:
    await town.by("operator").post("/sandbox/jobs/run")


async def move_to_midnight(town: Scene, day: date) -> None:
    at = datetime(day.year, day.month, day.day, tzinfo=ROME) + timedelta(seconds=1)
    await town.by("operator").post("/sandbox/clock", {"now": at.isoformat()})


async def available(town: Scene) -> dict[str, tuple[int, int, int]]:
    """Return available, held, returned by programme."""
    lots = (await town.by("employee").get("/me/wallet"))["lots"]
    return {lot["programme_name"]: (lot["available_cents"], lot["held_cents"], lot["returned_cents"]) for lot in lots}


async def waiting(town: Scene) -> int:
    accounts = (await town.by("operator").get("/operator/ledger/trial_balance"))["accounts"]
    (returns,) = [account for account in accounts if account["kind"] == "company_returns"]
    return int(returns["credit_cents"] - returns["debit_cents"])
