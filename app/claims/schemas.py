"""What goes in and out of claims: one read schema per audience."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from app.banking.iban import Iban
from app.claims.models import ClaimRunStatus, ClaimStatus
from app.clock import Day, Instant
from app.files.documents import MediaType
from app.http.schemas import Code, In, Name, Out, Prose
from app.http.words import words
from app.ids import BeneficiaryId, ClaimFileId, ClaimId, ClaimRunId, UserId
from app.money import Cents, PositiveCents
from app.rules.beneficiary import Relation

MAX_FILES = 5
Said = Annotated[Prose, Field(min_length=1)]


def _once(given: list[UUID]) -> list[UUID]:
    if len(set(given)) != len(given):
        raise PydanticCustomError("duplicate", "each value may be given once")
    return given


FileIds = Annotated[list[ClaimFileId], Field(max_length=MAX_FILES), AfterValidator(_once)]


class ClaimFileRead(Out):
    """A document that was uploaded; name it in a claim within a day."""

    id: ClaimFileId
    media_type: MediaType
    """What it is, by its content."""
    size_bytes: int
    """How many bytes were kept of it."""


class ClaimCreate(In):
    """What was paid, to whom, for whom; and where the reimbursement goes."""

    beneficiary_id: BeneficiaryId = Field(description="Who received the care")
    category: Code = Field(description="What it was: a code of `GET /v1/categories`", examples=["nursery_crawlers"])
    issuer_name: Name = Field(description="Who issued the document", examples=["Nido Il Girasole"])
    issuer_code: str = Field(
        pattern="^[A-Za-z0-9]{8,16}$",
        description="The issuer's VAT number or fiscal code, as printed on the document",
        examples=["01234567897"],
    )
    number: Code = Field(description="The document's number", examples=["FT 12/2026"])
    document_date: Day = Field(description="The document's date; not after today")
    service_on: Day | None = Field(default=None, description="The day of the care, where it is not the document's")
    total_cents: PositiveCents = Field(description="The document's total, in cents")
    public_cents: Cents = Field(
        default=0, description="What public money pays of it (a bonus, a regional measure), in cents"
    )
    amount_cents: PositiveCents = Field(
        description="What is asked back, in cents; never more than is left of the document's total less public money"
    )
    iban: Iban = Field(description="Where it is paid: an account of the person")
    file_ids: FileIds = Field(min_length=1, description="The document itself, uploaded before, 1 to 5 files")

    @property
    def service_day(self) -> date:
        return self.service_on or self.document_date


class ClaimAnswer(In):
    """What the operator asked for."""

    answer: Said = Field(description="Read by the operator only")
    file_ids: FileIds = Field(default_factory=list, description="Further documents, uploaded before")


class ClaimAppeal(In):
    reason: Said = Field(description="Why the decision is wrong; read by the operator only")


class ClaimQuestion(In):
    question: Said = Field(description="What is missing; read by the person")


class ClaimDecision(In):
    reason: Said = Field(description="Read by the person")


class ClaimRead(Out):
    """A claim as its person sees it."""

    id: ClaimId
    status: ClaimStatus
    """Where it stands."""
    beneficiary_id: BeneficiaryId
    """Who received the care."""
    category: str
    """What it was."""
    issuer_name: str
    """Who issued the document."""
    issuer_code: str
    """The issuer's VAT number or fiscal code."""
    number: str
    """The document's number."""
    document_date: Day
    """The document's date."""
    service_on: Day
    """The day of the care."""
    total_cents: int
    """The document's total, in cents."""
    public_cents: int
    """What public money pays of it, in cents."""
    amount_cents: int
    """What is asked back, in cents: held on the person's credit since it was submitted."""
    left_cents: int = Field(description="What may still be claimed of the document, in cents")
    rule_code: str
    """The rule that allows it."""
    reason: str
    """Why it is allowed, in the caller's language."""
    citation: str
    """The text of law."""
    iban_ends: str = Field(description="The last four characters of the account that is paid", examples=["3456"])
    file_ids: list[ClaimFileId]
    """The documents."""
    question: str | None
    """What the operator asked for; null where nothing was asked."""
    answer: str | None
    """What the person answered; null before."""
    decision: str | None
    """The operator's reason; null before the decision."""
    decided_at: Instant | None
    """When it was decided (UTC); null before."""
    appeal: str | None
    """Why the person appealed; null where she did not."""
    appeal_until: Instant | None = Field(
        description="Until when a rejection may be appealed, or could be; null where there is none"
    )
    created_at: Instant
    """When it was submitted (UTC)."""
    paid_at: Instant | None
    """When the payment went to the bank (UTC); null before."""


class OperatorClaimRead(Out):
    """A claim as the operator decides it."""

    id: ClaimId
    status: ClaimStatus
    """Where it stands."""
    person_name: str
    """Who claims: the account must be hers."""
    beneficiary_name: str
    """Who received the care."""
    relation: Relation
    """What the beneficiary is to the person."""
    category: str
    """What it was."""
    issuer_name: str
    """Who issued the document."""
    issuer_code: str
    """The issuer's VAT number or fiscal code."""
    number: str
    """The document's number."""
    document_date: Day
    """The document's date."""
    service_on: Day
    """The day of the care."""
    total_cents: int
    """The document's total, in cents."""
    public_cents: int
    """What public money pays of it, in cents."""
    amount_cents: int
    """What is asked back, in cents."""
    left_cents: int
    """What nobody has claimed of the document yet, in cents."""
    rule_code: str
    """The rule that allows it, as the person's facts were at submission."""
    reason: str
    """Why it is allowed, in the caller's language."""
    citation: str
    """The text of law."""
    iban_ends: str
    """The last four characters of the account that is paid."""
    file_ids: list[ClaimFileId]
    """The documents: compare them with the fields."""
    question: str | None
    """What was asked for; null where nothing was."""
    answer: str | None
    """What the person answered; null before."""
    decision: str | None
    """The last decision's reason; null before."""
    decided_at: Instant | None
    """When it was decided (UTC); null before."""
    appeal: str | None
    """Why the person appealed; null where she did not. Another person decides than before."""
    created_at: Instant
    """When it was submitted (UTC)."""
    paid_at: Instant | None
    """When the payment went to the bank (UTC); null before."""


class ClaimPayeeRead(Out):
    """Whom a run pays: part of what the second person approves."""

    claim_id: ClaimId
    """The claim."""
    name: str
    """Whose account it is."""
    iban: str
    """The account."""
    amount_cents: int
    """What is paid, in cents."""


class ClaimRunRead(Out):
    """Payments to people, closed by one person and approved by another."""

    id: ClaimRunId
    status: ClaimRunStatus
    """Where it stands."""
    content_sha256: str
    """The hash of all payees with their accounts and sums: approve by it."""
    claim_count: int
    """How many claims it pays."""
    total_cents: int
    """What it pays in all, in cents."""
    created_by: UserId
    """Who closed it, and so cannot approve it."""
    created_at: Instant
    """When it was closed (UTC)."""
    approved_by: UserId | None
    """Who approved it; null before."""
    approved_at: Instant | None
    """When it was approved (UTC); null before."""
    execution_on: Day | None
    """The day on which the bank is asked to pay; null before."""
    sent_at: Instant | None
    """When the bank got the file (UTC); null before."""
    cancelled_at: Instant | None
    """When it was given up (UTC); null where it was not."""


class ClaimRunDetailRead(ClaimRunRead):
    payees: list[ClaimPayeeRead]
    """Whom it pays; empty once it was cancelled."""


class ClaimRunApproval(In):
    content_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="The content you checked")]


words(
    "ClaimStatus",
    ClaimStatus,
    submitted="waits for the operator",
    needs_info="waits for an answer of the person",
    approved="granted, not yet paid",
    rejected="refused: credit and document are free again",
    withdrawn="taken back by the person",
    paid="the payment went to the bank",
)
words(
    "ClaimRunStatus",
    ClaimRunStatus,
    closed="waits for another person's approval",
    approved="the file for the bank is ready",
    sent="the bank has the file",
    cancelled="given up: its claims wait for another",
)
words(
    "MediaType",
    MediaType,
    **{"application/pdf": "a PDF", "image/jpeg": "a photograph", "image/png": "a picture"},
)
