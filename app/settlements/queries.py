"""Reads, locks and written sets of settlement; providers see their own only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.db import NOTHING, Query
from app.errors import NotFound
from app.payables.models import PayableKind
from app.settlements.models import FeeRule, RunStatus, Settlement, SettlementRun


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
class Payee:
    """A provider with its settlement in a run, as it is on the day of approval."""

    settlement_id: UUID
    provider_id: UUID
    number: str
    payout_cents: int
    pay_on: date
    name: str
    iban: str | None
    street: str | None
    street_number: str | None
    postcode: str | None
    town: str | None
    country: str
    payable_account_id: UUID
    in_transit_account_id: UUID


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
PAYEES = Query(Payee, "settlements.payees")
NEW_PAYOUTS = Query(NOTHING, "settlements.new_payouts")
PAYOUTS = Query(Payout, "settlements.payouts")
LINES = Query(Line, "settlements.lines")


async def fee_rules(session: AsyncSession, limit: int, after: UUID | None) -> Sequence[FeeRule]:
    """Return fee rules, newest first."""
    newest = select(FeeRule).where(_before(FeeRule.id, after)).order_by(FeeRule.id.desc()).limit(limit)
    return (await session.scalars(newest)).all()


async def runs(session: AsyncSession, limit: int, after: UUID | None) -> Sequence[SettlementRun]:
    """Return runs, newest first."""
    newest = select(SettlementRun).where(_before(SettlementRun.id, after)).order_by(SettlementRun.id.desc())
    return (await session.scalars(newest.limit(limit))).all()


async def run(session: AsyncSession, run_id: UUID) -> SettlementRun | None:
    return await session.scalar(select(SettlementRun).where(SettlementRun.id == run_id))


async def settlements(session: AsyncSession, provider_id: UUID, limit: int, after: UUID | None) -> Sequence[Settlement]:
    """Return a provider's settlements, newest first."""
    own = select(Settlement).where(Settlement.provider_id == provider_id, _before(Settlement.id, after))
    return (await session.scalars(own.order_by(Settlement.id.desc()).limit(limit))).all()


async def settlement(session: AsyncSession, provider_id: UUID, settlement_id: UUID) -> tuple[Settlement, list[Line]]:
    """Return a provider's settlement with its lines; NotFound when it is foreign or absent."""
    own = select(Settlement).where(Settlement.provider_id == provider_id, Settlement.id == settlement_id)
    found = await session.scalar(own)
    if found is None:
        raise NotFound
    return found, await LINES.all(session, provider_id=provider_id, settlement_id=settlement_id)


def _before(column: InstrumentedAttribute[UUID], after: UUID | None) -> ColumnElement[bool]:
    """Return the condition of the rows behind the last one seen: lists begin with the newest."""
    return true() if after is None else column < after
