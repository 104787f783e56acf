"""The limit of fringe benefits: never without a yes, never beyond it, above it everything is taxable."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from app import ids
from app.api import PASSES, SWEEPS
from app.db import Database
from app.fringe.decisions import Limit, limit_of, room_in
from app.fringe.queries import Year
from app.jobs import run_sweeps
from app.ledger.verify import verify
from app.rules.book import book_in_force
from tests.bookings.scene import Scene, make_scene
from tests.world import Caller, World, problem
from tests.world.given import RELATIVE

December = Callable[[int], datetime]
NEW_YEAR = datetime(2026, 12, 31, 23, tzinfo=UTC)
YES = {"mode": "auto", "allow_fringe": True}


@pytest.fixture
async def fringe(world: World, client: httpx.AsyncClient) -> Scene:
    return await with_fringe(world, client)


async def with_fringe(world: World, client: httpx.AsyncClient) -> Scene:
    """E1's people, with credit that pays baby-sitting under C3 only, and more of it than the law lets it pay."""
    scene = await make_scene(world, client, rule_codes=("C2_F_TER",))
    await world.lot(scene.company, scene.person, 2_500_00, date(2027, 12, 31), rule_codes=("C3_FRINGE",))
    return scene


async def offered(scene: Scene, cents: int, *days: datetime, category: str = "babysitting") -> list[str]:
    """Let the scene's offering be another one, of this price; return its slots."""
    scene.offering_id = await scene.world.offering(
        scene.provider, price_cents=cents, confirmation="instant", category=category
    )
    return [await scene.slot(day) for day in days]


async def had(scene: Scene, year: int = 2026) -> tuple[int, int, int, int]:
    """(limit, used, left, taxable) of a year as the person is shown it."""
    found = (await scene.by("employee").get("/me/fringe_years"))["data"]
    row = next(row for row in found if row["tax_year"] == year)
    return row["limit_cents"], row["used_cents"], row["left_cents"], row["taxable_cents"]


async def deliver(scene: Scene, booking: dict[str, Any], at: datetime) -> None:
    await scene.world.set_now(at + timedelta(hours=2))
    assert (await scene.theirs(booking["id"], "deliver")).status_code == 200


async def post_benefit(scene: Scene, cents: int, year: int = 2026, role: str = "payroll") -> Any:
    body = {"employee_id": ids.encode("emp", scene.person.employee_id), "tax_year": year, "amount_cents": cents}
    return await Caller(scene.client, scene.company.headers[role]).ask(
        "POST", f"/companies/{scene.company.public_id}/fringe_benefits", body
    )


async def test_e5_the_cliff(fringe: Scene, december: December) -> None:
    slots = await offered(fringe, 950_00, december(1))
    unasked = (await fringe.quote(slots)).json()
    assert (unasked["credit_cents"], unasked["decisions"][0]["code"]) == (0, "fringe_needs_consent")
    assert unasked["fringe"] == {
        "tax_year": 2026, "limit_cents": 1_000_00, "used_cents": 0, "left_cents": 1_000_00
    }  # fmt: skip
    booked = await fringe.book(slots, credit=YES)
    assert [leg["rule_code"] for leg in booked["units"][0]["funding"]] == ["C3_FRINGE"]
    assert await had(fringe) == (1_000_00, 950_00, 50_00, 0)

    refused = await fringe.quote(await offered(fringe, 60_00, december(2)), credit=YES)
    said = problem(refused)
    assert (said["status"], said["code"], said["max_cents"]) == (422, "fringe_limit_exceeded", 50_00)
    last = await fringe.book(await offered(fringe, 50_00, december(2)), credit=YES)
    await deliver(fringe, booked, december(1))
    await deliver(fringe, last, december(2))
    assert await had(fringe) == (1_000_00, 1_000_00, 0, 0)

    for role in ("hr", "hr_approver"):
        assert (await post_benefit(fringe, 20_00, role=role)).status_code == 403
    assert (await post_benefit(fringe, 20_00)).status_code == 201
    assert await had(fringe) == (1_000_00, 1_020_00, 0, 1_020_00)
    below = problem(await post_benefit(fringe, -20_01))
    assert (below["status"], below["code"]) == (422, "fringe_below_zero")
    assert (await post_benefit(fringe, -20_00)).status_code == 201
    assert await had(fringe) == (1_000_00, 1_000_00, 0, 0)


async def test_what_was_quoted_twice_is_booked_once(fringe: Scene, december: December) -> None:
    """Two quotes have room, their bookings have not; a cancelled unit gives its room back."""
    slots = await offered(fringe, 600_00, december(3), december(4))
    first, second = [(await fringe.quote([slot], credit=YES)).json()["id"] for slot in slots]
    employee = fringe.by("employee")
    booked = await employee.post("/me/bookings", {"quote_id": first})
    wallet = await employee.get("/me/wallet")
    late = problem(await employee.ask("POST", "/me/bookings", {"quote_id": second}))
    assert (late["status"], late["code"], late["max_cents"]) == (422, "fringe_limit_exceeded", 400_00)
    assert await employee.get("/me/wallet") == wallet
    assert await had(fringe) == (1_000_00, 600_00, 400_00, 0)
    await fringe.mine(booked["id"], "cancel")
    assert await had(fringe) == (1_000_00, 0, 1_000_00, 0)
    await employee.post("/me/bookings", {"quote_id": second})
    assert await had(fringe) == (1_000_00, 600_00, 400_00, 0)


async def test_c3_pays_only_what_nothing_else_pays(scene: Scene, december: December) -> None:
    """The lot under C3 expires first, and is still the last to pay; each year has its own room."""
    await scene.world.lot(scene.company, scene.person, 250_00, date(2026, 12, 20), rule_codes=("C3_FRINGE",))
    slots = await offered(scene, 200_00, december(7), december(8), december(9), category="home_help")
    quote = (await scene.quote(slots, credit=YES)).json()
    paid = [{leg["rule_code"] for leg in unit["funding"]} for unit in quote["units"]]
    assert paid == [{"C2_F_TER"}, {"C2_F_TER"}, {"C3_FRINGE"}]
    assert quote["fringe"]["left_cents"] == 1_000_00


async def test_e6_a_child_stops_depending(
    fresh_world: World, fresh_client: httpx.AsyncClient, fresh_worker: Database, december: December
) -> None:
    """Tested once, at the year's end; what is counted is what the ledger's proof recomputes."""
    scene = await with_fringe(fresh_world, fresh_client)
    employee = scene.by("employee")
    son = RELATIVE | {"relation": "child", "birth_date": "2004-05-01", "given_name": "Luca", "dependent_years": [2026]}
    relative = (await employee.post("/me/beneficiaries", son))["id"]
    booked = await scene.book(await offered(scene, 1_600_00, december(5)), credit=YES)
    await scene.book(await offered(scene, 100_00, december(6)), credit=YES)
    await deliver(scene, booked, december(5))
    assert await had(scene) == (2_000_00, 1_700_00, 300_00, 0)
    await employee.patch(f"/me/beneficiaries/{relative}", {"dependent_years": []})
    await scene.world.set_now(NEW_YEAR + timedelta(days=40))
    ran = await run_sweeps(fresh_worker, SWEEPS)
    assert (ran["fringe.settle_years"], ran["fringe.report"]) == (1, 1)
    assert await had(scene) == (1_000_00, 1_600_00, 0, 1_600_00)
    await employee.patch(f"/me/beneficiaries/{relative}", {"dependent_years": [2026, 2027]})
    assert "fringe.settle_years" not in await run_sweeps(fresh_worker, SWEEPS)
    assert await had(scene) == (1_000_00, 1_600_00, 0, 1_600_00)
    assert await had(scene, 2027) == (2_000_00, 0, 2_000_00, 0)
    assert await scene.world.scalar("SELECT tested_at FROM fringe_year") == NEW_YEAR
    payroll = Caller(fresh_client, scene.company.headers["payroll"], f"/v1/companies/{scene.company.public_id}")
    (line,) = (await payroll.get("/payroll_exports/2026-12"))["lines"]
    assert (line["kind"], line["rule_code"], line["tax_year"]) == ("fringe", "C3_FRINGE", 2026)
    assert (line["amount_cents"], line["taxable_cents"]) == (1_600_00, 1_600_00)
    assert (await post_benefit(scene, 20_00)).status_code == 201
    assert (await run_sweeps(fresh_worker, SWEEPS))["fringe.report"] == 1
    lines = (await payroll.get("/payroll_exports/2026-12"))["lines"]
    assert sorted(line["taxable_cents"] for line in lines) in ([20_00, 1_600_00], [1_620_00])
    async with fresh_worker.begin("beatrice_worker") as session:
        proof = await verify(session, PASSES)
    assert (proof.differences, proof.checked["fringe_year"], proof.checked["fringe_leg"]) == ([], 1, 2)


async def test_the_database_keeps_the_limit(fringe: Scene, december: December) -> None:
    """Somebody with SQL as the application: the sums are not written, and what payroll posted stays."""
    await fringe.book(await offered(fringe, 50_00, december(3)), credit=YES)
    await post_benefit(fringe, 20_00)
    refused = fringe.world.refused
    await refused("42501", ("UPDATE fringe_year SET used_cents = 0", {}))
    await refused("42501", ("DELETE FROM fringe_use", {}))
    await refused("42501", ("SELECT held_cents FROM fringe_year", {}), role="beatrice_hr")
    await refused("42501", ("SELECT amount_cents FROM fringe_benefit", {}), role="beatrice_hr")
    await refused("42501", ("DELETE FROM fringe_benefit", {}))


async def at_page(scene: Scene, method: str, path: str, headers: dict[str, str], **form: Any) -> httpx.Response:
    token = headers["Authorization"].removeprefix("Bearer ")
    sent = {"Origin": "http://beatrice.test", "Cookie": f"beatrice={token}"}
    return await scene.client.request(method, path, headers=sent, data=form | {"key": uuid4().hex} if form else None)


async def test_the_pages_ask_first(fringe: Scene, december: December) -> None:
    """A quote says what is left and asks; the wallet shows the year; payroll posts, HR finds no page."""
    (slot,) = await offered(fringe, 60_00, december(3))
    me, payroll = fringe.person.headers, fringe.company.headers["payroll"]
    form = {"beneficiary_id": ids.encode("ben", fringe.mother_id), "slot_ids[]": slot}
    asked = await at_page(fringe, "POST", f"/me/quotes/{ids.encode('off', fringe.offering_id)}", me, **form)
    page = (await at_page(fringe, "GET", asked.headers["location"], me)).text.replace("\N{NO-BREAK SPACE}", " ")
    assert "ti restano 1.000,00 € di 1.000,00 €" in page
    assert '<input type="hidden" name="credit" value="fringe">' in page
    agreed = await at_page(
        fringe, "POST", f"/me/quotes/{ids.encode('off', fringe.offering_id)}", me, **form, credit="fringe"
    )
    page = (await at_page(fringe, "GET", agreed.headers["location"], me)).text.replace("\N{NO-BREAK SPACE}", " ")
    assert "questa prenotazione ne usa 60,00 €" in page

    path = f"/companies/{fringe.company.public_id}/fringe_benefits"
    who = {"employee_id": ids.encode("emp", fringe.person.employee_id), "tax_year": "2026"}
    wrong = await at_page(fringe, "POST", path, payroll, **who, amount_cents="-1,00")
    assert (wrong.status_code, "Una correzione non può togliere" in wrong.text) == (422, True)
    posted = await at_page(fringe, "POST", path, payroll, **who, amount_cents="980,00")
    assert posted.status_code == 303
    assert "980,00" in (await at_page(fringe, "GET", path, payroll)).text
    for role in ("hr", "hr_approver"):
        assert (await at_page(fringe, "GET", path, fringe.company.headers[role])).status_code == 403
    late = await at_page(
        fringe, "POST", f"/me/quotes/{ids.encode('off', fringe.offering_id)}", me, **form, credit="fringe"
    )
    assert "ha posto solo per 20,00" in late.text.replace("\N{NO-BREAK SPACE}", " ")
    wallet = (await at_page(fringe, "GET", "/me/wallet", me)).text.replace("\N{NO-BREAK SPACE}", " ")
    assert "Dati dall" in wallet
    assert "980,00 €" in wallet


@pytest.mark.parametrize(
    ("year", "children", "cents"),
    [
        (2025, False, 1_000_00), (2027, False, 1_000_00), (2028, False, 258_23),
        (2025, True, 2_000_00), (2027, True, 2_000_00), (2028, True, 258_23),
    ],
)  # fmt: skip
def test_the_limit_of_a_year(year: int, children: bool, cents: int) -> None:  # noqa: FBT001 - a table
    assert limit_of(book_in_force(), year, with_children=children) == Limit(cents, children, signed=False)


@pytest.mark.parametrize(
    ("used", "external", "held", "left", "taxable"),
    [
        (0, 0, 0, 100, 0),
        (60, 40, 0, 0, 0),
        (60, 41, 0, 0, 101),
        (60, 0, 50, 0, 0),
        (100, 0, 0, 0, 0),
        (0, 101, 0, 0, 101),
    ],
)
def test_the_room_of_a_year(used: int, external: int, held: int, left: int, taxable: int) -> None:
    who = ids.new_id()
    year = Year(
        company_id=who, company_name="", employee_id=who, holder_id=who, tax_year=2026, limit_cents=None,
        with_children=False, held_cents=held, used_cents=used, external_cents=external, tested_at=None,
    )  # fmt: skip
    room = room_in(year, Limit(100, with_children=False, signed=True))
    assert (room.left_cents, room.taxable_cents) == (left, taxable)


async def test_what_becomes_own_money_counts_no_more(fringe: Scene, december: December, database: Database) -> None:
    """A visit that needs a review and is paid by its person gives its room back."""
    slots = await offered(fringe, 600_00, december(1))
    booked = await fringe.book(slots, credit=YES)
    assert await had(fringe) == (1_000_00, 600_00, 400_00, 0)
    flag = "UPDATE care.unit SET needs_review = true, review_by = starts_at - interval '3 days'"
    await fringe.world.execute(flag)
    resolved = await fringe.mine(booked["id"], "resolve_review", {"how": "own_money"})
    assert (resolved.status_code, resolved.json()["own_money_due_cents"]) == (200, 600_00)
    assert await had(fringe) == (1_000_00, 0, 1_000_00, 0)
    async with database.session() as session:
        assert (await verify(session, PASSES)).differences == []
