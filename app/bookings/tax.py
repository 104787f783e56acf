"""A person's year for the tax return, from the ledger and the units: what credit paid, what she paid herself."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.actor import Locale
from app.bookings.tax_schemas import OwnMoneyRead, ReimbursementRead, TaxStatementRead, UsedCreditRead
from app.db import Query
from app.files import csv
from app.payroll import queries as payroll
from app.rules.book import book_in_force
from app.rules.rows import RuleCode

GIVEN = frozenset({"granted", "awarded"})
LOST = frozenset({"expired", "returned", "restored"})
"""What was restored had been returned, and counts against it."""
COLUMNS = ("year", "what", "rule_code", "provider_name", "provider_tax_code", "category", "beneficiary_name",
    "amount_cents")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moved:
    """What came (above zero) or went in a year for one reason."""

    reason: str
    amount_cents: int


@dataclass(frozen=True, slots=True)
class Used:
    """What credit paid under one rule: services, or fees."""

    rule_code: RuleCode
    is_fee: bool
    amount_cents: int


@dataclass(frozen=True, slots=True)
class OwnMoney:
    """What a person owes one provider for one kind of care of one person."""

    provider_name: str
    provider_tax_code: str
    category: str
    given_name: str
    family_name: str
    is_fee: bool
    amount_cents: int


MOVED = Query(Moved, "bookings.moved_in_year")
USED = Query(Used, "bookings.used_in_year")
OWN_MONEY = Query(OwnMoney, "bookings.own_money_in_year")


async def statement(session: AsyncSession, user_id: UUID, year: int, language: Locale) -> TaxStatementRead:
    """Return a person's year; the sums of credit are those of the ledger."""
    within = {
        "user_id": user_id,
        "from_at": clock.midnight(date(year, 1, 1)),
        "to_at": clock.midnight(date(year + 1, 1, 1)),
    }
    moved = await MOVED.all(session, **within)
    used = await USED.all(session, **within)
    own = await OWN_MONEY.all(session, **within)
    services = [row for row in own if not row.is_fee]
    return TaxStatementRead(
        year=year,
        granted_cents=sum(row.amount_cents for row in moved if row.reason in GIVEN),
        used=[UsedCreditRead(rule_code=row.rule_code, amount_cents=row.amount_cents) for row in used if not row.is_fee],
        fees_from_credit_cents=sum(row.amount_cents for row in used if row.is_fee),
        lost_cents=-sum(row.amount_cents for row in moved if row.reason in LOST),
        reimbursements=[
            ReimbursementRead.model_validate(row) for row in await payroll.reimbursed(session, user_id, year)
        ],
        own_money=[_own_money(row, date(year, 12, 31), language) for row in services],
        own_money_cents=sum(row.amount_cents for row in services),
        fees_own_money_cents=sum(row.amount_cents for row in own if row.is_fee),
    )


def _own_money(row: OwnMoney, on: date, language: Locale) -> OwnMoneyRead:
    category = book_in_force().category(row.category, on)
    name = row.category if category is None else category.name if language == "it" else category.name_en
    return OwnMoneyRead(
        provider_name=row.provider_name,
        provider_tax_code=row.provider_tax_code,
        category=row.category,
        category_name=name,
        beneficiary_name=f"{row.given_name} {row.family_name}",
        amount_cents=row.amount_cents,
    )


def to_csv(found: TaxStatementRead) -> bytes:
    """Return one row for each sum: comma, UTF-8, amounts in cents, no cell that a spreadsheet would compute."""
    return csv.write(COLUMNS, [(found.year, *row) for row in _rows(found)]).encode()


def _rows(found: TaxStatementRead) -> Iterator[Sequence[str | int | None]]:
    nothing = (None,) * 5
    yield ("granted", *nothing, found.granted_cents)
    for used in found.used:
        yield ("used", used.rule_code, *nothing[1:], used.amount_cents)
    yield ("fees_from_credit", *nothing, found.fees_from_credit_cents)
    yield ("lost", *nothing, found.lost_cents)
    for back in found.reimbursements:
        yield (back.kind, back.rule_code, *nothing[1:], back.amount_cents)
    for own in found.own_money:
        yield (
            "own_money", None, own.provider_name, own.provider_tax_code, own.category, own.beneficiary_name,
            own.amount_cents,
        )  # fmt: skip
    yield ("fees_own_money", *nothing, found.fees_own_money_cents)
