"""The credit over time, as the wallet's page draws it."""

from datetime import date
from uuid import UUID

import httpx

from app.credit.schemas import LotRead
from app.portal.pages.wallet import Month, months_of
from tests.bookings.scene import Scene
from tests.portal.browsing import Browsing, told

ID = UUID(int=1)
TODAY = date(2026, 11, 10)


def lot(cents: int, begins: date, ends: date) -> LotRead:
    return LotRead(
        id=ID, employment_id=ID, programme_name="Welfare", source="on_top", kind="grant", rule_codes=[],
        categories=None,
        amount_cents=cents, available_cents=cents, held_cents=0, captured_cents=0, expired_cents=0, returned_cents=0,
        valid_from=begins, expires_on=ends,
    )  # fmt: skip


def test_a_month_tells_what_comes_expires_and_stays() -> None:
    lots = [
        lot(100_00, date(2026, 1, 1), date(2026, 12, 31)),
        lot(0, date(2026, 1, 1), date(2028, 12, 31)),
        lot(50_00, date(2026, 12, 15), date(2027, 1, 1)),
    ]
    assert months_of(lots, TODAY) == [
        Month(date(2026, 11, 1), comes=0, expires=0, stays=100_00),
        Month(date(2026, 12, 1), comes=50_00, expires=100_00, stays=50_00),
        Month(date(2027, 1, 1), comes=0, expires=50_00, stays=0),
    ]
    assert months_of([], TODAY) == []
    assert len(months_of([lot(1, TODAY, date(2029, 1, 1))], TODAY)) == 12


async def test_the_wallet_shows_its_months_and_the_help_its_steps(client: httpx.AsyncClient, scene: Scene) -> None:
    person = Browsing(client, scene.person.headers)
    shown = await person.get("/me/wallet")
    wallet = await scene.by("employee").get("/me/wallet")
    last = max(lot["expires_on"] for lot in wallet["lots"])
    assert (shown.status_code, 'class="columns' in shown.text, "resta a fine mese" in told(shown)) == (200, True, True)
    assert last[:4] in told(shown)
    assert "Quando scade il credito?" in told(await person.get("/help"))


async def test_municipalities_are_found_by_whole_names(scene: Scene) -> None:
    found = await scene.by("employee").get("/municipalities", name=["castro", "ALBINO"])
    assert [(row["name"], row["province"]) for row in found["data"]] == [
        ("Albino", "BG"), ("Castro", "BG"), ("Castro", "LE"),
    ]  # fmt: skip
