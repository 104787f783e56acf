"""Tables of credit. A lot's balances live in its ledger account, which has the lot's own id."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model, Timestamp, one_of
from app.rules.decisions import Reading
from app.rules.rows import RuleCode

ProgrammeSource = Literal["on_top", "collective_agreement", "performance_bonus"]
ValidityBasis = Literal["service_date", "booking_date"]
ExpiredCreditTo = Literal["company", "solidarity_fund", "carry_over"]
LeaversRule = Literal["zero_at_leaving", "keep_until_expiry"]
FeeFunding = Literal["out_of_pocket", "from_credit"]
SourceKind = Literal["programme", "entitlement_programme", "fund"]
EntryReason = Literal[
    "granted",
    "awarded",
    "captured",
    "refunded",
    "expired",
    "returned",
    "carried_over",
    "grace",
    "restored",
]
"""What moved credit on a lot, from the person's side."""
LotKind = Literal["grant", "grace", "entitlement"]


class CreditSource(Model):
    """Where credit comes from, with the rules that its lots keep; grace and carried-over lots keep their source.

    A programme's row in grants has the same id and says what only the company needs.
    """

    __tablename__ = "credit_source"
    __table_args__ = (
        CheckConstraint(one_of("kind", SourceKind), name="kind_known"),
        CheckConstraint(one_of("programme_source", ProgrammeSource), name="programme_source_known"),
        CheckConstraint("(kind = 'programme') = (programme_source IS NOT NULL)", name="programme_says_source"),
        CheckConstraint("cardinality(rule_codes) > 0", name="rule_codes_given"),
        CheckConstraint(one_of("validity_basis", ValidityBasis), name="validity_basis_known"),
        CheckConstraint(one_of("relatives_reading", Reading), name="relatives_reading_known"),
        CheckConstraint(one_of("fee_funding", FeeFunding), name="fee_funding_known"),
        CheckConstraint(one_of("expired_credit_to", ExpiredCreditTo), name="expired_credit_to_known"),
        CheckConstraint(one_of("leavers_rule", LeaversRule), name="leavers_rule_known"),
        CheckConstraint(
            "kind <> 'programme' OR programme_source = 'on_top'"
            " OR (leavers_rule = 'keep_until_expiry' AND expired_credit_to <> 'company')",
            name="only_on_top_returns_to_company",
        ),
        Index("credit_source_funded_by_idx", "funded_by_account_id"),
        Index("credit_source_returns_to_idx", "returns_to_account_id"),
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    kind: Mapped[SourceKind] = mapped_column(Text)
    programme_source: Mapped[ProgrammeSource | None] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    rule_codes: Mapped[list[RuleCode]] = mapped_column(ARRAY(Text))
    categories: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    validity_basis: Mapped[ValidityBasis] = mapped_column(Text)
    relatives_reading: Mapped[Reading] = mapped_column(Text)
    fee_funding: Mapped[FeeFunding] = mapped_column(Text)
    expired_credit_to: Mapped[ExpiredCreditTo] = mapped_column(Text)
    leavers_rule: Mapped[LeaversRule] = mapped_column(Text)
    funded_by_account_id: Mapped[UUID] = mapped_column(ForeignKey("ledger.account.id"))
    """The account that funds its lots."""
    returns_to_account_id: Mapped[UUID] = mapped_column(ForeignKey("ledger.account.id"))
    """Where credit goes that comes back: of a programme, the company's account of returns, never its money."""
    created_at: Mapped[datetime] = mapped_column(Timestamp)


class Lot(Model):
    """Credit of one owner from one source: amount, validity; its ledger account has the same id.

    The owner is an employment, whose person may become known later, or a person. `grant_id` names the grant of which it
    is a line.
    """

    __tablename__ = "lot"
    __table_args__ = (
        ForeignKeyConstraint(["company_id", "employee_id"], ["employee.company_id", "employee.id"]),
        ForeignKeyConstraint(["company_id", "grant_id"], ["credit_grant.company_id", "credit_grant.id"]),
        CheckConstraint(
            "num_nonnulls(user_id, employee_id) = 1 AND (company_id IS NULL) = (employee_id IS NULL)", name="one_owner"
        ),
        CheckConstraint("grant_id IS NULL OR company_id IS NOT NULL", name="grant_of_company"),
        CheckConstraint(one_of("kind", LotKind), name="kind_known"),
        CheckConstraint("amount_cents > 0", name="positive"),
        CheckConstraint("expires_on >= valid_from", name="period"),
        CheckConstraint("(kind = 'grace') = (grace_of IS NOT NULL)", name="grace_names_its_lot"),
        CheckConstraint("grace_until IS NULL OR (kind = 'grace' AND expires_on <= grace_until)", name="grace_ends"),
        Index("lot_grant_employee_key", "grant_id", "employee_id", unique=True, postgresql_where="kind = 'grant'"),
        Index("lot_employee_idx", "company_id", "employee_id"),
        Index("lot_source_idx", "source_id"),
        Index("lot_grant_idx", "company_id", "grant_id"),
        Index("lot_grace_of_idx", "grace_of"),
        Index("lot_standing_idx", "expires_on", "id", postgresql_where="ended_at IS NULL"),
        Index("lot_revoked_idx", "revoked_at", postgresql_where="revoked_at IS NOT NULL AND ended_at IS NULL"),
        Index("lot_reminders_idx", "reminders", "expires_on", postgresql_where="ended_at IS NULL"),
        Index("lot_user_idx", "user_id", postgresql_where="user_id IS NOT NULL"),
    )

    id: Mapped[UUID] = mapped_column(ForeignKey("ledger.account.id"), primary_key=True)
    source_id: Mapped[UUID] = mapped_column(ForeignKey("credit_source.id"))
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("user_account.id"))
    company_id: Mapped[UUID | None] = mapped_column(Uuid)
    employee_id: Mapped[UUID | None] = mapped_column(Uuid)
    grant_id: Mapped[UUID | None] = mapped_column(Uuid)
    kind: Mapped[LotKind] = mapped_column(Text)
    grace_of: Mapped[UUID | None] = mapped_column(ForeignKey("lot.id"))
    """The lot whose credit it continues: by grace, or carried over."""
    grace_until: Mapped[date | None] = mapped_column(Date)
    """The last day that grace gave; none where credit was carried over. Grace of grace never reaches further."""
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    valid_from: Mapped[date] = mapped_column(Date)
    expires_on: Mapped[date] = mapped_column(Date)
    revoked_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """From then on nothing is paid from it, whether or not its rest has left."""
    ended_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When the rest left: the midnight after `expires_on`, the end of the employment, or the revocation.

    Set once; a leaving that is taken back clears it.
    """
    reminders: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    """How many of the days on which its owner is reminded of its end are over."""
    created_at: Mapped[datetime] = mapped_column(Timestamp)


class CompanyReturn(Model):
    """What came back to a company in a period, posted to its account as one sum by the transfer of the same id."""

    __tablename__ = "company_return"
    __table_args__ = (
        UniqueConstraint("company_id", "returned_on", name="company_return_once_a_period"),
        CheckConstraint("amount_cents > 0", name="positive"),
    )

    id: Mapped[UUID] = mapped_column(
        ForeignKey("ledger.transfer.id", deferrable=True, initially="DEFERRED"), primary_key=True
    )
    company_id: Mapped[UUID] = mapped_column(ForeignKey("company.organisation_id"))
    returned_on: Mapped[date] = mapped_column(Date)
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(Timestamp)


class ReturnedCredit(Model):
    """One transfer of credit to a company's account of returns: waiting, or part of what was posted.

    Written by the database. The role of companies cannot read it.
    """

    __tablename__ = "returned_credit"
    __table_args__ = (
        Index("returned_credit_company_id_idx", "company_id"),
        Index("returned_credit_return_id_idx", "return_id"),
        Index("returned_credit_waiting_idx", "came_back_at", "company_id", postgresql_where="return_id IS NULL"),
    )

    transfer_id: Mapped[UUID] = mapped_column(ForeignKey("ledger.transfer.id"), primary_key=True)
    company_id: Mapped[UUID] = mapped_column(ForeignKey("company.organisation_id"))
    came_back_at: Mapped[datetime] = mapped_column(Timestamp)
    was_usable: Mapped[bool] = mapped_column(Boolean)
    """Whether its owner had a login then: what nobody could have used hides nothing of what others did."""
    return_id: Mapped[UUID | None] = mapped_column(ForeignKey("company_return.id"))
