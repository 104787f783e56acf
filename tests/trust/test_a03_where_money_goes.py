"""A3: nobody alone decides where money goes, and nothing of a payee changes between a run and its payment."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from lxml import etree
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app import config, ids
from app.ledger import verify
from tests.people import join
from tests.production import in_force
from tests.settlements.books import NOW, PAYABLE, Books, open_books
from tests.settlements.office import act, approve, close, fee_rule, ledger, post, settlement, stored
from tests.world import Party, World

OLD, NEW = "IT60X0542811101000000123456", "DE89370400440532013000"
HOLD = timedelta(hours=72)
ACCOUNTS = "/v1/operator/bank_accounts"


@pytest.fixture
async def books(world: World) -> Books:
    return await open_books(world)


def _as(books: Books, role: str) -> dict[str, str]:
    return books.operator.headers[role]


async def _ask(client: httpx.AsyncClient, provider: Party, iban: str = NEW, status: int = 201) -> Any:
    path = f"/v1/providers/{provider.public_id}/bank_account"
    answer = await client.post(path, json={"iban": iban}, headers=provider.headers["manager"])
    assert answer.status_code == status, answer.text
    return answer.json()


async def _decide(
    client: httpx.AsyncClient, books: Books, account: Any, role: str = "finance", verb: str = "approve"
) -> httpx.Response:
    return await client.post(f"{ACCOUNTS}/{account['id']}/{verb}", headers=_as(books, role))


async def _paid(client: httpx.AsyncClient, books: Books, run: Any) -> list[str]:
    """Approve a run and return the IBANs of its payment file."""
    await approve(client, books, run)
    path = f"/v1/operator/settlement_runs/{run['id']}/payment_file"
    answer = await client.get(path, headers=_as(books, "finance"))
    assert answer.status_code == 200
    found = etree.fromstring(answer.content).xpath("//*[local-name()='CdtrAcct']//*[local-name()='IBAN']/text()")
    return [str(iban) for iban in found]


async def _seen(client: httpx.AsyncClient, books: Books, run: Any, role: str = "finance") -> list[Any]:
    path = f"/v1/operator/settlement_runs/{run['id']}/settlements"
    answer = await client.get(path, headers=_as(books, role))
    assert answer.status_code == 200
    found: list[Any] = answer.json()["data"]
    return found


async def test_there_is_one_operator(client: httpx.AsyncClient, books: Books) -> None:
    parties = "SELECT count(*) FROM organisation"
    before = await books.world.scalar(parties)
    for kinds in (["operator"], ["provider", "operator"]):
        body = {"name": "Gestione Due", "kinds": kinds, "tax_code": "09991010167"}
        answer = await client.post("/v1/operator/organisations", json=body, headers=_as(books, "operator"))
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert await books.world.scalar(parties) == before
    second = (
        # Attack: a second operator
        "INSERT INTO organisation (id, name, kinds, tax_code, created_at)"
        " VALUES (gen_random_uuid(), 'Due', '{provider,operator}', '1', '2026-01-01Z')"
    )
    for statement, guard in (
        (second, "organisation_one_operator_key"),
        ("UPDATE organisation SET kinds = '{provider,operator}'", None),
        ("UPDATE organisation SET created_by = NULL", None),
    ):  # fmt: skip
        await _refused(books.world, statement, guard)


async def _refused(world: World, statement: str, guard: str | None, **values: Any) -> None:
    """Run a statement as the application: this guard must refuse it, or the grants do."""
    async with world.database.session() as session:
        await session.execute(text("SET LOCAL ROLE beatrice_app"))
        with pytest.raises(DBAPIError) as refusal:
            await session.execute(text(statement), values)
        await session.rollback()
    assert refusal.value.orig is not None
    assert refusal.value.orig.diag.constraint_name == guard  # type: ignore[attr-defined]


async def test_a_changed_account_takes_two_people_and_three_days(client: httpx.AsyncClient, books: Books) -> None:
    provider = await books.world.provider()
    await books.units(provider, [10_00])
    mails = "SELECT recipient, text FROM outgoing_mail ORDER BY id"
    account = await _ask(client, provider)
    effective_at = datetime.fromisoformat(account["effective_at"])
    assert account["status"] == "pending"
    assert effective_at - datetime.fromisoformat(account["requested_at"]) == HOLD
    (told,) = await books.world.execute(mails)
    email = await books.world.scalar("SELECT email FROM user_account WHERE id = :id", id=provider.users["manager"])
    assert (told.recipient, NEW[-4:] in told.text, NEW in told.text) == (email, True, False)
    # One person in two places is one person.
    await books.world.membership(provider.users["manager"], books.operator.id, "finance")
    own = await client.post(f"{ACCOUNTS}/{account['id']}/approve", headers=provider.headers["manager"])
    assert (own.status_code, own.json()["code"]) == (403, "approver_is_maker")
    listed = (await client.get(f"{ACCOUNTS}?status=pending", headers=_as(books, "finance"))).json()["data"]
    assert listed == [account]
    # Nor does finance approve what a colleague of hers at the provider has asked for.
    colleague, headers = await books.world.login("collega@example.test")
    await books.world.membership(colleague, provider.id, "staff")
    await books.world.membership(colleague, books.operator.id, "finance")
    apart = await client.post(f"{ACCOUNTS}/{account['id']}/approve", headers=headers)
    assert (apart.status_code, apart.json()["code"]) == (403, "approver_is_maker")
    assert (await client.get(f"{ACCOUNTS}?status=pending", headers=headers)).json()["data"] == [account]
    approved = (await _decide(client, books, account)).json()
    assert (approved["status"], approved["effective_at"]) == ("approved", account["effective_at"])
    assert len(await books.world.execute(mails)) == 2
    again = await _decide(client, books, account, "operator")
    assert (again.status_code, again.json()["code"]) == (409, "already_resolved")
    run = await close(client, books)
    assert await _paid(client, books, run) == [OLD]
    for at, cutoff, iban, changed in (
        (effective_at - timedelta(minutes=1), "2026-12-03", OLD, []), (effective_at, "2026-12-04", NEW, ["iban"]),
    ):  # fmt: skip
        await books.world.set_now(at)
        await books.units(provider, [10_00])
        run = await close(client, books, cutoff)
        (seen,) = await _seen(client, books, run)
        assert (seen["iban"], seen["changed"]) == (iban, changed)
        assert await _paid(client, books, run) == [iban]


async def test_the_operator_alone_changes_no_account(client: httpx.AsyncClient, books: Books) -> None:
    provider = await books.world.provider()
    path = f"/v1/operator/organisations/{provider.public_id}"
    before = await client.get(path, headers=_as(books, "operator"))
    assert (before.json()["iban"], before.json()["iban_status"]) == (OLD, "in_force")
    tagged = {**_as(books, "operator"), "If-Match": before.headers["etag"]}
    changed = await client.patch(path, json={"iban": NEW}, headers=tagged)
    assert changed.status_code == 200
    assert (changed.json()["iban"], changed.json()["iban_status"]) == (OLD, "changing")
    stale = await client.patch(path, json={"iban": "IT60X0542811101000000123456"}, headers=tagged)
    assert stale.status_code == 412
    (account,) = (await client.get(f"{ACCOUNTS}?status=pending", headers=_as(books, "operator"))).json()["data"]
    own = await _decide(client, books, account, "operator")
    assert (own.status_code, own.json()["code"]) == (403, "approver_is_maker")
    held = await _ask(client, provider, "FR1420041010050500013M02606", 409)
    assert held["code"] == "iban_on_hold"
    assert (await _decide(client, books, account)).status_code == 200
    # The real provider objects before the wait is over.
    stopped = await _decide(client, books, account, "operator", "reject")
    assert (stopped.status_code, stopped.json()["status"]) == (200, "rejected")
    await books.world.set_now(NOW + HOLD * 2)
    assert (await client.get(path, headers=_as(books, "operator"))).json()["iban"] == OLD
    late = await _decide(client, books, account, "operator", "reject")
    assert (late.status_code, late.json()["code"]) == (409, "already_resolved")


async def test_whoever_enters_a_payee_does_not_approve_it(client: httpx.AsyncClient, books: Books) -> None:
    """The operator enters a provider, and a mailbox of its own asks for the account: still one person."""
    body = {"name": "Fantasma", "kinds": ["provider"], "tax_code": "09991010167", "iban": NEW}
    made = await client.post("/v1/operator/organisations", json=body, headers=_as(books, "operator"))
    assert (made.json()["iban"], made.json()["iban_status"]) == (NEW, "on_hold")
    path = f"/v1/operator/organisations/{made.json()['id']}"
    invited = {"email": "ghost@evil.example", "roles": ["admin", "manager"]}
    await client.post(f"{path}/members", json=invited, headers=_as(books, "operator"))
    ghost = await join(client, books.world, "ghost@evil.example")
    (account,) = (await client.get(f"{ACCOUNTS}?status=pending", headers=_as(books, "operator"))).json()["data"]
    assert (await _decide(client, books, account, "operator")).json()["code"] == "approver_is_maker"
    assert (await _decide(client, books, account, "operator", "reject")).status_code == 200
    ask = f"/v1/providers/{made.json()['id']}/bank_account"
    account = (await client.post(ask, json={"iban": NEW}, headers=ghost)).json()
    assert (await _decide(client, books, account, "operator")).json()["code"] == "approver_is_maker"
    assert await books.world.scalar("SELECT count(*) FROM bank_account WHERE iban = :iban", iban=NEW) == 2
    assert (await _decide(client, books, account)).json()["status"] == "approved"


async def test_who_cannot_be_paid_is_left_out_with_the_reason(client: httpx.AsyncClient, books: Books) -> None:
    payable, holding, bare, odd = [await books.world.provider() for _ in range(4)]
    for provider in (payable, holding, bare, odd):
        await books.units(provider, [10_00])
    await _take_account(books, holding, bare)
    await _ask(client, holding)
    await books.world.execute("UPDATE organisation SET name = '***' WHERE id = :id", id=odd.id)
    run = await close(client, books)
    assert (run["settlement_count"], run["total_cents"], run["left_out_count"]) == (1, 10_00, 3)
    path = f"/v1/operator/settlement_runs/{run['id']}/left_out"
    found = (await client.get(path, headers=_as(books, "finance"))).json()["data"]
    assert {row["provider_id"]: (row["reason"], row["due_cents"]) for row in found} == {
        holding.public_id: ("iban_on_hold", 10_00),
        bare.public_id: ("iban_missing", 10_00),
        odd.public_id: ("name_unusable", 10_00),
    }
    assert await _paid(client, books, run) == [OLD]
    # What they are owed waits: they are paid by a later run.
    await books.world.bank_account(bare, NEW)
    await books.world.set_now(NOW + timedelta(days=1))
    later = await close(client, books, "2026-12-02")
    assert (later["settlement_count"], later["left_out_count"]) == (1, 2)
    assert (await settlement(client, bare))["number"] == "2026/1"


async def _take_account(books: Books, *providers: Party) -> None:
    """Let their accounts never have been approved, as a stop before the first payment would."""
    await books.world.execute(
        "UPDATE bank_account SET status = 'rejected', decided_at = effective_at - interval '1 second'"
        " WHERE organisation_id = ANY (:ids)",
        ids=[provider.id for provider in providers],
    )


async def test_the_payee_is_fixed_with_the_run(client: httpx.AsyncClient, books: Books) -> None:
    provider = await books.world.provider("Cooperativa Vera")
    await books.units(provider, [10_00])
    run = await close(client, books)
    for role in ("operator", "finance"):
        (seen,) = await _seen(client, books, run, role)
        assert (seen["payee_name"], seen["iban"], seen["payout_cents"]) == ("Cooperativa Vera", OLD, 10_00)
        assert (seen["street"], seen["town"], seen["changed"]) == ("Via Roma", "Albino", ["new"])
    path = f"/v1/operator/settlement_runs/{run['id']}/settlements/{seen['id']}"
    whole = (await client.get(path, headers=_as(books, "finance"))).json()
    assert whole == await settlement(client, provider)
    await books.world.execute(
        "UPDATE organisation SET name = 'Mario Rossi Holding', town = 'Clusone' WHERE id = :id", id=provider.id
    )
    await books.world.bank_account(provider, NEW)
    (after,) = await _seen(client, books, run)
    assert after == seen
    assert await _paid(client, books, run) == [OLD]
    await books.units(provider, [10_00])
    await books.world.set_now(NOW + timedelta(days=1))
    changed = await _seen(client, books, await close(client, books, "2026-12-02"))
    assert [row["changed"] for row in changed] == [["name", "iban", "address"]]
    # A run that nobody approved shows nothing as known.
    await books.units(provider, [10_00])
    await books.world.set_now(NOW + timedelta(days=2))
    again = await _seen(client, books, await close(client, books, "2026-12-03"))
    assert [row["changed"] for row in again] == [["name", "iban", "address"]]


async def test_a_payee_changed_behind_the_guards_is_not_approved(
    fresh_client: httpx.AsyncClient, fresh_world: World, cluster: Any, fresh_database_name: str
) -> None:
    books = await open_books(fresh_world)
    provider = await fresh_world.provider()
    await books.units(provider, [10_00])
    run = await close(fresh_client, books)
    with cluster.admin(fresh_database_name) as owner:
        owner.execute("ALTER TABLE payout DISABLE TRIGGER USER")
        for column, true in (("iban", OLD), ("creditor_name", provider.name), ("creditor_town", "Albino")):
            owner.execute(f"UPDATE payout SET {column} = 'Altro'")
            refused = await act(fresh_client, books, run, "approve")
            assert (refused.status_code, refused.json()["code"]) == (409, "content_changed")
            owner.execute(f"UPDATE payout SET {column} = %s", (true,))
        owner.execute("ALTER TABLE payout ENABLE TRIGGER USER")
    await approve(fresh_client, books, run)


async def test_an_approval_names_what_was_read(client: httpx.AsyncClient, books: Books) -> None:
    provider = await books.world.provider()
    await books.units(provider, [10_00])
    run = await close(client, books)
    before = await stored(books)
    path = f"/v1/operator/settlement_runs/{run['id']}/approve"
    for body in (None, {}, {"content_sha256": None}):
        answer = await post(client, path, _as(books, "finance"), body)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert await stored(books) == before


async def test_a_run_is_given_up_before_it_is_approved(client: httpx.AsyncClient, books: Books) -> None:
    provider = await books.world.provider()
    await books.units(provider, [22_50] * 7)
    await fee_rule(client, books)
    untouched = await ledger(books)
    first = await close(client, books)
    cancelled = (await act(client, books, first, "cancel", "operator")).json()
    assert (cancelled["status"], cancelled["cancelled_by"]) == (
        "cancelled", ids.encode("usr", books.operator.users["operator"]),
    )  # fmt: skip
    assert await ledger(books) == untouched == {"provider_payable": 157_50}
    assert (await settlement(client, provider))["status"] == "cancelled"
    for verb in ("approve", "cancel", "sent"):
        refused = await act(client, books, first, verb)
        assert (refused.status_code, refused.json()["state"]) == (409, "cancelled")
    file = await client.get(f"/v1/operator/settlement_runs/{first['id']}/payment_file", headers=_as(books, "finance"))
    assert (file.status_code, file.json()["code"]) == (409, "state_conflict")
    # The same cutoff again, twice: the same money under new numbers and ids.
    second = await close(client, books)
    await act(client, books, second, "cancel")
    third = await close(client, books)
    assert (third["total_cents"], third["settlement_count"]) == (153_66, 1)
    assert await _paid(client, books, third) == [OLD]
    assert await ledger(books) == {"provider_in_transit": 153_66, "platform_fees": 3_15, "vat_payable": 69}
    assert (await act(client, books, third, "cancel")).json()["state"] == "approved"
    numbers = await books.world.execute("SELECT sequence, status FROM settlement ORDER BY sequence")
    assert numbers == [(1, "cancelled"), (2, "cancelled"), (3, "approved")]
    async with books.world.database.begin() as session:
        await session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        assert (await verify.verify(session)).differences == []


async def test_the_database_refuses_too(client: httpx.AsyncClient, books: Books) -> None:
    provider = await books.world.provider()
    account = ids.decode("bac", (await _ask(client, provider))["id"])
    approval = "UPDATE bank_account SET status = 'approved', decided_by = {by}, decided_at = {at} WHERE id = :id"
    for by, at, guard in (
        ("requested_by", "requested_at", "bank_account_approver_is_not_requester"),
        ("NULL", "requested_at", "bank_account_approver_is_not_creator"),
        ("gen_random_uuid()", "effective_at + interval '1 second'", "bank_account_effective_once_approved"),
        ("gen_random_uuid()", "NULL", "bank_account_decided_when_not_pending"),
    ):
        await _refused(books.world, approval.format(by=by, at=at), guard, id=account)
    hurry = approval.format(by="gen_random_uuid()", at="requested_at").replace(
        "SET", "SET effective_at = requested_at,"
    )
    await _refused(books.world, hurry, "bank_account_fixed", id=account)
    for change in ("iban = 'DE89370400440532013001'", "organisation_id = gen_random_uuid()", "requested_by = NULL"):
        await _refused(books.world, f"UPDATE bank_account SET {change}", None)
    await _refused(books.world, "DELETE FROM bank_account", None)
    await _refused(
        books.world,
        # Attack: born approved
        "INSERT INTO bank_account (id, organisation_id, iban, status, requested_by, requested_at, effective_at,"
        " decided_by, decided_at) SELECT gen_random_uuid(), organisation_id, iban, 'approved', gen_random_uuid(),"
        " requested_at, requested_at, gen_random_uuid(), requested_at FROM bank_account WHERE id = :id",
        "bank_account_begins_pending",
        id=account,
    )
    await books.world.execute(approval.format(by="gen_random_uuid()", at="requested_at"), id=account)
    back = "UPDATE bank_account SET status = 'pending', decided_by = NULL, decided_at = NULL WHERE id = :id"
    await _refused(books.world, back, "bank_account_transition", id=account)
    late = "UPDATE bank_account SET status = 'rejected', decided_at = effective_at WHERE id = :id"
    await _refused(books.world, late, "bank_account_transition", id=account)


def test_production_waits_three_days() -> None:
    with in_force() as settings:
        assert settings.iban_hold_hours == 72
    with pytest.raises(ValueError, match="BEATRICE_IBAN_HOLD_HOURS: production waits for at least 72 hours"):
        in_force(BEATRICE_IBAN_HOLD_HOURS="71").__enter__()


async def test_the_sandbox_may_wait_less(
    client: httpx.AsyncClient, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BEATRICE_IBAN_HOLD_HOURS", "0")
    config.settings.cache_clear()
    try:
        provider = await books.world.provider()
        await books.units(provider, [10_00], payable_at=PAYABLE)
        await _decide(client, books, await _ask(client, provider))
        assert await _paid(client, books, await close(client, books)) == [NEW]
    finally:
        monkeypatch.undo()
        config.settings.cache_clear()
