"""What credit paid for coming not, or cancelling late, is on the payslip; what was enjoyed or paid oneself is not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.bookings.scene import Scene, make_scene
from tests.world import World

VISIT = datetime(2026, 12, 30, 9, tzinfo=UTC)
LINES = """
    SELECT line.kind, line.rule_code, line.amount_cents, line.taxable_cents, line.tax_year, line.event_on::text AS day
    FROM payroll_line line WHERE employee_id = :employee ORDER BY line.id
"""


async def lines(scene: Scene) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await scene.world.execute(LINES, employee=scene.person.employee_id)]


async def missed(scene: Scene, verb: str = "no_show") -> dict[str, Any]:
    booking = await scene.confirmed([await scene.slot(VISIT)])
    await scene.world.set_now(VISIT + timedelta(hours=2))
    assert (await scene.theirs(booking["id"], verb)).status_code == 200
    return booking


async def test_a_fee_from_credit_is_taxed_in_its_year_until_it_is_given_back(
    world: World, client: httpx.AsyncClient
) -> None:
    scene = await make_scene(world, client, fee_funding="from_credit")
    booking = await missed(scene)
    fee = ("late_fee", None, 11_25, 11_25, 2026, "2026-12-30")
    assert await lines(scene) == [fee]
    contested = {"unit_ids": [booking["units"][0]["id"]], "reason": "La signora era in ospedale."}
    made = (await scene.mine(booking["id"], "disputes", contested)).json()
    await scene.world.set_now(datetime(2027, 1, 4, 9, tzinfo=UTC))
    assert (await scene.decide(made["id"], outcome="partly_upheld", refund_cents=5_00)).status_code == 200
    assert await lines(scene) == [fee, ("late_fee", None, -5_00, -5_00, 2026, "2027-01-04")]


async def test_a_fee_over_two_lots_is_two_halves_of_one_sum(world: World, client: httpx.AsyncClient) -> None:
    scene = await make_scene(world, client, fee_funding="from_credit")
    await scene.price(300_00)
    await missed(scene)
    assert await lines(scene) == [
        ("late_fee", None, 120_00, 120_00, 2026, "2026-12-30"),
        ("late_fee", None, 30_00, 30_00, 2026, "2026-12-30"),
    ]
    path = f"/companies/{scene.company.public_id}/payroll_exports/2026-12"
    (line,) = (await scene.by("payroll").get(path))["lines"]
    assert (line["amount_cents"], line["taxable_cents"]) == (150_00, 150_00)


@pytest.mark.parametrize(("verb", "funding"), [("no_show", "out_of_pocket"), ("deliver", "from_credit")])
async def test_own_money_and_what_was_enjoyed_have_no_line(
    world: World, client: httpx.AsyncClient, verb: str, funding: str
) -> None:
    scene = await make_scene(world, client, fee_funding=funding)
    await missed(scene, verb)
    assert await lines(scene) == []
