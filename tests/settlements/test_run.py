"""Runs over HTTP: the worked example, what belongs to a cutoff, fee rules, numbers, replays."""

import hashlib
import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx

from app import clock, ids
from tests.settlements.books import CUTOFF, NOW, PAYABLE, THAW, Books
from tests.settlements.office import close, fee_rule, ledger, post, settlement, settlements, stored
from tests.world import Party

RUNS = "/v1/operator/settlement_runs"


async def test_example_13(client: httpx.AsyncClient, books: Books) -> None:
    provider = await books.world.provider()
    await books.units(provider, [22_50] * 7)
    await fee_rule(client, books)
    run = await close(client, books)
    assert (run["status"], run["settlement_count"], run["total_cents"]) == ("closed", 1, 153_66)
    found = await settlement(client, provider)
    assert {name: found[name] for name in found if name.endswith("_cents")} == {
        "gross_cents": 157_50, "vat_cents": 7_50, "fee_cents": 3_15, "fee_vat_cents": 69, "subsidy_cents": 0,
        "payout_cents": 153_66,
    }  # fmt: skip
    assert (found["number"], found["cutoff_on"], found["pay_on"]) == ("2026/1", "2026-11-30", "2026-12-10")
    assert [line["fee_cents"] for line in found["lines"]] == [45] * 7
    assert [line["fee_vat_cents"] for line in found["lines"]] == [10] * 6 + [9]
    assert [line["net_cents"] for line in found["lines"]] == [21_95] * 6 + [21_96]
    assert [line["service_on"] for line in found["lines"]] == [f"2026-11-0{day}" for day in range(2, 9)]
    assert {line["kind"] for line in found["lines"]} == {"service"}
    assert await ledger(books) == {"provider_payable": 153_66, "platform_fees": 3_15, "vat_payable": 69}


async def test_without_a_fee_rule_all_is_paid(client: httpx.AsyncClient, books: Books) -> None:
    provider = await books.world.provider()
    await books.units(provider, [22_50] * 7)
    assert (await close(client, books))["total_cents"] == 157_50
    assert (await settlement(client, provider))["fee_cents"] == 0
    assert await ledger(books) == {"provider_payable": 157_50}


async def test_provider_sees_exactly_these_fields(client: httpx.AsyncClient, books: Books) -> None:
    provider = await books.world.provider()
    await books.units(provider, [22_50])
    await close(client, books)
    found = await settlement(client, provider)
    assert list(found) == [
        "id", "number", "cutoff_on", "status", "gross_cents", "vat_cents", "fee_cents", "fee_vat_cents",
        "subsidy_cents", "payout_cents", "pay_on", "content_sha256", "lines",
    ]  # fmt: skip
    assert [list(line) for line in found["lines"]] == [
        ["unit_id", "kind", "service_on", "gross_cents", "fee_cents", "fee_vat_cents", "subsidy_cents", "net_cents"]
    ]
    assert found["status"] == "issued"


def hashed(found: Any, provider: Party, vat_codes: dict[str, str]) -> str:
    """Hash a settlement as documented: canonical JSON with UUIDs, each line with its VAT code."""
    content = {name: found[name] for name in found if name not in ("id", "status", "content_sha256")}
    content["provider_id"] = str(provider.id)
    content["payee"] = {
        "country": "IT", "iban": "IT60X0542811101000000123456", "name": provider.name, "postcode": "24021",
        "street": "Via Roma", "street_number": "1", "town": "Albino",
    }  # fmt: skip
    content["lines"] = [
        {**line, "unit_id": str(ids.decode("unt", line["unit_id"])), "vat_code": vat_codes[line["unit_id"]]}
        for line in found["lines"]
    ]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


async def test_hashes_are_of_canonical_json(client: httpx.AsyncClient, books: Books) -> None:
    first, second = await books.world.provider(), await books.world.provider()
    codes = dict.fromkeys(await books.units(first, [2250, 1001]), "vat_5")
    codes |= dict.fromkeys(await books.units(first, [3000], vat_code="exempt"), "exempt")
    codes |= dict.fromkeys(await books.units(second, [9999], vat_code="vat_22"), "vat_22")
    named = {ids.encode("unt", unit): code for unit, code in codes.items()}
    await fee_rule(client, books)
    run = await close(client, books)
    found = {provider.id: await settlement(client, provider) for provider in (first, second)}
    for provider in (first, second):
        assert found[provider.id]["content_sha256"] == hashed(found[provider.id], provider, named)
    content = {
        "cutoff_on": "2026-11-30",
        "settlements": [found[provider_id]["content_sha256"] for provider_id in sorted(found)],
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    assert run["content_sha256"] == hashlib.sha256(text.encode()).hexdigest()


async def test_vat_is_of_the_documents_total_per_code(client: httpx.AsyncClient, books: Books) -> None:
    provider = await books.world.provider()
    await books.units(provider, [22_50] * 7, vat_code="vat_5")
    await books.units(provider, [11_00, 11_00], vat_code="vat_10")
    await books.units(provider, [10_00], vat_code="vat_22")
    await books.units(provider, [50_00], vat_code="exempt")
    await books.units(provider, [50_00], vat_code="not_subject")
    await close(client, books)
    found = await settlement(client, provider)
    assert (found["gross_cents"], found["vat_cents"]) == (289_50, 7_50 + 2_00 + 1_80)


async def test_what_belongs_to_the_cutoff(client: httpx.AsyncClient, books: Books) -> None:
    provider = await books.world.provider()
    end = clock.end_of(CUTOFF)
    assert end == datetime(2026, 11, 30, 23, tzinfo=UTC)
    (inside,) = await books.units(provider, [10_00], payable_at=end - timedelta(microseconds=1))
    await books.units(provider, [20_00], payable_at=end)
    await books.units(provider, [40_00], outcome="delivered")
    (late,) = await books.units(provider, [80_00], outcome="cancelled_late", fee_cents=4_01)
    (absent,) = await books.units(provider, [80_00], outcome="no_show", fee_cents=8_02)
    (disputed,) = await books.units(provider, [1_60_00], outcome="cancelled_late", fee_cents=16_00)
    await books.world.execute("UPDATE care.unit SET disputed = true WHERE id = :id", id=disputed)
    await close(client, books)
    lines = (await settlement(client, provider))["lines"]
    assert {(line["unit_id"], line["kind"], line["gross_cents"]) for line in lines} == {
        (ids.encode("unt", inside), "service", 10_00),
        (ids.encode("unt", late), "late_fee", 4_01),
        (ids.encode("unt", absent), "no_show_fee", 8_02),
    }
    await books.world.execute(THAW, id=disputed)
    await close(client, books, "2026-12-01")
    later = (await settlements(client, provider))[1]
    assert (later["number"], sorted(line["gross_cents"] for line in later["lines"])) == ("2026/2", [16_00, 20_00])


async def test_service_day_is_romes(client: httpx.AsyncClient, books: Books) -> None:
    provider = await books.world.provider()
    days = {
        datetime(2026, 10, 24, 21, 59, tzinfo=UTC): "2026-10-24",  # summer time
        datetime(2026, 10, 24, 22, tzinfo=UTC): "2026-10-25",
        datetime(2026, 10, 25, 22, 59, tzinfo=UTC): "2026-10-25",  # winter time since 03:00
        datetime(2026, 10, 25, 23, tzinfo=UTC): "2026-10-26",
    }
    await books.units(provider, [1, 2, 3, 4], starts=list(days))
    await close(client, books)
    lines = (await settlement(client, provider))["lines"]
    assert [line["service_on"] for line in sorted(lines, key=lambda line: line["gross_cents"])] == list(days.values())


async def test_the_most_specific_rule_of_the_day_wins(client: httpx.AsyncClient, books: Books) -> None:
    first, second = await books.world.provider(), await books.world.provider()
    await fee_rule(client, books, percent_bps=100)
    await fee_rule(client, books, percent_bps=200, category="respite_stay")
    await fee_rule(client, books, percent_bps=300, provider_id=first.public_id)
    await fee_rule(client, books, percent_bps=400, provider_id=first.public_id, category="respite_stay")
    await fee_rule(client, books, percent_bps=500, provider_id=first.public_id, category="respite_stay",
                   valid_from="2026-11-04", valid_to="2026-11-06")  # fmt: skip
    start = datetime(2026, 11, 3, 9, tzinfo=UTC)
    days = [start + timedelta(days=n) for n in range(4)]
    for provider in (first, second):
        await books.units(provider, [100_00] * 4, starts=days, category="home_help")
        await books.units(provider, [100_00] * 4, starts=days, category="respite_stay")
    await close(client, books)
    fees = {
        provider.id: sorted(line["fee_cents"] for line in (await settlement(client, provider))["lines"])
        for provider in (first, second)
    }
    assert fees == {first.id: [3_00] * 4 + [4_00] * 2 + [5_00] * 2, second.id: [1_00] * 4 + [2_00] * 4}


async def test_fixed_part_for_each_line_within_bounds_of_the_document(client: httpx.AsyncClient, books: Books) -> None:
    providers = [await books.world.provider() for _ in range(4)]
    counts = (1, 3, 10, 2)
    for provider, count in zip(providers, counts, strict=True):
        await books.units(provider, [10_00] * count if provider is not providers[3] else [1, 2])
    await fee_rule(client, books, percent_bps=100, fixed_cents=25, min_cents=50, max_cents=2_00)
    await close(client, books)
    found = [await settlement(client, provider) for provider in providers[:3]]
    assert [each["fee_cents"] for each in found] == [50, 1_05, 2_00]
    assert [each["fee_vat_cents"] for each in found] == [11, 23, 44]
    # Three cents cannot pay fifty: no fee is above a fifth of what is owed, rounded down.
    assert await books.world.scalar("SELECT count(*) FROM settlement") == 4
    last = await settlement(client, providers[3])
    assert (last["gross_cents"], last["fee_cents"], last["fee_vat_cents"], last["payout_cents"]) == (3, 0, 0, 3)


async def test_a_provider_below_its_minimum_waits(client: httpx.AsyncClient, books: Books) -> None:
    """The minimum in force on the cutoff day: the platform's, but another one for whom it was agreed."""
    provider, other, agreed = [await books.world.provider() for _ in range(3)]
    await books.world.set_now(datetime(2026, 11, 30, 8, tzinfo=UTC))
    by = books.operator.users["operator"]
    await books.world.say(by, "minimum_payout_cents", 20_00, CUTOFF)
    await books.world.say(by, "minimum_payout_cents", 5_00, CUTOFF, organisation_id=agreed.id)
    await books.world.set_now(NOW)
    await books.units(provider, [19_99])
    await books.units(other, [20_00])
    await books.units(agreed, [5_00])
    run = await close(client, books)
    assert (run["settlement_count"], run["total_cents"]) == (2, 25_00)
    assert await settlements(client, provider) == []
    await books.units(provider, [1], payable_at=PAYABLE)
    await close(client, books, "2026-12-01")
    assert [line["gross_cents"] for line in (await settlement(client, provider))["lines"]] == [19_99, 1]


async def test_numbers_run_per_provider_and_year(client: httpx.AsyncClient, books: Books) -> None:
    first, second = await books.world.provider(), await books.world.provider()
    await books.world.set_now(datetime(2027, 2, 1, 8, tzinfo=UTC))
    for cutoff, providers in (
        ("2026-11-30", (first, second)), ("2026-12-31", (first,)), ("2027-01-31", (first, second)),
    ):  # fmt: skip
        for provider in providers:
            await books.units(provider, [10_00])
        await close(client, books, cutoff)
    assert [each["number"] for each in await settlements(client, first)] == ["2026/1", "2026/2", "2027/1"]
    assert [each["number"] for each in await settlements(client, second)] == ["2026/1", "2027/1"]


async def test_a_cutoff_is_settled_once(client: httpx.AsyncClient, books: Books) -> None:
    provider = await books.world.provider()
    await books.units(provider, [10_00])
    headers, body = books.operator.headers["operator"], {"cutoff_on": "2026-11-30"}
    first = await post(client, RUNS, headers, body, "one")
    before = await stored(books)
    again = await post(client, RUNS, headers, body, "one")
    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    other = await post(client, RUNS, headers, body, "two")
    assert (other.status_code, other.json()["code"]) == (409, "settlement_run_exists")
    assert other.json()["settlement_run_id"] == first.json()["id"]
    assert await stored(books) == before


async def test_an_empty_run_settles_nobody(client: httpx.AsyncClient, books: Books) -> None:
    await books.world.provider()
    run = await close(client, books)
    assert (run["settlement_count"], run["total_cents"]) == (0, 0)


async def test_run_is_refused(client: httpx.AsyncClient, books: Books) -> None:
    provider = await books.world.provider()
    await books.units(provider, [10_00])
    before = await stored(books)
    headers = books.operator.headers["operator"]
    for body, code in (({"cutoff_on": "2026-12-02"}, "future"), ({"cutoff_on": "2026-11-31"}, "day"), ({}, "missing")):
        answer = await post(client, RUNS, headers, body)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, code)
    keyless = await client.post(RUNS, headers=headers, json={"cutoff_on": "2026-11-30"})
    assert (keyless.status_code, keyless.json()["code"]) == (400, "idempotency_key_missing")
    assert await stored(books) == before


async def test_run_is_told_and_audited(client: httpx.AsyncClient, books: Books) -> None:
    first, second = await books.world.provider(), await books.world.provider()
    await books.units(first, [10_00])
    await books.units(second, [10_00])
    run = await close(client, books)
    events = await books.world.execute(
        "SELECT object_id, organisation_ids FROM event WHERE type = 'settlement.issued' AND object_kind = 'settlement'"
    )
    expected = await books.world.execute("SELECT id, ARRAY[provider_id] FROM settlement")
    assert sorted(events) == sorted(expected)
    assert len(events) == 2
    audited = await books.world.execute(
        "SELECT actor_id, object_id FROM audit_entry WHERE action = 'settlement_run.create'"
    )
    assert audited == [(books.operator.users["operator"], ids.decode("run", run["id"]))]


async def test_runs_and_rules_are_listed(client: httpx.AsyncClient, books: Books) -> None:
    headers = books.operator.headers["finance"]
    rule = await fee_rule(client, books, min_cents=5, category="respite_stay")
    runs = [await close(client, books, cutoff) for cutoff in ("2026-11-28", "2026-11-29", "2026-11-30")]
    assert (await client.get("/v1/operator/fee_rules", headers=headers)).json() == {
        "data": [rule],
        "next_cursor": None,
        "prev_cursor": None,
        "total": None,
    }
    page = (await client.get(f"{RUNS}?limit=2", headers=headers)).json()
    rest = (await client.get(f"{RUNS}?limit=2&cursor={page['next_cursor']}", headers=headers)).json()
    assert page["data"] + rest["data"] == runs[::-1]
    assert (await client.get(f"{RUNS}/{runs[0]['id']}", headers=headers)).json() == runs[0]


async def test_fee_rule_is_refused(client: httpx.AsyncClient, books: Books) -> None:
    valid = {"percent_bps": 200, "fixed_cents": 0, "payer": "provider", "valid_from": "2027-01-01"}
    headers = books.operator.headers["operator"]
    for rule, code in (
        ({"payer": "company"}, "literal_error"),
        ({"percent_bps": 10_001}, "less_than_equal"),
        ({"percent_bps": 1.5}, "int_type"),
        ({"fixed_cents": -1}, "greater_than_equal"),
        ({"min_cents": 5, "max_cents": 4}, "below_min_cents"),
        ({"valid_to": "2027-01-01"}, "not_after_valid_from"),
        ({"percent_bps": 2_001}, "above_cap"),
        ({"valid_from": "2026-12-01"}, "retroactive"),
        ({"category": "no_such"}, "unknown_category"),
    ):
        answer = await client.post("/v1/operator/fee_rules", headers=headers, json={**valid, **rule})
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, code)
    stranger = {**valid, "provider_id": ids.encode("org", ids.new_id())}
    answer = await client.post("/v1/operator/fee_rules", headers=headers, json=stranger)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert await books.world.scalar("SELECT count(*) FROM fee_rule") == 0


async def test_payment_day_is_a_working_day(client: httpx.AsyncClient, books: Books) -> None:
    provider = await books.world.provider()
    await books.units(provider, [10_00])
    await close(client, books, "2026-11-28")
    assert date.fromisoformat((await settlement(client, provider))["pay_on"]) == date(2026, 12, 9)
