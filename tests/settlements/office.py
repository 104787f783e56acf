"""What operator and providers do over HTTP."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx

from app import ids
from tests.settlements.books import CUTOFF, NOW, Books
from tests.world import Party

RULES_MADE = datetime(2025, 12, 1, 8, tzinfo=UTC)


async def post(
    client: httpx.AsyncClient, path: str, headers: dict[str, str], body: Any = None, key: str | None = None
) -> httpx.Response:
    return await client.post(path, headers={**headers, "Idempotency-Key": key or uuid4().hex}, json=body)


async def close(client: httpx.AsyncClient, books: Books, cutoff: str = CUTOFF.isoformat()) -> Any:
    """Make a run as `operator`."""
    headers = books.operator.headers["operator"]
    answer = await post(client, "/v1/operator/settlement_runs", headers, {"cutoff_on": cutoff})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def act(
    client: httpx.AsyncClient, books: Books, run: Any, verb: str, role: str = "finance", body: Any = None
) -> httpx.Response:
    """Approve, cancel or send a run; an approval names the content of the run that was read, unless told."""
    if verb == "approve" and body is None:
        body = {"content_sha256": run.get("content_sha256", "0" * 64)}
    return await post(client, f"/v1/operator/settlement_runs/{run['id']}/{verb}", books.operator.headers[role], body)


async def approve(client: httpx.AsyncClient, books: Books, run: Any) -> Any:
    answer = await act(client, books, run, "approve", body={"content_sha256": run["content_sha256"]})
    assert answer.status_code == 200, answer.text
    return answer.json()


RULE = {"percent_bps": 200, "fixed_cents": 0, "payer": "provider", "valid_from": "2026-01-01"}


async def fee_rule(client: httpx.AsyncClient, books: Books, **rule: Any) -> Any:
    """Draft a rule and let another person approve it, before its first day."""
    await books.world.set_now(RULES_MADE)
    made = await client.post(
        "/v1/operator/fee_rules", headers=books.operator.headers["operator"], json={**RULE, **rule}
    )
    assert made.status_code == 201, made.text
    path = f"/v1/operator/fee_rules/{made.json()['id']}/approve"
    answer = await client.post(path, headers=books.operator.headers["finance"])
    assert answer.status_code == 200, answer.text
    await books.world.set_now(NOW)
    return answer.json()


async def settlements(client: httpx.AsyncClient, provider: Party) -> list[Any]:
    """Return all of a provider's settlements with lines, oldest cutoff first."""
    headers = provider.headers["manager"]
    path = f"/v1/providers/{provider.public_id}/settlements"
    listed = (await client.get(path, headers=headers)).json()["data"]
    found = [await client.get(f"{path}/{item['id']}", headers=headers) for item in reversed(listed)]
    assert [answer.status_code for answer in found] == [200] * len(listed)
    return [answer.json() for answer in found]


async def settlement(client: httpx.AsyncClient, provider: Party) -> Any:
    (only,) = await settlements(client, provider)
    return only


async def ledger(books: Books) -> dict[str, int]:
    """Return what is on the accounts that settlement touches, over all owners."""
    rows = await books.world.execute(
        "SELECT kind, sum(CASE WHEN to_account_id = account.id THEN amount_cents ELSE -amount_cents END)::bigint"
        " FROM ledger.account JOIN ledger.transfer ON account.id IN (to_account_id, from_account_id)"
        " WHERE kind ~ '^(provider_|platform|vat)' GROUP BY kind"
    )
    return {row[0]: row[1] for row in rows if row[1] != 0}


async def stored(books: Books) -> dict[str, list[Any]]:
    """Return every row of settlement, to see that a refusal changed nothing."""
    tables = (
        "settlement_run",
        "settlement_counter",
        "settlement",
        "settlement_line",
        "settlement_left_out",
        "payout",
        "payable",
        "event",
    )
    acts = await books.world.execute(
        "SELECT to_jsonb(t) FROM audit_entry t WHERE refusal IS NULL AND action NOT LIKE '%.download' ORDER BY id"
    )
    return {"audit_entry": acts} | {
        table: await books.world.execute(f"SELECT to_jsonb(t) FROM {table} t ORDER BY to_jsonb(t)::text")
        for table in (*tables, "ledger.transfer")
    }


def content_sha256(found: Any, provider: Party, vat_codes: dict[str, str]) -> str:
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
