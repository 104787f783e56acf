"""What operator and providers do over HTTP."""

from datetime import UTC, datetime
from typing import Any

import httpx

from tests.people import snapshot
from tests.settlements.books import CUTOFF, NOW, Books
from tests.world import Caller, Party

RULES_MADE = datetime(2025, 12, 1, 8, tzinfo=UTC)


async def post(
    client: httpx.AsyncClient, path: str, headers: dict[str, str], body: Any = None, key: str | None = None
) -> httpx.Response:
    return await Caller(client, headers, "").ask("POST", path, body, key=key)


def operator(client: httpx.AsyncClient, books: Books, role: str) -> Caller:
    return Caller(client, books.operator.headers[role], "/v1/operator")


async def close(client: httpx.AsyncClient, books: Books, cutoff: str = CUTOFF.isoformat()) -> Any:
    """Make a run as `operator`."""
    return await operator(client, books, "operator").post("/settlement_runs", {"cutoff_on": cutoff})


async def act(
    client: httpx.AsyncClient, books: Books, run: Any, verb: str, role: str = "finance", body: Any = None
) -> httpx.Response:
    """Approve, cancel or send a run; an approval names the content of the run that was read, unless told."""
    if verb == "approve" and body is None:
        body = {"content_sha256": run.get("content_sha256", "0" * 64)}
    return await operator(client, books, role).ask("POST", f"/settlement_runs/{run['id']}/{verb}", body)


async def approve(client: httpx.AsyncClient, books: Books, run: Any) -> Any:
    answer = await act(client, books, run, "approve")
    assert answer.status_code == 200, answer.text
    return answer.json()


RULE = {"percent_bps": 200, "fixed_cents": 0, "payer": "provider", "valid_from": "2026-01-01"}


async def fee_rule(client: httpx.AsyncClient, books: Books, **rule: Any) -> Any:
    """Draft a rule and let another person approve it, before its first day."""
    await books.world.set_now(RULES_MADE)
    made = await operator(client, books, "operator").post("/fee_rules", RULE | rule)
    approved = await operator(client, books, "finance").post(f"/fee_rules/{made['id']}/approve")
    await books.world.set_now(NOW)
    return approved


async def settlements(client: httpx.AsyncClient, provider: Party) -> list[Any]:
    """Return all of a provider's settlements with lines, oldest cutoff first."""
    manager = Caller(client, provider.headers["manager"], f"/v1/providers/{provider.public_id}")
    listed = (await manager.get("/settlements"))["data"]
    return [await manager.get(f"/settlements/{item['id']}") for item in reversed(listed)]


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


TABLES = (
    "settlement_run", "settlement_counter", "settlement", "settlement_line", "settlement_left_out", "payout", "payable",
    "event", "ledger.transfer", "audit_entry",
)  # fmt: skip


async def stored(books: Books) -> dict[str, list[Any]]:
    """Return every row of settlement, to see that a refusal changed nothing."""
    return {table: await snapshot(books.world, table) for table in TABLES}
