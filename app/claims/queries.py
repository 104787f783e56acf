"""Claims as they are stored; a person sees her own, the operator all."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.actor import Locale
from app.claims.models import Claim, ClaimFile, ClaimLeg, ClaimRun, ClaimRunStatus, ClaimStatus
from app.db import NOTHING, Query
from app.errors import NotFound
from app.listing import Found, ListQuery, Window, page_of
from app.rules.beneficiary import Relation

LOOSE_HOURS = 24
MAX_LOOSE = 10


@dataclass(frozen=True, slots=True)
class ClaimRow:
    """A claim with its document's sums and the names that the operator reads."""

    id: UUID
    user_id: UUID
    document_id: UUID
    beneficiary_id: UUID
    category: str
    service_on: date
    decision: dict[str, object]
    amount_cents: int
    status: ClaimStatus
    sealed_details: bytes
    sealed_payee: bytes
    created_at: datetime
    sealed_question: bytes | None
    sealed_answer: bytes | None
    decided_at: datetime | None
    decided_by: UUID | None
    sealed_decision: bytes | None
    appealed_at: datetime | None
    sealed_appeal: bytes | None
    first_decided_by: UUID | None
    run_id: UUID | None
    paid_at: datetime | None
    total_cents: int
    public_cents: int
    document_claimed_cents: int
    beneficiary_name: str
    relation: Relation
    file_ids: list[UUID]


@dataclass(frozen=True, slots=True)
class LockedClaim:
    """What decides whether a claim may go on, locked until the transaction ends."""

    id: UUID
    user_id: UUID
    status: ClaimStatus
    document_id: UUID
    amount_cents: int
    decided_at: datetime | None
    decided_by: UUID | None
    appealed_at: datetime | None
    first_decided_by: UUID | None
    run_id: UUID | None


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document's sums, locked."""

    id: UUID
    total_cents: int
    public_cents: int
    claimed_cents: int

    @property
    def left_cents(self) -> int:
        return self.total_cents - self.public_cents - self.claimed_cents


@dataclass(frozen=True, slots=True)
class StoredPayee:
    """Whom a claim pays, still sealed."""

    id: UUID
    amount_cents: int
    sealed_payee: bytes


@dataclass(frozen=True, slots=True)
class Accounts:
    """The ledger's accounts that claims pay into and out of."""

    payable_id: UUID
    bank_id: UUID


@dataclass(frozen=True, slots=True)
class Inbox:
    """Where to write to a person, and in which language."""

    email: str
    locale: Locale


DOCUMENT = Query(DocumentRow, "claims.document")
CLAIM_OF_DOCUMENT = Query(NOTHING, "claims.claim_of_document")
CLAIM = Query(ClaimRow, "claims.claim")
CLAIMS = ListQuery(ClaimRow, "claims.claims", {"created_at": "id uuid"}, replan=True)
LOCK = Query(LockedClaim, "claims.lock")
PERSON_NAME = Query(str, "claims.person_name")
ACCOUNTS = Query(Accounts, "claims.accounts")
PAYABLE = Query(StoredPayee, "claims.payable")
PAYEES_OF_RUN = Query(StoredPayee, "claims.payees_of_run")
INBOX = Query(Inbox, "claims.inbox")


async def claim(session: AsyncSession, claim_id: UUID, *, user_id: UUID | None = None) -> ClaimRow:
    """Return a claim, a person's where she is named; NotFound for anybody else's."""
    found = await CLAIM.maybe(session, id=claim_id, user_id=user_id)
    if found is None:
        raise NotFound
    return found


async def claims(
    session: AsyncSession, window: Window, *, user_id: UUID | None, statuses: Sequence[ClaimStatus] | None
) -> Found[ClaimRow]:
    """Return claims: a person's, or all."""
    return await CLAIMS.page(session, window, user_id=user_id, statuses=statuses)


async def lock(session: AsyncSession, claim_id: UUID, *, user_id: UUID | None = None) -> LockedClaim:
    found = await LOCK.maybe(session, id=claim_id, user_id=user_id)
    if found is None:
        raise NotFound
    return found


async def add_claim(session: AsyncSession, **columns: object) -> None:
    await session.execute(insert(Claim).values(**columns))


async def change(session: AsyncSession, claim_id: UUID, **columns: object) -> None:
    """Write what moves of a locked claim."""
    await session.execute(update(Claim).where(Claim.id == claim_id).values(**columns))


async def add_legs(session: AsyncSession, legs: Sequence[dict[str, object]]) -> None:
    await session.execute(insert(ClaimLeg), legs)


async def holds_of(session: AsyncSession, claim_id: UUID, attempt: int) -> Sequence[UUID]:
    """Return the holds that a claim has, of its first attempt or of its appeal."""
    held = select(ClaimLeg.hold_id).where(ClaimLeg.claim_id == claim_id, ClaimLeg.attempt == attempt)
    return (await session.scalars(held.order_by(ClaimLeg.hold_id))).all()


async def add_file(session: AsyncSession, **columns: object) -> None:
    await session.execute(insert(ClaimFile).values(**columns))


async def drop_loose(session: AsyncSession, user_id: UUID, now: datetime) -> int:
    """Forget what a person uploaded a day ago and no claim took; return how many newer ones wait."""
    loose = (ClaimFile.user_id == user_id, ClaimFile.claim_id.is_(None))
    await session.execute(delete(ClaimFile).where(*loose, ClaimFile.created_at < now - timedelta(hours=LOOSE_HOURS)))
    return await session.scalar(select(func.count()).select_from(ClaimFile).where(*loose)) or 0


async def take_files(session: AsyncSession, user_id: UUID, claim_id: UUID, file_ids: Sequence[UUID]) -> int:
    """Give a person's loose files to her claim; return how many of them there were."""
    taken = update(ClaimFile).where(
        ClaimFile.id.in_(file_ids), ClaimFile.user_id == user_id, ClaimFile.claim_id.is_(None)
    )
    return len((await session.scalars(taken.values(claim_id=claim_id).returning(ClaimFile.id))).all())


async def file(session: AsyncSession, claim_id: UUID, file_id: UUID, *, user_id: UUID | None = None) -> ClaimFile:
    """Return a file of a claim; NotFound for anybody else's."""
    wanted = select(ClaimFile).where(ClaimFile.id == file_id, ClaimFile.claim_id == claim_id)
    if user_id is not None:
        wanted = wanted.where(ClaimFile.user_id == user_id)
    found = await session.scalar(wanted)
    if found is None:
        raise NotFound
    return found


async def runs(session: AsyncSession, window: Window, statuses: Sequence[ClaimRunStatus] | None) -> Found[ClaimRun]:
    """Return the runs of payments to people."""
    wanted = select(ClaimRun)
    if statuses is not None:
        wanted = wanted.where(ClaimRun.status.in_(statuses))
    return await page_of(session, wanted, window, {"created_at": (ClaimRun.id,)})


async def run(session: AsyncSession, run_id: UUID, *, lock: bool = False) -> ClaimRun:
    wanted = select(ClaimRun).where(ClaimRun.id == run_id)
    found = await session.scalar(wanted.with_for_update(key_share=True) if lock else wanted)
    if found is None:
        raise NotFound
    return found


async def add_run(session: AsyncSession, run_id: UUID, claim_ids: Sequence[UUID], **columns: object) -> None:
    """Write a run and give it its claims."""
    created = insert(ClaimRun).values(id=run_id, status="closed", created_at=clock.now(), **columns)
    await session.execute(created)
    await session.execute(update(Claim).where(Claim.id.in_(claim_ids)).values(run_id=run_id))


async def change_run(session: AsyncSession, run_id: UUID, **columns: object) -> ClaimRun:
    changed = update(ClaimRun).where(ClaimRun.id == run_id).values(**columns)
    return (await session.scalars(changed.returning(ClaimRun))).one()


async def people_of(session: AsyncSession, run_id: UUID) -> dict[UUID, UUID]:
    """Return whom a run pays: a claim of each person."""
    paid = (await session.execute(select(Claim).where(Claim.run_id == run_id))).scalars()
    return {claim.user_id: claim.id for claim in paid}


async def change_claims_of(session: AsyncSession, of_run: UUID, **columns: object) -> None:
    await session.execute(update(Claim).where(Claim.run_id == of_run).values(**columns))
