"""What else could be done where credit does not pay: coded, in both languages, with where it leads."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any
from uuid import UUID

import pytest

from app import ids
from app.bookings.examining import Examiner
from app.bookings.queries import QuotedUnit
from app.bookings.ways import Looking, explained, other_forms
from app.credit.planner import Leg
from app.credit.queries import UsableLot
from app.rules.beneficiary import BeneficiaryFacts, Certificate, Period
from app.rules.book import book_in_force
from app.rules.decisions import Question, decide
from tests.bookings.scene import Scene
from tests.portal.browsing import Browsing, told

December = Callable[[int], datetime]
DAY = date(2026, 12, 2)
LOT = ids.new_id()
COMPANY = ids.new_id()


def lot(cents: int = 100_00, **terms: Any) -> UsableLot:
    known = {"valid_from": date(2026, 1, 1), "expires_on": date(2027, 12, 31), "relatives_reading": "strict"}
    rest = {"categories": None, "validity_basis": "service_date", "fee_funding": "out_of_pocket", "kind": "grant"}
    given = {"id": LOT, "rule_codes": ["C2_F_TER"], **known, **rest, **terms}
    return UsableLot(available_cents=cents, company_id=COMPANY, employee_id=COMPANY, **given)


def unit(*legs: Leg) -> QuotedUnit:
    nine = datetime.fromisoformat("2026-12-02T09:00:00+01:00")
    return QuotedUnit(0, LOT, nine, nine, 22_50, legs or (Leg("own_money", None, 22_50, None),))


OLD = BeneficiaryFacts("parent", date(1940, 1, 1), cohabitation=(Period(date(2020, 1, 1)),))
TOGETHER = (Period(date(2020, 1, 1)),)
SOON = date(2027, 3, 1)


@pytest.mark.parametrize(
    ("facts", "lots", "said"),
    [
        (OLD, [lot()], [("this_lot_would_pay", None)]),
        (OLD, [lot(22_49)], []),
        (OLD, [lot(22_49), lot(1, id=COMPANY)], [("this_lot_would_pay", None)]),
        (OLD, [], []),
        (OLD, [lot(valid_from=SOON)], [("from_date", SOON)]),
        (OLD, [lot(expires_on=date(2026, 12, 1))], []),
        (OLD, [lot(categories=["nursery"])], []),
        (BeneficiaryFacts("parent", date(1940, 1, 1)), [lot()], [("say_cohabitation", None)]),
        (
            BeneficiaryFacts("parent", date(1940, 1, 1), cohabitation=(Period(SOON),)),
            [lot()],
            [("say_cohabitation", None), ("from_date", SOON)],
        ),
        (BeneficiaryFacts("parent", date(1940, 1, 1), maintained=(Period(SOON),)), [lot()], "both"),
        (BeneficiaryFacts("parent", date(1952, 2, 29), cohabitation=TOGETHER), [lot()], [("from_date", SOON)]),
        (
            BeneficiaryFacts(
                "child", date(2015, 1, 1), certificates=(Certificate("non_self_sufficient", Period(SOON)),)
            ),
            [lot()],
            [("from_date", SOON)],
        ),
        (BeneficiaryFacts("child", date(2015, 1, 1)), [lot()], []),
        (BeneficiaryFacts("self", date(1985, 1, 1)), [lot()], []),
        (BeneficiaryFacts("other", date(1940, 1, 1)), [lot()], []),
    ],
)
def test_the_nearest_ways_are_told(facts: BeneficiaryFacts, lots: list[UsableLot], said: Any) -> None:
    examiner = Examiner("home_help", facts, book_in_force())
    decision = examiner.shown(lots, unit(), "strict")
    looking, left = Looking(examiner, lots, DAY), {one.id: one.available_cents for one in lots}
    found = looking.ways(unit(), left, decision)
    expected = [("say_cohabitation", None), ("from_date", SOON)] if said == "both" else said
    assert [(way.code, way.on) for way in found] == expected
    assert all(way.rule_code == "C2_F_TER" and way.lot_id == LOT for way in found)
    paid = unit(Leg("lot", LOT, 22_50, "C2_F_TER"))
    assert looking.ways(paid, left, decision) == []


@pytest.mark.parametrize(
    ("form", "facts", "code"),
    [("reimbursement", BeneficiaryFacts("self", date(1985, 1, 1)), "book_it_directly"), ("direct", OLD, None)],
)
def test_another_form_of_payment_is_told_where_the_one_asked_for_is_refused(
    form: Any, facts: BeneficiaryFacts, code: str | None
) -> None:
    asked = Question(
        category="physiotherapy",
        beneficiary=facts,
        payment_form=form,
        on=DAY,
        reading="strict",
        refuse_unsigned=False,
        rule_codes=frozenset({"C2_F", "C2_F_TER"}),
    )
    decision = decide(asked, book_in_force())[0]
    assert [way.code for way in other_forms(decision)] == ([code] if code else [])
    assert explained(decision, ()).code == decision.code


async def quoted(scene: Scene, slot: str, who: UUID, language: str, **more: Any) -> dict[str, Any]:
    offering, beneficiary = ids.encode("off", scene.offering_id), ids.encode("ben", who)
    body = {"offering_id": offering, "beneficiary_id": beneficiary, "slot_ids": [slot], **more}
    headers = scene.person.headers | {"Accept-Language": language}
    made = await scene.client.post("/v1/me/quotes", json=body, headers=headers)
    assert made.status_code == 201, made.text
    path = f"/v1/me/quotes/{made.json()['id']}"
    assert (await scene.client.get(path, headers=headers)).json() == made.json()
    return dict(made.json())


async def test_a_quote_and_its_page_tell_them(scene: Scene, december: December) -> None:
    slot = await scene.slot(december(2))
    none = await quoted(scene, slot, scene.mother_id, "it", credit={"mode": "none"})
    assert none["decisions"][0]["alternatives"] == [
        {
            "code": "this_lot_would_pay",
            "text": "Un tuo credito basterebbe: chiedi di usarlo.",
            "rule_code": "C2_F_TER",
            "lot_id": ids.encode("lot", scene.lot_a),
            "valid_from": None,
        }
    ]
    aunt = await scene.world.beneficiary(
        scene.person.user_id, "parent", date(1940, 1, 1), cohabitation='[{"from": "2027-03-01"}]'
    )
    apart = await quoted(scene, slot, aunt, "en")
    told_ways = [(way["code"], way["text"], way["valid_from"]) for way in apart["decisions"][0]["alternatives"]]
    assert told_ways == [
        (
            "say_cohabitation",
            "If this person lives with you, say so in the details: then credit may pay.",
            None,
        ),
        ("from_date", "From 01/03/2027 credit could pay for it.", "2027-03-01"),
    ]
    person = Browsing(scene.client, scene.person.headers)
    shown = await person.get(f"/me/quotes/{apart['id']}")
    assert "Dal 01/03/2027 il credito potrebbe pagarlo. Vedi gli orari da quel giorno" in told(shown)
    assert f'href="/me/beneficiaries/{apart["beneficiary_id"]}?offering=' in shown.text
    assert f"/offerings/{apart['offering_id']}?" in shown.text
    paid = await quoted(scene, slot, scene.mother_id, "it")
    assert paid["decisions"][0]["alternatives"] == []
