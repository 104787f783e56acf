"""Reads and writes of a company's side: top-ups, programmes, grants. Every statement carries the company."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.credit.models import ExpiredCreditTo, FeeFunding, LeaversRule, ProgrammeSource, ValidityBasis
from app.db import APP, HR, NOTHING, WORKER, Query
from app.employees.models import Contract
from app.employees.queries import Leave
from app.grants.models import EntryKind, GeneralityReason, Grant, GrantStatus, TopUp, TopUpStatus
from app.listing import Found, ListQuery, Window, page_of
from app.rules.decisions import Reading
from app.rules.rows import RuleCode


@dataclass(frozen=True, slots=True)
class CompanyMoney:
    """A company's money here: on its account, put into credit less what was posted back, wanted by waiting grants."""

    balance_cents: int
    granted_cents: int
    awaiting_cents: int
    next_returns_on: date


@dataclass(frozen=True, slots=True)
class CompanyEntry:
    """A movement on a company's account, as the company may know it."""

    id: UUID
    kind: EntryKind
    amount_cents: int
    happened_at: datetime


@dataclass(frozen=True, slots=True)
class OpenRevocation:
    """A revocation that waits for another person: who asked (and the person behind a key), for whom."""

    id: UUID
    whole: bool
    asked_by: UUID
    asker_id: UUID
    employee_ids: list[UUID]


@dataclass(frozen=True, slots=True)
class RevocationRow:
    """A revocation as the company sees it; nobody is named where it is whole."""

    id: UUID
    whole: bool
    reason: str
    asked_at: datetime
    withdrawn_at: datetime | None
    approved_at: datetime | None
    employee_ids: list[UUID]


@dataclass(frozen=True, slots=True)
class NamedTopUp:
    """A top-up with its company's name, as the operator sees it."""

    id: UUID
    company_id: UUID
    company_name: str
    status: TopUpStatus
    amount_cents: int
    payment_reference: str
    created_at: datetime
    resolved_at: datetime | None
    confirmed_by: UUID | None
    second_confirmed_by: UUID | None


@dataclass(frozen=True, slots=True)
class CompanyTerms:
    """What a company's programmes take from it: how it reads the law on relatives, who pays, where credit returns."""

    relatives_reading: Reading
    account_id: UUID
    returns_account_id: UUID


@dataclass(frozen=True, slots=True)
class ProgrammeRow:
    """A programme with the terms of its credit."""

    id: UUID
    company_id: UUID
    name: str
    source: ProgrammeSource
    basis: str | None
    basis_reference: str | None
    employee_category: str
    rule_codes: list[RuleCode]
    categories: list[str] | None
    lot_expires_on: date
    validity_basis: ValidityBasis
    expired_credit_to: ExpiredCreditTo
    leavers_rule: LeaversRule
    fee_funding: FeeFunding
    relatives_reading: Reading
    created_at: datetime
    version: int
    external_id: str | None
    metadata: dict[str, str]
    archived_at: datetime | None
    agreement_code: str | None
    agreement_year: int | None
    due_by: date | None


@dataclass(frozen=True, slots=True)
class ProgrammeToGrant:
    """What a programme says about a new grant; locked against changes."""

    name: str
    employee_category: str
    rule_codes: list[RuleCode]
    lot_expires_on: date
    archived_at: datetime | None
    agreement_code: str | None
    agreement_year: int | None


@dataclass(frozen=True, slots=True)
class AgreementFacts:
    """What decides whether an agreement owes somebody its credit; `person` is the same in every spell of employment."""

    id: UUID
    external_id: str | None
    given_name: str
    family_name: str
    person: bytes
    hired_on: date
    ended_on: date | None
    contract: Contract
    probation_ends_on: date | None
    unpaid_leave: tuple[Leave, ...]
    agreement_code: str | None
    spell_starts: list[date]
    spell_ends: list[date]
    granted_cents: int


@dataclass(frozen=True, slots=True)
class DeadlineRow:
    """A programme whose agreement wants its credit given by a day."""

    id: UUID
    company_id: UUID
    name: str
    employee_category: str
    agreement_code: str
    agreement_year: int
    due_by: date


@dataclass(frozen=True, slots=True)
class GrantRow:
    """A grant, and what is on its company's account now."""

    id: UUID
    company_id: UUID
    programme_id: UUID
    status: GrantStatus
    total_cents: int
    employee_count: int
    generality_reason: GeneralityReason | None
    generality_note: str | None
    created_at: datetime
    approved_at: datetime | None
    activated_at: datetime | None
    version: int
    external_id: str | None
    metadata: dict[str, str]
    programme_name: str
    available_cents: int

    @property
    def shortfall_cents(self) -> int:
        """What the account lacks for it, as long as it wants money."""
        return max(0, self.total_cents - self.available_cents) if self.status in {"draft", "awaiting_funds"} else 0


@dataclass(frozen=True, slots=True)
class LockedGrant(GrantRow):
    """A grant before its next state: who made it (and the person behind a key), until when its programme lives."""

    created_by: UUID
    maker_id: UUID
    lot_expires_on: date


@dataclass(frozen=True, slots=True)
class ActivatedGrant(GrantRow):
    """A grant that has become active, with its lines and what its programme says of the lots made of these."""

    employee_ids: list[UUID]
    amounts: list[int]
    funded_by_account_id: UUID
    lot_expires_on: date


@dataclass(frozen=True, slots=True)
class LineRow:
    """Who gets how much from a grant."""

    employee_id: UUID
    external_id: str | None
    given_name: str
    family_name: str
    amount_cents: int


@dataclass(frozen=True, slots=True)
class EmployeeToGrant:
    id: UUID
    category: str
    ended_on: date | None


@dataclass(frozen=True, slots=True)
class EmployeeKey:
    """By what a file may name an employee."""

    id: UUID
    external_id: str | None
    fiscal_code_index: bytes


@dataclass(frozen=True, slots=True)
class CategorySizes:
    """How many are employed now: in one category, in the whole company."""

    in_category: int
    in_company: int


# Companies work as HR. The operator's confirmation of money activates grants and the demo grants as the application.
# So does the worker, which posts what came back.
BY_CREATION = {"created_at": "id uuid"}
BOTH = (APP, HR)
ALL = (APP, HR, WORKER)
COMPANY_MONEY = Query(CompanyMoney, "grants.company_money", roles=(HR,))
OPERATOR_TOP_UPS = ListQuery(NamedTopUp, "grants.operator_top_ups", BY_CREATION, replan=True)
PAYEE_NAME = Query(str, "grants.payee_name", roles=(HR,))
LOCK_TOP_UP = Query(NamedTopUp, "grants.lock_top_up")
TOP_UP_NEEDS_TWO = Query(bool, "grants.top_up_needs_two")
CONFIRM_TOP_UP_FIRST = Query(NamedTopUp, "grants.confirm_top_up_first")
CONFIRM_TOP_UP = Query(NamedTopUp, "grants.confirm_top_up")
RETURN_TOP_UP = Query(NamedTopUp, "grants.return_top_up")
LOCK_OWN_TOP_UP = Query(str, "grants.lock_own_top_up", roles=(HR,))
BANK_CLEARING = Query(UUID, "grants.bank_clearing")
COMPANY_TERMS = Query(CompanyTerms, "grants.company_terms", roles=BOTH)
PROGRAMMES = ListQuery(ProgrammeRow, "grants.programmes", {**BY_CREATION, "name": "name text, id uuid"}, roles=(HR,))
PROGRAMME = Query(ProgrammeRow, "grants.programme", roles=(HR,))
LOCK_PROGRAMME = Query(ProgrammeRow, "grants.lock_programme", roles=(HR,))
PROGRAMME_TO_GRANT = Query(ProgrammeToGrant, "grants.programme_to_grant", roles=BOTH)
EMPLOYED_IN_CATEGORY = Query(UUID, "grants.employed_in_category", roles=BOTH)
CATEGORY_SIZES = Query(CategorySizes, "grants.category_sizes", roles=BOTH)
EMPLOYEES = Query(EmployeeToGrant, "grants.employees", roles=BOTH)
EMPLOYEE_KEYS = Query(EmployeeKey, "grants.employee_keys", roles=(HR,))
COMPANY_ENTRIES = ListQuery(
    CompanyEntry, "grants.company_entries", {"happened_at": "happened_at timestamptz, id uuid"}, roles=(HR,)
)
AMOUNTS_IDENTIFY = Query(bool, "grants.amounts_identify", roles=BOTH)
LINES_IDENTIFY = Query(bool, "grants.lines_identify", roles=BOTH)
OPEN_REVOCATION = Query(OpenRevocation, "grants.open_revocation", roles=BOTH)
REVOCATIONS = ListQuery(RevocationRow, "grants.revocations", BY_CREATION, roles=(HR,))
INSERT_REVOKED_LINES = Query(NOTHING, "grants.insert_revoked_lines", roles=(HR,))
APPROVE_REVOCATION = Query(NOTHING, "grants.approve_revocation", roles=BOTH)
WITHDRAW_REVOCATION = Query(NOTHING, "grants.withdraw_revocation", roles=(HR,))
LINES = ListQuery(
    LineRow,
    "grants.lines",
    {"employee_id": "employee_id uuid", "amount_cents": "amount_cents bigint, employee_id uuid"},
    roles=(HR,),
)
INSERT_LINES = Query(NOTHING, "grants.insert_lines", roles=BOTH)
GRANTS = ListQuery(GrantRow, "grants.grants", BY_CREATION, roles=(HR,))
GRANT = Query(GrantRow, "grants.grant", roles=(HR,))
LOCK_GRANT = Query(LockedGrant, "grants.lock_grant", roles=BOTH)
WAITING_GRANTS = Query(GrantRow, "grants.waiting_grants", roles=ALL)
MOVE_GRANT = Query(GrantRow, "grants.move_grant", roles=BOTH)
ACTIVATE_GRANT = Query(ActivatedGrant, "grants.activate_grant", roles=ALL)
AGREEMENT_FACTS = Query(AgreementFacts, "grants.agreement_facts", roles=ALL)
DEADLINES = Query(DeadlineRow, "grants.deadlines", roles=(HR,))
NEXT_DEADLINE_REMINDER: Query[date | None] = Query(date, "grants.next_deadline_reminder", roles=(WORKER,))
NOTE_DEADLINE_REMINDERS = Query(DeadlineRow, "grants.note_deadline_reminders", roles=(WORKER,))


async def top_ups_of(
    session: AsyncSession,
    company_id: UUID,
    window: Window,
    *,
    statuses: Sequence[TopUpStatus] | None,
    payment_reference: str | None,
    external_id: str | None,
    announced_from: datetime | None,
    announced_before: datetime | None,
) -> Found[TopUp]:
    """Return a company's top-ups."""
    own = select(TopUp).where(TopUp.company_id == company_id)
    if statuses is not None:
        own = own.where(TopUp.status.in_(statuses))
    if payment_reference is not None:
        own = own.where(TopUp.payment_reference == payment_reference)
    if external_id is not None:
        own = own.where(TopUp.external_id == external_id)
    if announced_from is not None:
        own = own.where(TopUp.created_at >= announced_from)
    if announced_before is not None:
        own = own.where(TopUp.created_at < announced_before)
    return await page_of(session, own, window, {"created_at": (TopUp.id,)})


async def top_up_of(session: AsyncSession, company_id: UUID, top_up_id: UUID) -> TopUp | None:
    return await session.scalar(select(TopUp).where(TopUp.company_id == company_id, TopUp.id == top_up_id))


async def programme_used(session: AsyncSession, company_id: UUID, programme_id: UUID) -> bool:
    used = exists().where(Grant.company_id == company_id, Grant.programme_id == programme_id)
    return bool(await session.scalar(select(used)))
