"""Tables of credit. A lot's balances live in its ledger account, which has the lot's own id."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Date, ForeignKey, ForeignKeyConstraint, Index, Text, Uuid
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model, Timestamp, one_of

ProgrammeSource = Literal["on_top", "collective_agreement", "performance_bonus"]
ValidityBasis = Literal["service_date", "booking_date"]
ExpiredCreditTo = Literal["company", "solidarity_fund", "carry_over"]
LeaversRule = Literal["zero_at_leaving", "keep_until_expiry"]
FeeFunding = Literal["out_of_pocket", "from_credit"]
LotKind = Literal["grant", "grace", "entitlement"]


class Lot(Model):
    """Credit of one employment from one grant: amount, validity; its ledger account has the same id."""

    __tablename__ = "lot"
    __table_args__ = (
        ForeignKeyConstraint(["company_id", "programme_id"], ["programme.company_id", "programme.id"]),
        ForeignKeyConstraint(["company_id", "employee_id"], ["employee.company_id", "employee.id"]),
        ForeignKeyConstraint(["company_id", "grant_id"], ["credit_grant.company_id", "credit_grant.id"]),
        CheckConstraint(one_of("kind", LotKind), name="kind_known"),
        CheckConstraint("amount_cents > 0", name="positive"),
        CheckConstraint("expires_on >= valid_from", name="period"),
        CheckConstraint("(kind = 'grace') = (grace_of IS NOT NULL)", name="grace_names_its_lot"),
        Index("lot_grant_employee_key", "grant_id", "employee_id", unique=True, postgresql_where="kind = 'grant'"),
        Index("lot_employee_idx", "company_id", "employee_id"),
        Index("lot_programme_idx", "company_id", "programme_id"),
        Index("lot_grant_idx", "company_id", "grant_id"),
        Index("lot_grace_of_idx", "grace_of"),
        Index("lot_unexpired_idx", "expires_on", "id", postgresql_where="expired_at IS NULL"),
    )

    id: Mapped[UUID] = mapped_column(ForeignKey("ledger.account.id"), primary_key=True)
    company_id: Mapped[UUID] = mapped_column(Uuid)
    employee_id: Mapped[UUID] = mapped_column(Uuid)
    programme_id: Mapped[UUID] = mapped_column(Uuid)
    grant_id: Mapped[UUID] = mapped_column(Uuid)
    kind: Mapped[LotKind] = mapped_column(Text, server_default="grant")
    grace_of: Mapped[UUID | None] = mapped_column(ForeignKey("lot.id"))
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    valid_from: Mapped[date] = mapped_column(Date)
    expires_on: Mapped[date] = mapped_column(Date)
    expired_at: Mapped[datetime | None] = mapped_column(Timestamp)
    """When the rest left: the midnight after `expires_on`, or the end of the employment. Set once."""
    created_at: Mapped[datetime] = mapped_column(Timestamp)
