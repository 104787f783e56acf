"""Reads, locks and written sets of settlement; providers see their own only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.db import NOTHING, Query
from app.errors import NotFound
from app.listing import Found, ListQuery, Window, page_of
from app.payables.models import PayableKind
from app.settlements.models import FeeRule, LeftOutReason, RunStatus, Settlement, SettlementRun, SettlementStatus


@dataclass(frozen=True, slots=True)
class LockedRun:
    """What decides whether a run may go on, locked until the transaction ends."""

    cutoff_on: date
    status: RunStatus
    content_sha256: str
    created_by: UUID


@dataclass(frozen=True, slots=True)
class RunContent:
    """The hash of a run's stored documents; `agrees` says that each of them has the hash it was given."""

    content_sha256: str
    agrees: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a settlement, as providers see it."""

    unit_id: UUID
    kind: PayableKind
    service_on: date
    gross_cents: int
    fee_cents: int
    fee_vat_cents: int
    subsidy_cents: int
    net_cents: int


@dataclass(frozen=True, slots=True)
class ToPay:
    """What approval moves: from what a provider is owed to what is on its way to it."""

    settlement_id: UUID
    amount_cents: int
    pay_on: date
    payable_account_id: UUID
    in_transit_account_id: UUID


@dataclass(frozen=True, slots=True)
class RunSettlement:
    """A document of a run with its payee as fixed, as who approves it sees it."""

    id: UUID
    provider_id: UUID
    number: str
    status: SettlementStatus
    payee_name: str
    iban: str
    street: str | None
    street_number: str | None
    postcode: str | None
    town: str | None
    country: str
    gross_cents: int
    fee_cents: int
    fee_vat_cents: int
    payout_cents: int
    content_sha256: str
    changed: list[str]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A provider that a run does not pay, and why."""

    provider_id: UUID
    provider_name: str
    reason: LeftOutReason
    due_cents: int


@dataclass(frozen=True, slots=True)
class Payout:
    """One payment for one settlement, as the bank gets it and as it is kept; `number` is the settlement's."""

    settlement_id: UUID
    provider_id: UUID
    number: str
    end_to_end_id: str
    creditor_name: str
    iban: str
    creditor_street: str | None
    creditor_street_number: str | None
    creditor_postcode: str | None
    creditor_town: str | None
    creditor_country: str
    amount_cents: int


LOCKED_RUN = Query(LockedRun, "settlements.locked_run")
RUN_CONTENT = Query(RunContent, "settlements.run_content")
PAYOUTS = Query(Payout, "settlements.payouts")
TO_PAY = Query(ToPay, "settlements.to_pay")
RUN_SETTLEMENTS = ListQuery(
    RunSettlement,
    "settlements.run_settlements",
    {"created_at": "id uuid", "payout_cents": "payout_cents bigint, id uuid", "payee_name": "payee_name text, id uuid"},
)
LEFT_OUT = ListQuery(
    LeftOut,
    "settlements.left_out",
    {"provider_id": "provider_id uuid", "due_cents": "due_cents bigint, provider_id uuid"},
)
OPERATOR_NAME = Query(str, "settlements.operator_name")
MORE_TIME = Query(str, "settlements.more_time")
CANCEL_LINES = Query(NOTHING, "settlements.cancel_lines")
FREE_PAYABLES = Query(NOTHING, "settlements.free_payables")
FEES_OF_RUN = Query(UUID, "settlements.fees_of_run")
LINES = Query(Line, "settlements.lines")


async def fee_rules(
    session: AsyncSession, window: Window, *, provider_id: UUID | None, category: str | None
) -> Found[FeeRule]:
    """Return fee rules."""
    wanted = select(FeeRule)
    if provider_id is not None:
        wanted = wanted.where(FeeRule.provider_id == provider_id)
    if category is not None:
        wanted = wanted.where(FeeRule.category == category)
    return await page_of(session, wanted, window, {"created_at": (FeeRule.id,)})


async def runs(
    session: AsyncSession,
    window: Window,
    *,
    statuses: Sequence[RunStatus] | None,
    first: date | None,
    last: date | None,
) -> Found[SettlementRun]:
    """Return runs whose cutoff is in a period."""
    wanted = select(SettlementRun)
    if statuses is not None:
        wanted = wanted.where(SettlementRun.status.in_(statuses))
    if first is not None:
        wanted = wanted.where(SettlementRun.cutoff_on >= first)
    if last is not None:
        wanted = wanted.where(SettlementRun.cutoff_on <= last)
    orders = {"created_at": (SettlementRun.id,), "cutoff_on": (SettlementRun.cutoff_on, SettlementRun.id)}
    return await page_of(session, wanted, window, orders)


async def run(session: AsyncSession, run_id: UUID) -> SettlementRun | None:
    return await session.scalar(select(SettlementRun).where(SettlementRun.id == run_id))


async def settlements(
    session: AsyncSession,
    provider_id: UUID,
    window: Window,
    *,
    statuses: Sequence[SettlementStatus] | None,
    first: date | None,
    last: date | None,
) -> Found[Settlement]:
    """Return a provider's settlements whose cutoff is in a period."""
    own = select(Settlement).where(Settlement.provider_id == provider_id)
    if statuses is not None:
        own = own.where(Settlement.status.in_(statuses))
    if first is not None:
        own = own.where(Settlement.cutoff_on >= first)
    if last is not None:
        own = own.where(Settlement.cutoff_on <= last)
    orders = {"created_at": (Settlement.id,), "cutoff_on": (Settlement.cutoff_on, Settlement.id)}
    return await page_of(session, own, window, orders)


async def settlement(session: AsyncSession, provider_id: UUID, settlement_id: UUID) -> tuple[Settlement, list[Line]]:
    """Return a provider's settlement with its lines; NotFound when it is foreign or absent."""
    own = select(Settlement).where(Settlement.provider_id == provider_id, Settlement.id == settlement_id)
    return await _with_lines(session, await session.scalar(own))


async def settlement_of_run(session: AsyncSession, run_id: UUID, settlement_id: UUID) -> tuple[Settlement, list[Line]]:
    """Return a run's settlement with its lines, as the provider sees it."""
    of_run = select(Settlement).where(Settlement.run_id == run_id, Settlement.id == settlement_id)
    return await _with_lines(session, await session.scalar(of_run))


async def _with_lines(session: AsyncSession, found: Settlement | None) -> tuple[Settlement, list[Line]]:
    if found is None:
        raise NotFound
    return found, await LINES.all(session, provider_id=found.provider_id, settlement_id=found.id)
