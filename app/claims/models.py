"""Tables of claims, in schema care."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Model, Timestamp, one_of
from app.files.documents import MediaType
from app.sealing import SealedColumn

ClaimStatus = Literal["submitted", "needs_info", "approved", "rejected", "withdrawn", "paid"]
ClaimRunStatus = Literal["closed", "approved", "sent", "cancelled"]
SEALED = (
    SealedColumn("care.claim_document", "sealed_identity", "claim_document", hash_column="fingerprint"),
    SealedColumn("care.claim", "sealed_details", "claim_details"),
    SealedColumn("care.claim", "sealed_payee", "claim_payee"),
    SealedColumn("care.claim", "sealed_question", "claim_question"),
    SealedColumn("care.claim", "sealed_answer", "claim_answer"),
    SealedColumn("care.claim", "sealed_decision", "claim_decision"),
    SealedColumn("care.claim", "sealed_appeal", "claim_appeal"),
    SealedColumn("care.claim_file", "sealed_content", "claim_file", at_once=5),
)


class ClaimDocument(Model):
    """A receipt or an invoice, whoever claims of it: at most its total less public money."""

    __tablename__ = "claim_document"
    __table_args__ = (
        UniqueConstraint("fingerprint", name="claim_document_fingerprint_key"),
        CheckConstraint("public_cents >= 0 AND total_cents > public_cents", name="something_own"),
        CheckConstraint("claimed_cents >= 0 AND claimed_cents <= total_cents - public_cents", name="never_exceeded"),
        {"schema": "care"},
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    """By which the same document is found again: a keyed hash of issuer, number and date."""
    sealed_identity: Mapped[bytes] = mapped_column(LargeBinary)
    total_cents: Mapped[int] = mapped_column(BigInteger)
    public_cents: Mapped[int] = mapped_column(BigInteger)
    claimed_cents: Mapped[int] = mapped_column(BigInteger)
    """By claims that were neither rejected nor withdrawn."""
    created_at: Mapped[datetime] = mapped_column(Timestamp)


class ClaimRun(Model):
    """One file of payments to people, closed by one person and approved by another."""

    __tablename__ = "claim_run"
    __table_args__ = (
        CheckConstraint(one_of("status", ClaimRunStatus), name="status_known"),
        CheckConstraint("claim_count > 0 AND total_cents > 0", name="something_to_pay"),
        CheckConstraint("approved_by <> created_by", name="approver_is_not_maker"),
        CheckConstraint(
            "num_nonnulls(approved_by, approved_at, debtor_name, debtor_iban, execution_on, payment_file_sha256) ="
            " CASE WHEN status IN ('approved','sent') THEN 6 ELSE 0 END",
            name="approved_whole",
        ),
        CheckConstraint("(status = 'sent') = (sent_at IS NOT NULL)", name="sent_has_instant"),
        CheckConstraint(
            "num_nonnulls(cancelled_by, cancelled_at) = CASE WHEN status = 'cancelled' THEN 2 ELSE 0 END",
            name="cancelled_whole",
        ),
        Index("claim_run_created_by_idx", "created_by"),
        Index("claim_run_approved_by_idx", "approved_by"),
        Index("claim_run_cancelled_by_idx", "cancelled_by"),
        {"schema": "care"},
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    status: Mapped[ClaimRunStatus] = mapped_column(Text)
    content_sha256: Mapped[str] = mapped_column(Text)
    claim_count: Mapped[int] = mapped_column(Integer)
    total_cents: Mapped[int] = mapped_column(BigInteger)
    created_by: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"))
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    approved_by: Mapped[UUID | None] = mapped_column(ForeignKey("user_account.id"))
    approved_at: Mapped[datetime | None] = mapped_column(Timestamp)
    debtor_name: Mapped[str | None] = mapped_column(Text)
    debtor_iban: Mapped[str | None] = mapped_column(Text)
    execution_on: Mapped[date | None] = mapped_column(Date)
    payment_file_sha256: Mapped[str | None] = mapped_column(Text)
    sent_at: Mapped[datetime | None] = mapped_column(Timestamp)
    cancelled_by: Mapped[UUID | None] = mapped_column(ForeignKey("user_account.id"))
    cancelled_at: Mapped[datetime | None] = mapped_column(Timestamp)


class Claim(Model):
    """A request to be reimbursed; what is asked is held since it was submitted."""

    __tablename__ = "claim"
    __table_args__ = (
        UniqueConstraint("user_id", "id"),
        CheckConstraint(one_of("status", ClaimStatus), name="status_known"),
        CheckConstraint("amount_cents > 0", name="something_claimed"),
        CheckConstraint("status <> 'needs_info' OR sealed_question IS NOT NULL", name="asked_in_words"),
        CheckConstraint(
            "num_nonnulls(decided_at, decided_by, sealed_decision) ="
            " CASE WHEN status IN ('approved','rejected','paid') OR appealed_at IS NOT NULL THEN 3 ELSE 0 END",
            name="decided_whole",
        ),
        CheckConstraint("(appealed_at IS NULL) = (sealed_appeal IS NULL)", name="appealed_in_words"),
        CheckConstraint("(appealed_at IS NULL) = (first_decided_by IS NULL)", name="appeals_a_decision"),
        CheckConstraint("decided_by <> user_id", name="decided_by_another"),
        CheckConstraint(
            "status NOT IN ('approved','rejected','paid') OR decided_by <> first_decided_by",
            name="appeal_decided_by_another",
        ),
        CheckConstraint("run_id IS NULL OR status IN ('approved','paid')", name="paid_when_approved"),
        CheckConstraint("(status = 'paid') = (paid_at IS NOT NULL)", name="paid_has_instant"),
        CheckConstraint("status <> 'paid' OR run_id IS NOT NULL", name="paid_by_a_run"),
        Index("claim_document_idx", "document_id"),
        Index("claim_beneficiary_idx", "beneficiary_id"),
        Index("claim_status_idx", "status", "id"),
        Index("claim_run_idx", "run_id"),
        Index("claim_decided_by_idx", "decided_by"),
        Index("claim_first_decided_by_idx", "first_decided_by"),
        {"schema": "care"},
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"))
    document_id: Mapped[UUID] = mapped_column(ForeignKey("care.claim_document.id"))
    beneficiary_id: Mapped[UUID] = mapped_column(ForeignKey("care.beneficiary.id"))
    category: Mapped[str] = mapped_column(Text)
    service_on: Mapped[date] = mapped_column(Date)
    decision: Mapped[dict[str, object]] = mapped_column(JSONB)
    """Why the law allows it, as it was decided at submission."""
    amount_cents: Mapped[int] = mapped_column(BigInteger)
    status: Mapped[ClaimStatus] = mapped_column(Text)
    sealed_details: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_payee: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(Timestamp)
    sealed_question: Mapped[bytes | None] = mapped_column(LargeBinary)
    sealed_answer: Mapped[bytes | None] = mapped_column(LargeBinary)
    decided_at: Mapped[datetime | None] = mapped_column(Timestamp)
    decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("user_account.id"))
    sealed_decision: Mapped[bytes | None] = mapped_column(LargeBinary)
    appealed_at: Mapped[datetime | None] = mapped_column(Timestamp)
    sealed_appeal: Mapped[bytes | None] = mapped_column(LargeBinary)
    first_decided_by: Mapped[UUID | None] = mapped_column(ForeignKey("user_account.id"))
    """Who rejected what is appealed."""
    run_id: Mapped[UUID | None] = mapped_column(ForeignKey("care.claim_run.id"))
    paid_at: Mapped[datetime | None] = mapped_column(Timestamp)


class ClaimLeg(Model):
    """What one lot holds or paid for a claim; an appeal holds anew."""

    __tablename__ = "claim_leg"
    __table_args__ = (
        UniqueConstraint("claim_id", "attempt", "lot_id", name="claim_leg_lot_key"),
        CheckConstraint("amount_cents > 0", name="amount_positive"),
        CheckConstraint("attempt IN (1,2)", name="attempt_known"),
        Index("claim_leg_lot_idx", "lot_id"),
        {"schema": "care"},
    )

    hold_id: Mapped[UUID] = mapped_column(ForeignKey("ledger.hold.id"), primary_key=True)
    claim_id: Mapped[UUID] = mapped_column(ForeignKey("care.claim.id"))
    attempt: Mapped[int] = mapped_column(SmallInteger)
    lot_id: Mapped[UUID] = mapped_column(ForeignKey("lot.id"))
    rule_code: Mapped[str] = mapped_column(Text)
    amount_cents: Mapped[int] = mapped_column(BigInteger)


class ClaimFile(Model):
    """A document as it was uploaded, sealed; loose until a claim takes it."""

    __tablename__ = "claim_file"
    __table_args__ = (
        CheckConstraint(one_of("media_type", MediaType), name="media_type_known"),
        CheckConstraint("size_bytes > 0", name="not_empty"),
        Index("claim_file_claim_idx", "claim_id", "id"),
        Index("claim_file_user_idx", "user_id", "claim_id"),
        {"schema": "care"},
    )

    id: Mapped[UUID] = mapped_column(Uuid, primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("user_account.id"))
    claim_id: Mapped[UUID | None] = mapped_column(ForeignKey("care.claim.id"))
    media_type: Mapped[MediaType] = mapped_column(Text)
    size_bytes: Mapped[int] = mapped_column(Integer)
    sealed_content: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(Timestamp)
