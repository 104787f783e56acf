"""Runs over HTTP: the worked example, fee rules, rounding, order of days, who may do what."""

from typing import Any
from uuid import uuid4

import httpx

from tests.settlements.books import CUTOFF, Books
from tests.world import Party


async def post(client: httpx.AsyncClient, path: str, headers: dict[str, str], body: Any = None) -> httpx.Response:
    return await client.post(path, headers={**headers, "Idempotency-Key": uuid4().hex}, json=body)


async def close(client: httpx.AsyncClient, books: Books, cutoff: str = CUTOFF.isoformat()) -> Any:
    answer = await post(
        client, "/v1/operator/settlement_runs", books.operator.headers["operator"], {"cutoff_on": cutoff}
    )
    assert answer.status_code == 201, answer.text
    return answer.json()


async def fee_rule(client: httpx.AsyncClient, books: Books, **rule: Any) -> Any:
    body = {"percent_bps": 200, "fixed_cents": 0, "payer": "provider", "valid_from": "2026-01-01", **rule}
    answer = await client.post("/v1/operator/fee_rules", headers=books.operator.headers["operator"], json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def only_settlement(client: httpx.AsyncClient, provider: Party) -> Any:
    listed = (
        await client.get(f"/v1/providers/{provider.public_id}/settlements", headers=provider.headers["manager"])
    ).json()
    assert len(listed["data"]) == 1
    found = await client.get(
        f"/v1/providers/{provider.public_id}/settlements/{listed['data'][0]['id']}", headers=provider.headers["manager"]
    )
    assert found.status_code == 200, found.text
    return found.json()


async def test_example_13(client: httpx.AsyncClient, books: Books) -> None:
    provider = await books.world.provider()
    await books.units(provider, [22_50] * 7)
    await fee_rule(client, books)
    run = await close(client, books)
    assert (run["status"], run["settlement_count"], run["total_cents"]) == ("closed", 1, 153_66)
    found = await only_settlement(client, provider)
    assert {name: found[name] for name in found if name.endswith("_cents")} == {
        "gross_cents": 157_50, "vat_cents": 7_50, "fee_cents": 3_15, "fee_vat_cents": 69, "subsidy_cents": 0,
        "payout_cents": 153_66,
    }  # fmt: skip
    assert (found["number"], found["cutoff_on"], found["pay_on"]) == ("2026/1", "2026-11-30", "2026-12-10")
    assert [line["fee_cents"] for line in found["lines"]] == [45] * 7
    assert sorted(line["fee_vat_cents"] for line in found["lines"]) == [9] + [10] * 6
    assert sum(line["net_cents"] for line in found["lines"]) == 153_66
