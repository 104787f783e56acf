"""E10: leaving takes on-top credit, leaves the agreement's, and tells the company nothing of one person."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import httpx

from tests.acceptance.support import Town, build
from tests.world import World
from tests.world.people import fiscal_code

ROME = ZoneInfo("Europe/Rome")


async def test_e10_what_a_leaver_had_comes_back_in_the_sum_of_many(
    fresh_client: httpx.AsyncClient, fresh_world: World
) -> None:
    town = await build(fresh_client, fresh_world)
    hr, employee = town.people["hr"], town.people["employee"]
    rows = [f"Persona;Numero{number};{fiscal_code(number)};operai;01/03/2021" for number in range(3, 12)]
    content = "\n".join(["given_name;family_name;fiscal_code;category;hired_on", *rows])
    imported = await hr.ask(
        "POST", town.of_company("/employees/import"), content=content, headers={"Content-Type": "text/csv"}
    )
    assert imported.json()["created"] == 9
    await town.fund(10 * 550_00)
    on_top = await town.programme(
        "Aziendale", "operai", date(2027, 2, 28), expired_credit_to="company", leavers_rule="zero_at_leaving"
    )
    agreed = await town.programme("Contratto", "operai", date(2027, 5, 31), source="collective_agreement")
    for programme_id, cents in ((on_top, 300_00), (agreed, 250_00)):
        assert (await town.grant(programme_id, cents))["status"] == "active"
    offering_id = await town.offering(45_00)
    booking = await town.book(offering_id, await town.slots(offering_id, [date(2026, 12, 10)]))
    await town.answer(booking, "confirm")
    assert await available(town) == {"Aziendale": (255_00, 45_00, 0), "Contratto": (250_00, 0, 0)}
    account = await hr.get(town.of_company("/account"))
    assert (account["balance_cents"], account["granted_cents"]) == (0, 5_500_00)

    person = (await employee.get("/me"))["employments"][0]["employee_id"]
    path = town.of_company(f"/employees/{person}")
    await hr.patch(path, {"ended_on": "2026-11-30"})
    await move_to_midnight(town, date(2026, 12, 1))
    assert (await employee.get("/me/wallet"))["available_cents"] == 250_00  # the deadline counts before any job
    await town.run_jobs()
    assert await available(town) == {"Aziendale": (0, 0, 300_00), "Contratto": (250_00, 0, 0)}
    assert await waiting(town) == 300_00
    assert await hr.get(town.of_company("/account")) == account

    await move_to_midnight(town, date(2027, 1, 1))
    await town.run_jobs()
    assert await waiting(town) == 300_00  # of one person: not alone
    assert await hr.get(town.of_company("/account")) == {**account, "next_returns_on": "2027-04-01"}

    await move_to_midnight(town, date(2027, 4, 1))
    await town.run_jobs()
    assert await waiting(town) == 0
    account = await hr.get(town.of_company("/account"))
    assert (account["balance_cents"], account["granted_cents"]) == (3_000_00, 2_500_00)
    newest = (await hr.get(town.of_company("/account/entries")))["data"][0]
    assert (newest["kind"], newest["amount_cents"]) == ("returns", 3_000_00)
    assert await available(town) == {"Aziendale": (0, 0, 300_00), "Contratto": (250_00, 0, 0)}


async def move_to_midnight(town: Town, day: date) -> None:
    await town.move_to(datetime(day.year, day.month, day.day, tzinfo=ROME) + timedelta(seconds=1))


async def available(town: Town) -> dict[str, tuple[int, int, int]]:
    """Return available, held, returned by programme."""
    lots = (await town.people["employee"].get("/me/wallet"))["lots"]
    return {lot["programme_name"]: (lot["available_cents"], lot["held_cents"], lot["returned_cents"]) for lot in lots}


async def waiting(town: Town) -> int:
    accounts = (await town.operator.get("/operator/ledger/trial_balance"))["accounts"]
    (returns,) = [account for account in accounts if account["kind"] == "company_returns"]
    return int(returns["credit_cents"] - returns["debit_cents"])
