"""Every guard of the tables, attacked in SQL as the application's role."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app import ids
from tests.settlements.books import THAW, Books
from tests.settlements.office import act, approve, close, fee_rule, stored
from tests.world import Party


class Attack:
    """A settled provider and a session as an attacker."""

    def __init__(self, books: Books, session: AsyncSession, provider: Party, units: list[UUID]) -> None:
        self.books = books
        self.session = session
        self.provider = provider
        self.units = units

    async def refused(self, *statements: str, guard: str, **values: Any) -> None:
        """Run statements and the deferred checks: this guard must refuse, and nothing must have changed."""
        before = await stored(self.books)
        await self.session.execute(text("SET LOCAL ROLE beatrice_app"))
        with pytest.raises(DBAPIError) as refusal:  # noqa: PT012 - any of them, or the checks at the end
            for statement in statements:
                await self.session.execute(text(statement), {"provider": self.provider.id, **values})
            await self.session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
        await self.session.rollback()
        assert isinstance(refusal.value.orig, psycopg.Error)
        denied = isinstance(refusal.value.orig, psycopg.errors.InsufficientPrivilege)
        assert ("denied" if denied else refusal.value.orig.diag.constraint_name) == guard
        assert await stored(self.books) == before


@pytest.fixture
async def attack(client: httpx.AsyncClient, books: Books) -> AsyncIterator[Attack]:
    provider = await books.world.provider()
    units = await books.units(provider, [22_50, 10_00])
    await fee_rule(client, books)
    await close(client, books)
    async with books.world.database.session() as session:
        yield Attack(books, session, provider, units)
        await session.rollback()


async def test_content_never_changes(attack: Attack) -> None:
    for table, change in (
        ("settlement", "payout_cents = payout_cents + 1, gross_cents = gross_cents + 1"),
        ("settlement", "vat_cents = 0"),
        ("settlement", "sequence = 9"),
        ("settlement", "pay_on = pay_on + 1"),
        ("settlement", "content_sha256 = ''"),
        ("settlement", "status = 'approved', created_at = created_at + interval '1 second'"),
        ("settlement_run", "content_sha256 = ''"),
        ("settlement_run", "total_cents = 0"),
        ("settlement_run", "cutoff_on = cutoff_on + 1"),
        ("settlement_run", "created_by = gen_random_uuid()"),
    ):
        await attack.refused(f"UPDATE {table} SET {change}", guard=f"{table}_immutable")


async def test_lines_and_rules_have_no_update_and_nothing_vanishes(attack: Attack) -> None:
    await attack.refused("UPDATE settlement_line SET fee_cents = 0", guard="denied")
    await attack.refused("UPDATE fee_rule SET percent_bps = 0", guard="denied")
    await attack.refused("UPDATE settlement_left_out SET due_cents = 0", guard="denied")
    for table in (
        "settlement_run", "settlement_counter", "settlement", "settlement_line", "settlement_left_out", "payout",
    ):  # fmt: skip
        await attack.refused(f"DELETE FROM {table}", guard="denied")
        await attack.refused(f"TRUNCATE {table} CASCADE", guard="denied")


async def test_not_even_for_the_owner(fresh_client: httpx.AsyncClient, fresh_books: Books, cluster: Any,
                                      fresh_database_name: str) -> None:  # fmt: skip
    provider = await fresh_books.world.provider()
    await fresh_books.units(provider, [22_50])
    await approve(fresh_client, fresh_books, await close(fresh_client, fresh_books))
    before = await stored(fresh_books)
    with cluster.admin(fresh_database_name) as owner:
        for table in ("payout", "settlement_line", "settlement", "settlement_counter", "settlement_run"):
            statements = [f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"]
            if table == "settlement_line":
                statements.append("UPDATE settlement_line SET fee_cents = 0")
            for statement in statements:
                with pytest.raises(psycopg.errors.CheckViolation):
                    owner.execute(statement)
    assert await stored(fresh_books) == before


async def test_states_move_as_listed_only(attack: Attack) -> None:
    for table, *path in (
        ("settlement", "paying"),
        ("settlement", "paid"),
        ("settlement", "approved", "issued"),
        ("settlement", "approved", "paid"),
        ("settlement", "approved", "paying", "approved"),
        ("settlement", "approved", "paying", "paid", "returned"),
        ("settlement", "approved", "paying", "returned", "paying"),
        ("settlement_run", "sent"),
        ("settlement_run", "reconciled"),
    ):
        statements = [f"UPDATE {table} SET status = '{status}'" for status in path]
        await attack.refused(*statements, guard=f"{table}_transition")


async def test_payout_is_fixed_and_sent_once(attack: Attack, client: httpx.AsyncClient) -> None:
    await approve(client, attack.books, await _run(attack))
    for path in (
        ("paid",),
        ("returned",),
        ("paying", "approved"),
        ("paying", "paid", "returned"),
        ("paying", "paying"),
    ):
        statements = [f"UPDATE payout SET status = '{status}'" for status in path]
        await attack.refused(*statements, guard="payout_transition")
    for change in ("amount_cents = amount_cents + 1", "iban = 'DE89370400440532013000'", "end_to_end_id = 'x'"):
        await attack.refused(f"UPDATE payout SET status = 'paying', {change}", guard="payout_immutable")
    for change in ("approved_by = gen_random_uuid()", "debtor_iban = 'X'", "payment_file_sha256 = 'x'"):
        await attack.refused(
            f"UPDATE settlement_run SET status = 'sent', sent_at = created_at, {change}",
            guard="settlement_run_immutable",
        )


async def _run(attack: Attack) -> Any:
    row = (await attack.books.world.execute("SELECT id, content_sha256 FROM settlement_run"))[0]
    return {"id": ids.encode("run", row.id), "content_sha256": row.content_sha256}


APPROVAL = (
    "UPDATE settlement_run SET status = 'approved', approved_by = {by}, approved_at = created_at,"
    " approved_sha256 = {sha}, debtor_name = 'X', debtor_iban = 'X', execution_on = cutoff_on,"
    " payment_file_sha256 = 'x'"
)


async def test_four_eyes_for_this_content(attack: Attack) -> None:
    for by, sha, guard in (
        ("created_by", "content_sha256", "settlement_run_approver_is_not_maker"),
        ("gen_random_uuid()", "reverse(content_sha256)", "settlement_run_approved_is_this_content"),
        ("NULL", "content_sha256", "settlement_run_approval_is_complete"),
        ("gen_random_uuid()", "NULL", "settlement_run_approval_is_complete"),
    ):
        await attack.refused(APPROVAL.format(by=by, sha=sha), guard=guard)


PAYOUT = """
    INSERT INTO payout (id, run_id, settlement_id, provider_id, end_to_end_id, creditor_name, iban, creditor_town,
        creditor_country, amount_cents, created_at)
    SELECT gen_random_uuid(), run_id, id, provider_id, 'X', 'X', 'X', 'X', 'IT', payout_cents + :more, created_at
    FROM settlement
"""


CANCELLED = "UPDATE settlement_run SET status = 'cancelled', cancelled_by = created_by, cancelled_at = created_at"


async def test_payouts_and_documents_follow_their_run(attack: Attack) -> None:
    await attack.refused("UPDATE payout SET status = 'approved'", guard="payout_follows_run")
    for table in ("payout", "settlement"):
        await attack.refused(f"UPDATE {table} SET status = 'cancelled'", guard=f"{table}_follows_run")
    await attack.refused("UPDATE settlement_line SET cancelled = true", guard="settlement_line_immutable")
    await attack.refused("UPDATE settlement_run SET status = 'cancelled'", guard="settlement_run_cancelled_by_somebody")
    approval = APPROVAL.format(by="gen_random_uuid()", sha="content_sha256")
    await attack.refused(approval, CANCELLED, guard="settlement_run_immutable")
    await attack.refused(CANCELLED, "UPDATE settlement SET status = 'approved'", approval,
                         guard="settlement_run_immutable")  # fmt: skip


async def test_payout_pays_what_is_owed_once(attack: Attack, client: httpx.AsyncClient) -> None:
    await attack.refused(PAYOUT, guard="payout_settlement_id_key", more=0)
    run = await _run(attack)
    await approve(client, attack.books, run)
    await act(client, attack.books, run, "sent")
    await attack.refused(PAYOUT, guard="payout_settlement_id_key", more=0)


LINE = """
    INSERT INTO settlement_line (id, settlement_id, provider_id, payable_id, unit_id, kind, service_on, vat_code,
        gross_cents, fee_cents, fee_vat_cents, subsidy_cents, net_cents)
    SELECT gen_random_uuid(), settlement.id, :provider, payable.id, payable.source_id, :kind, CAST(:day AS date), :vat,
        :gross, 0, 0, 0, :gross
    FROM payable, settlement WHERE payable.source_id = :unit AND settlement.provider_id = :provider
"""
SETTLE = f"""
    WITH line AS ({LINE})
    UPDATE payable SET settlement_id = settlement.id
    FROM settlement WHERE source_id = :unit AND settlement.provider_id = :provider
"""
TRUE: dict[str, Any] = {"kind": "service", "day": date(2026, 11, 2), "vat": "vat_5", "gross": 5_00}


async def test_a_payable_is_settled_once(attack: Attack) -> None:
    values = {**TRUE, "gross": 22_50, "unit": attack.units[0]}
    await attack.refused(LINE, guard="settlement_line_settled_once_key", **values)
    for change, guard in (
        ("settlement_id = NULL", "payable_settled_by_line"),
        ("settlement_id = gen_random_uuid()", "payable_append_only"),
        ("blocked = true", "payable_append_only"),
        ("settlement_id = NULL, blocked = true", "payable_append_only"),
    ):
        again = f"UPDATE payable SET {change} WHERE source_id = :unit"
        await attack.refused(again, guard=guard, unit=attack.units[0])


async def test_a_settled_document_takes_no_further_line(attack: Attack) -> None:
    (unit,) = await attack.books.units(attack.provider, [5_00])
    await attack.refused(SETTLE, guard="settlement_is_sum_of_lines", unit=unit, **TRUE)


async def test_a_line_is_its_payable(attack: Attack) -> None:
    (unit,) = await attack.books.units(attack.provider, [5_00])
    (foreign,) = await attack.books.units(await attack.books.world.provider(), [5_00])
    changes: list[dict[str, Any]] = [
        {"gross": 5_01}, {"kind": "no_show_fee"}, {"kind": "late_fee"}, {"kind": "adjustment"}, {"vat": "exempt"},
        {"day": date(2026, 11, 3)}, {"unit": foreign},
    ]  # fmt: skip
    for change in changes:
        values = {"unit": unit, **TRUE, **change}
        await attack.refused(SETTLE, guard="settlement_line_is_the_payable", **values)
    await attack.refused(LINE, guard="settlement_line_is_the_payable", unit=unit, **TRUE)


async def test_a_payable_is_settled_by_its_line(attack: Attack) -> None:
    (unit,) = await attack.books.units(attack.provider, [5_00])
    settle = "UPDATE payable SET settlement_id = (SELECT id FROM settlement) WHERE source_id = :unit"
    await attack.refused(settle, guard="payable_settled_by_line", unit=unit)
    await attack.books.world.execute("UPDATE payable SET blocked = true WHERE source_id = :unit", unit=unit)
    await attack.refused(settle, guard="payable_blocked_waits", unit=unit)


SETTLEMENT = """
    INSERT INTO settlement (id, run_id, provider_id, year, sequence, cutoff_on, gross_cents, vat_cents, fee_cents,
        fee_vat_cents, subsidy_cents, payout_cents, pay_on, content_sha256, created_at)
    SELECT gen_random_uuid(), run_id, :provider, 2026, :sequence, :cutoff, :cents, 0, 0, 0, 0, :cents, pay_on, '',
        created_at
    FROM (SELECT :run AS run_id, pay_on, created_at FROM settlement LIMIT 1) AS first
"""
RUN = """
    INSERT INTO settlement_run (id, cutoff_on, content_sha256, settlement_count, total_cents, created_by, created_at)
    SELECT :run, :cutoff, '', :count, :total, created_by, created_at FROM settlement_run LIMIT 1
"""
COUNTER = "UPDATE settlement_counter SET last_number = :sequence WHERE provider_id = :provider"


async def test_a_settlement_needs_lines_a_number_and_a_run(attack: Attack) -> None:
    values = {"run": ids.new_id(), "cutoff": date(2026, 12, 1), "count": 1, "total": 5_00, "sequence": 2, "cents": 5_00}
    await attack.refused(RUN, guard="settlement_run_is_sum_of_settlements", **values)
    await attack.refused(RUN, COUNTER, SETTLEMENT, guard="settlement_is_sum_of_lines", **values)
    await attack.refused(RUN, SETTLEMENT, guard="settlement_run_is_sum_of_settlements", **{**values, "cents": 4_99})
    empty = {**values, "cents": 0, "total": 0}
    await attack.refused(RUN, SETTLEMENT, guard="settlement_number_gapless", **empty)
    other = {**empty, "cutoff": date(2026, 12, 2)}
    await attack.refused(
        RUN, COUNTER, SETTLEMENT.replace(":cutoff", "CAST('2026-12-03' AS date)"),
        guard="settlement_run_is_sum_of_settlements", **other,
    )  # fmt: skip


async def test_a_closed_run_takes_no_further_settlement(attack: Attack) -> None:
    run_id = (await attack.books.world.execute("SELECT id FROM settlement_run"))[0][0]
    values = {"run": run_id, "cutoff": date(2026, 11, 30), "sequence": 1, "cents": 0}
    other = await attack.books.world.provider()
    await attack.refused(SETTLEMENT, guard="settlement_run_is_sum_of_settlements", **{**values, "provider": other.id})


async def test_numbers_have_no_gap(attack: Attack) -> None:
    for number in (0, 1, 3):
        await attack.refused(COUNTER, guard="settlement_counter_one_by_one", sequence=number)
    await attack.refused(COUNTER, guard="settlement_number_gapless", sequence=2)
    insert = "INSERT INTO settlement_counter (provider_id, year, last_number) VALUES (:provider, 2027, :number)"
    await attack.refused(insert, guard="settlement_number_gapless", number=1)
    await attack.refused(insert, guard="settlement_counter_one_by_one", number=2)


async def test_a_settled_unit_never_changes(attack: Attack) -> None:
    for change in (
        "price_cents = price_cents - 1",
        "fee_cents = 1",
        "starts_at = starts_at + interval '1 second'",
        "own_money_due_cents = 1",
        "completed_at = completed_at + interval '1 second'",
    ):
        await attack.refused(
            f"UPDATE care.unit SET {change} WHERE id = :unit", guard="unit_settled_never_changes", unit=attack.units[0]
        )


async def test_a_settled_unit_may_still_be_disputed(attack: Attack) -> None:
    """What a dispute gives back is an item of its own: neither what was settled nor its payable changes."""
    unit = attack.units[0]
    owed = "SELECT blocked, settlement_id, gross_cents FROM payable WHERE source_id = :unit"
    before = await attack.books.world.execute(owed, unit=unit)
    await attack.books.world.execute("UPDATE care.unit SET disputed = true WHERE id = :unit", unit=unit)
    assert await attack.books.world.execute(owed, unit=unit) == before
    await attack.books.world.execute(THAW, id=unit)
    assert await attack.books.world.execute(owed, unit=unit) == before


async def test_an_unsettled_unit_still_changes(attack: Attack) -> None:
    (unit,) = await attack.books.units(attack.provider, [5_00], outcome="cancelled_late", fee_cents=1_00)
    await attack.books.world.execute("UPDATE care.unit SET disputed = true WHERE id = :unit", unit=unit)
    assert await attack.books.world.scalar("SELECT disputed FROM care.unit WHERE id = :unit", unit=unit) is True
    assert await attack.books.world.scalar("SELECT blocked FROM payable WHERE source_id = :unit", unit=unit) is True
    await attack.books.world.execute(THAW, id=unit)
    assert await attack.books.world.scalar("SELECT blocked FROM payable WHERE source_id = :unit", unit=unit) is False


async def test_one_run_per_cutoff(attack: Attack) -> None:
    values = {"run": ids.new_id(), "count": 0, "total": 0}
    await attack.refused(RUN, guard="settlement_run_cutoff_on_key", cutoff=date(2026, 11, 30), **values)
