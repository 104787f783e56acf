"""The law as everybody reads it: over the API, and on the page in plain words."""

from datetime import date
from pathlib import Path

import httpx
import pytest

from app.rules.book import load
from app.rules.signatures import append, made, named
from tests.catalogue.shop import NOW
from tests.portal.browsing import told
from tests.production import changed
from tests.world import World

ON = {"on": "2026-03-15"}


@pytest.fixture(autouse=True)
async def today(world: World) -> None:
    await world.set_now(NOW)


async def test_a_day_s_law_whole(client: httpx.AsyncClient) -> None:
    law = (await client.get("/v1/rules", params=ON)).json()
    rules = {row["code"]: row for row in law["data"]}
    assert list(rules) == ["C2_D_BIS", "C2_F", "C2_F_BIS", "C2_F_QUATER", "C2_F_TER", "C3_FRINGE"]
    covers = rules["C2_F_QUATER"].pop("covers")
    assert rules["C2_F_QUATER"] == {
        "row": "rule/C2_F_QUATER/2017-01-01",
        "code": "C2_F_QUATER",
        "name": "Premi per polizze di lunga assistenza e malattie gravi del dipendente",
        "name_en": "The employee's long-term-care and dread-disease premiums",
        "says": "Per il dipendente: pagamento diretto, mai rimborso.",
        "says_en": "For the employee: direct payment, never reimbursement.",
        "payment_forms": ["direct"],
        "for_self": True,
        "for_relatives": False,
        "relatives_condition": "none",
        "last_resort": False,
        "citation": "art. 51 c. 2 lett. f-quater TUIR (D.P.R. 917/1986), introdotta dalla L. 232/2016 art. 1 c. 161",
        "source": "lavorofacile.it, Welfare aziendale: non tutte le spese sono rimborsabili",
        "status": "confirmed",
        "signed_off_by": None,
        "signed_off_on": None,
        "sha256": next(row for row in load().rules if row.code == "C2_F_QUATER").sha256,
        "valid_from": "2017-01-01",
        "valid_to": None,
    }
    assert [(row["category"], row["name_en"], row["payment_forms"]) for row in covers] == [
        ("long_term_care_policy", "Long-term-care policy", None)
    ]
    shown = [row["row"] for kind in ("relations", "parameters", "agreements") for row in law[kind]]
    shown += [row["row"] for rule in law["data"] for row in (rule, *rule.get("covers", covers))]
    assert sorted(shown) == sorted(row.id for row in load().rows() if row.holds(date(2026, 3, 15)))


async def test_limits_and_agreements_have_their_values(client: httpx.AsyncClient) -> None:
    law = (await client.get("/v1/rules", params=ON | {"limit": 1, "order": "-code"})).json()
    assert [row["code"] for row in law["data"]] == ["C3_FRINGE"]
    limits = {row["name"]: (row["number"], row["day"], row["says_en"]) for row in law["parameters"]}
    assert limits["fringe_limit_cents"] == (100_000, None, "1,000.00 euro")
    assert limits["child_income_tested_on"] == (None, "12-31", "31 December")
    parent = next(row for row in law["relations"] if row["relation"] == "parent")
    assert (parent["counts"], parent["valid_from"]) == ("if_cohabiting_or_maintained", "2025-01-01")
    metal = law["agreements"][0]
    assert (metal["code"], metal["amount_cents"], metal["available_by"], metal["usable_until"], metal["usable_in"]) == (
        "metalworkers",
        25_000,
        "02-last",
        "05-31",
        "next_year",
    )


async def test_before_the_law_there_is_none(client: httpx.AsyncClient) -> None:
    law = (await client.get("/v1/rules", params={"on": "1950-01-01"})).json()
    empty: dict[str, object] = {"data": [], "relations": [], "parameters": [], "agreements": []}
    assert law == {**empty, "next_cursor": None, "prev_cursor": None, "total": None}


async def test_who_signed_is_shown_in_both_places(client: httpx.AsyncClient, tmp_path: Path) -> None:
    file = tmp_path / "signatures.toml"
    rows = [row for row in load().rows() if row.id == "rule/C2_F/2016-01-01"]
    append(file, made([named(rows[0])], rows, "Studio Paghe", NOW.date()))
    with changed(BEATRICE_RULE_SIGNATURES=str(file)):
        law = (await client.get("/v1/rules", params=ON)).json()
        page = told(await client.get("/rules", params=ON))
    signed = [(row["code"], row["signed_off_by"], row["signed_off_on"]) for row in law["data"] if row["signed_off_by"]]
    assert signed == [("C2_F", "Studio Paghe", NOW.date().isoformat())]
    assert page.count("Convalidata da Studio Paghe il") == 1
    assert page.count("Nessun consulente l'ha ancora convalidata") == 29


async def test_the_page_says_the_law_of_a_day_in_plain_words(client: httpx.AsyncClient) -> None:
    page = told(await client.get("/rules", params={"on": "2024-12-31"}))
    for words in ("Chi conta come familiare", "Genitore Conta come familiare. art. 12 TUIR; art. 433 c.c."):
        assert words in page
    assert "Credito dai contratti collettivi" not in page
    today = told(await client.get("/rules", params={"on": ""}))
    assert "Genitore Conta chi quel giorno convive con il dipendente" in today
    assert "Metalmeccanici, industria 250,00 euro l'anno" in today
    assert "In quel giorno nessuna regola" in told(await client.get("/rules", params={"on": "1950-01-01"}))
    assert (await client.get("/rules", params={"on": "boh"})).status_code == 422
