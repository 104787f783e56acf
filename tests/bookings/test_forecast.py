"""What becomes of credit that is not used, and what it could still be used for: told to its person alone."""

from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID

from app import ids
from app.beneficiaries.queries import BeneficiaryRow
from app.bookings.forecast import expiries, payable
from app.credit.queries import Held, WalletLot
from app.credit.schemas import ForecastDayRead
from app.rules.book import book_in_force
from tests.bookings.scene import Scene
from tests.portal.browsing import Browsing, told

YEAR_END, MAY = date(2026, 12, 31), date(2027, 5, 31)
LOT = WalletLot(
    id=UUID(int=1), expires_on=YEAR_END, last_day=YEAR_END, ended_at=None, ended_early=False, employee_id=UUID(int=9),
    programme_name="Welfare", source="on_top", kind="grant", rule_codes=["C2_F_TER"], categories=None,
    relatives_reading="strict", amount_cents=120_00, valid_from=date(2026, 11, 1), posted_cents=120_00,
    held_cents=67_50, captured_cents=0, expired_cents=0, returned_cents=0,
)  # fmt: skip
MOTHER = BeneficiaryRow(
    id=UUID(int=2), relation="parent", given_name="Maria", family_name="Esempio", birth_date=date(1946, 3, 1),
    sealed_fiscal_code=None, phone=None, street=None, postcode=None, istat_code=None, sealed_access_notes=None,
    cohabitation=(), maintained=(), dependent_years=(), certificates=(), died_on=None, version=1,
)  # fmt: skip
ON = date(2026, 11, 23)


def test_what_is_held_for_later_visits_is_told_apart() -> None:
    at = datetime(2026, 11, 23, tzinfo=UTC)
    units = [UUID(int=number) for number in (21, 22, 23)]
    held = [Held(ids.new_id(), LOT.id, 22_50, at, unit) for unit in units]
    held.append(Held(ids.new_id(), UUID(int=3), 10_00, at, None))
    bonus = replace(LOT, id=UUID(int=3), last_day=MAY, posted_cents=10_00, held_cents=10_00)
    spent = replace(LOT, id=UUID(int=4), last_day=date(2028, 1, 1), posted_cents=0, held_cents=0)
    days = {units[0]: date(2026, 12, 30), units[1]: YEAR_END, units[2]: date(2027, 1, 1)}
    assert expiries([spent, bonus, LOT], held, days) == [
        ForecastDayRead(on=YEAR_END, amount_cents=52_50, held_cents=67_50, held_later_cents=22_50),
        ForecastDayRead(on=MAY, amount_cents=0, held_cents=10_00, held_later_cents=0),
    ]
    assert expiries([], [], {}) == []


def test_the_rules_say_what_the_credit_could_pay_and_for_whom() -> None:
    book = book_in_force()
    lenient = replace(LOT, relatives_reading="lenient")
    assert payable([LOT], [MOTHER], ON, book, refuse_unsigned=False) == []  # she neither lives with nor is maintained
    found = payable([lenient], [MOTHER], ON, book, refuse_unsigned=False)
    assert "home_help" in found
    limited = replace(lenient, categories=["home_help"])
    assert payable([limited], [MOTHER], ON, book, refuse_unsigned=False) == ["home_help"]
    assert payable([lenient], [MOTHER], ON, book, refuse_unsigned=True) == []
    young = replace(MOTHER, birth_date=date(1986, 3, 1))
    assert payable([lenient], [young], ON, book, refuse_unsigned=False) == []
    fringe = replace(lenient, rule_codes=["C3_FRINGE"])
    assert payable([fringe], [MOTHER], ON, book, refuse_unsigned=False) == []


async def test_the_wallet_tells_what_is_reserved_and_what_expires(scene: Scene) -> None:
    december = [await scene.slot(datetime(2026, 12, day, 9, tzinfo=UTC)) for day in (10, 11)]
    free = await scene.slot(datetime(2026, 12, 12, 9, tzinfo=UTC))
    booking = await scene.book(december)
    holds = (await scene.by("employee").get("/me/wallet/holds"))["data"]
    assert [(one["lot_id"], one["amount_cents"], one["paid_for"]["service_on"]) for one in holds] == [
        (ids.encode("lot", scene.lot_a), 22_50, day) for day in ("2026-12-11", "2026-12-10")
    ]
    assert {one["paid_for"]["booking_id"] for one in holds} == {booking["id"]}
    shown = await scene.by("employee").get("/me/wallet/forecast")
    assert shown["expiries"] == [
        {"on": "2026-12-31", "amount_cents": 75_00, "held_cents": 45_00, "held_later_cents": 0},
        {"on": "2027-05-31", "amount_cents": 300_00, "held_cents": 0, "held_later_cents": 0},
    ]
    offering = ids.encode("off", scene.offering_id)
    assert [(one["offering_id"], one["price_cents"]) for one in shown["services"]] == [(offering, 22_50)]
    page = await Browsing(scene.client, scene.person.headers).get("/me/wallet")
    said = told(page)
    assert "Il 31 dicembre 2026 scadranno 75,00 €, se non li usi." in said
    assert "Altri 45,00 € sono impegnati e restano alle tue prenotazioni." in said
    assert "impegnato per una prenotazione Assistenza domiciliare , 11 dicembre 2026 22,50 €" in said
    assert "Può pagare: cura di anziani e non autosufficienti" in said
    assert (">dic</text>" in page.text, "Lotti" in said, f'href="/offerings/{offering}"' in page.text) == (
        True, False, True,
    )  # fmt: skip
    # With no place before it expires, or dearer than what does, it is no use.
    await scene.by("manager").post(f"/providers/{scene.provider.public_id}/slots/{free}/cancel", {"reason": "Ferie"})
    assert (await scene.by("employee").get("/me/wallet/forecast"))["services"] == []
    await scene.slot(datetime(2026, 12, 31, 9, tzinfo=UTC))
    assert len((await scene.by("employee").get("/me/wallet/forecast"))["services"]) == 1
    await scene.price(80_00)
    assert (await scene.by("employee").get("/me/wallet/forecast"))["services"] == []
    assert (await scene.client.get("/v1/me/wallet/holds", headers=scene.by("hr").headers)).json()["data"] == []
    nothing = await Browsing(scene.client, scene.by("hr").headers).get("/me/wallet")
    assert (nothing.status_code, "Che cosa scade prima" in told(nothing)) == (200, False)
