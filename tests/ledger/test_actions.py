"""Instructions in bulk, through a session."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.ids import new_id
from app.ledger import actions, queries
from app.ledger.errors import AlreadyReversed, HoldEnded, InsufficientFunds, Refused
from app.ledger.instructions import Capture, HoldRelease, NewAccount, NewHold, NewTransfer, Reversal
from app.ledger.queries import AccountBalance, Balance, KindRow

AT = datetime(2026, 11, 23, 8, tzinfo=UTC)


async def opened(session: AsyncSession, *kinds: str) -> list[UUID]:
    rows = [NewAccount(new_id(), kind, new_id()) for kind in kinds]
    await actions.open_accounts(session, rows)
    return [row.id for row in rows]


async def funded(session: AsyncSession, cents: int, lots: int = 1) -> tuple[UUID, UUID, list[UUID]]:
    """Return (company, provider, lots), each lot with so many cents."""
    clearing, company, provider = await opened(session, "bank_clearing_company", "company_account", "provider_earned")
    accounts = await opened(session, *["lot"] * lots)
    await actions.transfer(session, [NewTransfer(new_id(), clearing, company, cents * lots, "top_up", AT)])
    await actions.transfer(session, [NewTransfer(new_id(), company, lot, cents, "granted", AT) for lot in accounts])
    return company, provider, accounts


async def refused(session: AsyncSession, kind: type[Exception], run: Callable[[], Awaitable[Any]]) -> Exception:
    before = await everything(session)
    savepoint = await session.begin_nested()
    with pytest.raises(kind) as caught:
        await run()
    await savepoint.rollback()
    assert await everything(session) == before
    return caught.value


async def everything(session: AsyncSession) -> Sequence[Any]:
    return [
        (await session.execute(text(f"SELECT * FROM ledger.{table} ORDER BY 1"))).all()
        for table in ("account", "transfer", "hold", "hold_end")
    ]


async def test_a_grant_of_2000_lots_is_two_statements(session: AsyncSession) -> None:
    clearing, company = await opened(session, "bank_clearing_company", "company_account")
    await actions.transfer(session, [NewTransfer(new_id(), clearing, company, 20_000_001, "top_up", AT)])
    lots = [NewAccount(new_id(), "lot", new_id()) for _ in range(2_000)]
    statements: list[str] = []
    connection = (await session.connection()).sync_connection
    event.listen(connection, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    await actions.open_accounts(session, lots)
    await actions.transfer(session, [NewTransfer(new_id(), company, lot.id, 10_000, "granted", AT) for lot in lots])
    assert len(statements) == 2
    assert await queries.balances_of(session, [company]) == {company: Balance(1, 0)}
    balances = await queries.balances_of(session, [lot.id for lot in lots])
    assert balances == {lot.id: Balance(10_000, 0) for lot in lots}


async def test_a_bulk_grant_is_all_or_nothing(session: AsyncSession) -> None:
    _, _, lots = await funded(session, 1_000, lots=4)
    rows = [NewTransfer(new_id(), lots[0], lot, 500, "grace", AT) for lot in lots[1:]]
    await refused(session, InsufficientFunds, lambda: actions.transfer(session, rows))


async def test_hold_capture_release(session: AsyncSession) -> None:
    _, provider, (lot, other) = await funded(session, 1_000, lots=2)
    cause = new_id()
    holds = [
        NewHold(new_id(), lot, provider, 300, AT, cause),
        NewHold(new_id(), lot, provider, 200, AT, cause),
        NewHold(new_id(), other, provider, 700, AT, cause),
        NewHold(new_id(), other, provider, 100, AT),
    ]
    await actions.place_holds(session, holds)
    assert await queries.balances_of(session, [lot, other]) == {lot: Balance(1_000, 500), other: Balance(1_000, 800)}
    whole, partial, released, freed = (hold.id for hold in holds)
    due = datetime(2026, 12, 1, tzinfo=UTC)
    created = datetime(2026, 12, 2, 9, tzinfo=UTC)
    with clock.at(created):
        await actions.capture(
            session,
            [
                Capture(new_id(), partial, "captured", due, amount_cents=50),
                Capture(new_id(), whole, "captured", due, cause_id=cause),
            ],
        )
        await actions.release(session, [HoldRelease(released, due), HoldRelease(freed, due)])
    balances = await queries.balances_of(session, [lot, other, provider])
    assert balances == {lot: Balance(650, 0), other: Balance(1_000, 0), provider: Balance(350, 0)}
    assert balances[lot].available_cents == 650
    ends = await session.execute(text("SELECT hold_id, kind, amount_cents, event_at, created_at FROM ledger.hold_end"))
    found = {row.hold_id: row for row in ends if row.hold_id in {hold.id for hold in holds}}
    assert {key: (row.kind, row.amount_cents) for key, row in found.items()} == {
        whole: ("captured", 300),
        partial: ("captured", 50),
        released: ("released", 0),
        freed: ("released", 0),
    }
    assert {row.event_at for row in found.values()} == {due}
    assert {row.created_at.date() for row in found.values()} == {created.date()}


async def test_an_ended_hold_is_a_conflict(session: AsyncSession) -> None:
    _, provider, (lot,) = await funded(session, 1_000)
    captured, released = NewHold(new_id(), lot, provider, 300, AT), NewHold(new_id(), lot, provider, 200, AT)
    await actions.place_holds(session, [captured, released])
    await actions.capture(session, [Capture(new_id(), captured.id, "captured", AT)])
    await actions.release(session, [HoldRelease(released.id, AT)])
    for hold in (captured, released):
        rows = [Capture(new_id(), hold.id, "captured", AT, amount_cents=1)]
        await refused(session, HoldEnded, lambda rows=rows: actions.capture(session, rows))  # type: ignore[misc]
        ends = [HoldRelease(hold.id, AT)]
        await refused(session, HoldEnded, lambda ends=ends: actions.release(session, ends))  # type: ignore[misc]


async def test_one_ended_hold_refuses_the_whole_batch(session: AsyncSession) -> None:
    _, provider, lots = await funded(session, 1_000, lots=3)
    holds = [NewHold(new_id(), lot, provider, 300, AT) for lot in lots]
    await actions.place_holds(session, holds)
    await actions.release(session, [HoldRelease(holds[1].id, AT)])
    captures = [Capture(new_id(), hold.id, "captured", AT) for hold in holds]
    await refused(session, HoldEnded, lambda: actions.capture(session, captures))


async def test_reversals(session: AsyncSession) -> None:
    _, _, (lot, other) = await funded(session, 1_000, lots=2)
    (returns,) = await opened(session, "company_returns")
    transfers = [
        NewTransfer(new_id(), lot_id, returns, cents, "returned", AT) for lot_id, cents in ((lot, 400), (other, 9))
    ]
    await actions.transfer(session, transfers)
    await actions.reverse(
        session,
        [
            Reversal(new_id(), transfers[1].id, "restored", AT),
            Reversal(new_id(), transfers[0].id, "restored", AT, amount_cents=399),
        ],
    )
    assert await queries.balances_of(session, [returns, lot, other]) == {
        returns: Balance(1, 0),
        lot: Balance(999, 0),
        other: Balance(1_000, 0),
    }
    again = [Reversal(new_id(), transfers[0].id, "restored", AT, amount_cents=1)]
    await refused(session, AlreadyReversed, lambda: actions.reverse(session, again))


async def test_an_unknown_reference_is_refused(session: AsyncSession) -> None:
    _, provider, (lot,) = await funded(session, 1_000)
    hold = NewHold(new_id(), lot, provider, 300, AT)
    await actions.place_holds(session, [hold])
    absent = new_id()
    runs: list[Callable[[], Awaitable[None]]] = [
        lambda: actions.capture(
            session, [Capture(new_id(), hold.id, "captured", AT), Capture(new_id(), absent, "captured", AT)]
        ),
        lambda: actions.release(session, [HoldRelease(absent, AT), HoldRelease(hold.id, AT)]),
        lambda: actions.reverse(session, [Reversal(new_id(), absent, "restored", AT)]),
    ]
    for run in runs:
        error = await refused(session, Refused, run)
        assert isinstance(error, Refused)
        assert error.guard == "unknown_reference"


async def test_a_mistake_names_its_guard(session: AsyncSession) -> None:
    company, provider, (lot,) = await funded(session, 1_000)
    error = await refused(
        session, Refused, lambda: actions.place_holds(session, [NewHold(new_id(), provider, lot, 1, AT)])
    )
    assert isinstance(error, Refused)
    assert error.guard == "hold_payer_guarded"
    nothing = [NewTransfer(new_id(), lot, company, 0, "test", AT)]
    error = await refused(session, Refused, lambda: actions.transfer(session, nothing))
    assert isinstance(error, Refused)
    assert error.guard == "transfer_amount"


async def test_no_rows_do_nothing(session: AsyncSession) -> None:
    before = await everything(session)
    await actions.open_accounts(session, [])
    await actions.transfer(session, [])
    await actions.place_holds(session, [])
    await actions.capture(session, [])
    await actions.reverse(session, [])
    await actions.release(session, [])
    assert await everything(session) == before


async def test_locking_leaves_open_accounts_out(session: AsyncSession) -> None:
    company, provider, (lot,) = await funded(session, 1_000)
    found = await queries.lock_accounts(session, [lot, provider, company])
    assert found == {company: Balance(0, 0), lot: Balance(1_000, 0)}


async def test_company_balance(session: AsyncSession) -> None:
    company_id, company = new_id(), new_id()
    assert await queries.company_balance(session, company_id) is None
    await actions.open_accounts(session, [NewAccount(company, "company_account", company_id)])
    assert await queries.company_balance(session, company_id, for_update=True) == AccountBalance(company, 0, 0)


async def test_trial_balance(session: AsyncSession) -> None:
    start = {total.kind: total for total in (await queries.trial_balance(session)).accounts}
    _, provider, (lot,) = await funded(session, 1_000)
    hold = NewHold(new_id(), lot, provider, 225, AT)
    await actions.place_holds(session, [hold])
    await actions.capture(session, [Capture(new_id(), hold.id, "captured", AT)])
    trial = await queries.trial_balance(session)
    assert trial.balanced is True
    zero = KindRow("", 0, 0, agrees=True)
    moved = {
        total.kind: (
            total.debit_cents - start.get(total.kind, zero).debit_cents,
            total.credit_cents - start.get(total.kind, zero).credit_cents,
        )
        for total in trial.accounts
    }
    assert {kind: sides for kind, sides in moved.items() if sides != (0, 0)} == {
        "bank_clearing_company": (1_000, 0),
        "company_account": (1_000, 1_000),
        "lot": (225, 1_000),
        "provider_earned": (0, 225),
    }


async def test_hr_opens_and_funds_lots_through_the_same_actions(session: AsyncSession) -> None:
    company_id = new_id()
    accounts = [
        NewAccount(new_id(), "bank_clearing_company", new_id()),
        NewAccount(new_id(), "company_account", company_id),
    ]
    await actions.open_accounts(session, accounts)
    clearing, company = (account.id for account in accounts)
    await actions.transfer(session, [NewTransfer(new_id(), clearing, company, 1_000, "top_up", AT)])
    await session.execute(text("SET LOCAL ROLE beatrice_hr"))
    lots = [NewAccount(new_id(), "lot", new_id()) for _ in range(2)]
    await actions.open_accounts(session, lots)
    await actions.transfer(session, [NewTransfer(new_id(), company, lot.id, 400, "granted", AT) for lot in lots])
    assert await queries.company_balance(session, company_id, for_update=True) == AccountBalance(company, 200, 0)
    with pytest.raises(ProgrammingError, match="permission denied for table account"):
        await queries.balances_of(session, [lots[0].id])
