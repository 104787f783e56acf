"""The year for the tax return: every sum is the ledger's, and what credit paid is never one's own."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.payroll.actions import NewLine, record
from tests.bookings.scene import Scene, make_scene
from tests.world import World

VISIT = datetime(2026, 12, 29, 9, tzinfo=UTC)
LEDGER = """
    SELECT coalesce(sum(CASE WHEN transfer.hold_id IS NOT NULL THEN amount_cents ELSE -amount_cents END), 0)
    FROM ledger.transfer WHERE (hold_id IS NOT NULL AND from_account_id = ANY (:lots)
        OR reverses_id IS NOT NULL AND to_account_id = ANY (:lots))
        AND event_at >= '2025-12-31T23:00Z' AND event_at < '2026-12-31T23:00Z'
"""


@pytest.fixture
async def scene(world: World, client: httpx.AsyncClient) -> Scene:
    return await make_scene(world, client, fee_funding="from_credit")


async def marked(scene: Scene, verb: str, at: datetime = VISIT, **how: Any) -> dict[str, Any]:
    booking = await scene.book([await scene.slot(at)], **how)
    assert (await scene.theirs(booking["id"], "confirm")).status_code == 200
    await scene.world.set_now(at + timedelta(hours=2))
    assert (await scene.theirs(booking["id"], verb)).status_code == 200
    return booking


async def year(scene: Scene, of: int = 2026) -> dict[str, Any]:
    return dict(await scene.by("employee").get("/me/tax_statement", year=of))


async def test_a_year_is_summed_up_and_equals_the_ledger(scene: Scene) -> None:
    early = VISIT - timedelta(days=5)
    own = {"credit": {"mode": "none"}}
    contested = await marked(scene, "deliver", early)
    await marked(scene, "deliver", early + timedelta(days=1))
    await marked(scene, "no_show", early + timedelta(days=2))
    await marked(scene, "deliver", early + timedelta(days=3), **own)
    disputed = {"unit_ids": [contested["units"][0]["id"]], "reason": "Quel giorno non è venuto nessuno."}
    made = (await scene.mine(contested["id"], "disputes", disputed)).json()
    await scene.decide(made["id"], outcome="partly_upheld", refund_cents=7_50)
    await marked(scene, "deliver", datetime(2027, 1, 2, 9, tzinfo=UTC))
    line = NewLine(scene.company.id, scene.person.employee_id, 2026, "reimbursement_figurative", 40_00, VISIT.date(),
        rule_code="C2_F_TER")  # fmt: skip
    async with scene.world.work() as session:
        await record(session, [line])
    found = await year(scene)
    provider = await scene.world.scalar("SELECT tax_code FROM organisation WHERE id = :id", id=scene.provider.id)
    (paid,) = found.pop("own_money")
    assert (paid["amount_cents"], paid["category"], paid["provider_tax_code"]) == (22_50, "home_help", provider)
    assert found == {
        "year": 2026,
        "granted_cents": 420_00,
        "used": [{"rule_code": "C2_F_TER", "amount_cents": 37_50}],
        "fees_from_credit_cents": 11_25,
        "lost_cents": 0,
        "reimbursements": [{"kind": "reimbursement_figurative", "rule_code": "C2_F_TER", "amount_cents": 40_00}],
        "own_money_cents": 22_50,
        "fees_own_money_cents": 0,
    }
    assert await scene.world.scalar(LEDGER, lots=[scene.lot_a, scene.lot_b]) == 37_50 + 11_25
    later = await year(scene, 2027)
    assert (later["granted_cents"], later["used"]) == (0, [{"rule_code": "C2_F_TER", "amount_cents": 22_50}])


async def test_fees_of_ones_own_are_no_service_and_the_file_says_the_same(
    world: World, client: httpx.AsyncClient
) -> None:
    scene = await make_scene(world, client)
    await marked(scene, "no_show")
    found = await year(scene)
    assert (found["own_money"], found["own_money_cents"], found["fees_own_money_cents"]) == ([], 0, 22_50)
    answer = await scene.by("employee").ask("GET", "/me/tax_statement.csv", params={"year": 2026})
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [(row["what"], row["amount_cents"]) for row in rows] == [
        ("granted", "42000"), ("fees_from_credit", "0"), ("lost", "0"), ("fees_own_money", "2250"),
    ]  # fmt: skip
    assert answer.headers["content-disposition"] == 'attachment; filename="tax-statement-2026.csv"'


async def test_what_was_taken_back_and_done_again_counts_once(scene: Scene) -> None:
    booking = await marked(scene, "deliver")
    assert (await scene.theirs(booking["id"], "revert")).status_code == 200
    assert (await year(scene))["used"] == []
    assert (await scene.theirs(booking["id"], "deliver")).status_code == 200
    assert (await year(scene))["used"] == [{"rule_code": "C2_F_TER", "amount_cents": 22_50}]
    cookie = {"Cookie": f"beatrice={scene.person.headers['Authorization'].removeprefix('Bearer ')}"}
    page = await scene.client.get("/me/tax_statement?year=2026", headers=cookie)
    assert (page.status_code, "anziani e non autosufficienti</dt><dd>22,50" in page.text) == (200, True)
