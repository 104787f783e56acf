"""What a person does with a claim and what the operator decides. Locks: claim, document, lots."""

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock, ids
from app.actor import Actor, Locale
from app.beneficiaries import queries as beneficiaries
from app.claims import decisions, files, notices, queries, sealing
from app.claims.decisions import APPEAL_DAYS, Asked, Payer
from app.claims.errors import AppealOver, DocumentDiffers, DocumentUsedUp, NotReimbursable
from app.claims.queries import ClaimRow, DocumentRow, LockedClaim
from app.claims.schemas import ClaimCreate
from app.config import settings
from app.credit import actions as credit
from app.credit.actions import Capture, HoldRequest, InsufficientCredit
from app.employees import queries as employees
from app.errors import AlreadyResolved, Forbidden, Invalid, StateConflict
from app.rules.book import book_in_force
from app.rules.decisions import Decision

DECISION = TypeAdapter(Decision)
DECIDED = frozenset({"approved", "rejected", "paid", "withdrawn"})


async def submit(session: AsyncSession, user_id: UUID, data: ClaimCreate, language: Locale) -> ClaimRow:
    """Ask back what was paid: capped at what is left of the document, held at once on the lots that may pay it."""
    _check(data)
    # Locked before lots are looked at: whoever claims of the same document at once sees what is left of both.
    document = await _document(session, data)
    able, decision = await _payers(session, user_id, data.category, data.beneficiary_id, data.service_day, language)
    amount_cents = min(data.amount_cents, document.left_cents)
    claim_id = ids.new_id()
    now = clock.now()
    details = {"issuer_name": data.issuer_name, "issuer_code": data.issuer_code, "number": data.number}
    payee = {"name": await queries.PERSON_NAME.one(session, user_id=user_id), "iban": data.iban}
    await queries.CLAIM_OF_DOCUMENT.run(session, id=document.id, amount_cents=amount_cents)
    await queries.add_claim(
        session,
        id=claim_id,
        user_id=user_id,
        document_id=document.id,
        beneficiary_id=data.beneficiary_id,
        category=data.category,
        service_on=data.service_day,
        decision=DECISION.dump_python(decision, mode="json", exclude={"alternatives"}),
        amount_cents=amount_cents,
        status="submitted",
        sealed_details=sealing.seal_fields(
            "claim_details", details | {"document_date": data.document_date.isoformat()}, claim_id
        ),
        sealed_payee=sealing.seal_fields("claim_payee", payee, claim_id),
        created_at=now,
    )
    await _hold(session, user_id, claim_id, 1, able, amount_cents)
    await files.take(session, user_id, claim_id, data.file_ids)
    return await queries.claim(session, claim_id, user_id=user_id)


async def answer(
    session: AsyncSession, user_id: UUID, claim_id: UUID, words: str, file_ids: Sequence[UUID]
) -> ClaimRow:
    """Answer what the operator asked; the claim waits for its decision again."""
    await _in(session, claim_id, "needs_info", user_id=user_id)
    await files.take(session, user_id, claim_id, file_ids)
    sealed = sealing.seal("claim_answer", words, claim_id)
    await queries.change(session, claim_id, status="submitted", sealed_answer=sealed)
    return await queries.claim(session, claim_id, user_id=user_id)


async def withdraw(session: AsyncSession, user_id: UUID, claim_id: UUID) -> ClaimRow:
    """Take a claim back that nobody has decided: document and credit are free again."""
    claim = await _in(session, claim_id, "submitted", "needs_info", user_id=user_id)
    await _free(session, claim)
    await queries.change(session, claim_id, status="withdrawn")
    return await queries.claim(session, claim_id, user_id=user_id)


async def appeal(session: AsyncSession, user_id: UUID, claim_id: UUID, words: str, language: Locale) -> ClaimRow:
    """Let another person decide what was rejected, once: what is asked for is held anew."""
    claim = await queries.lock(session, claim_id, user_id=user_id)
    if claim.status != "rejected":
        raise StateConflict(claim.status)
    over = claim.decided_at is None or clock.now() > claim.decided_at + timedelta(days=APPEAL_DAYS)
    if over or claim.appealed_at is not None:
        raise AppealOver
    row = await queries.claim(session, claim_id, user_id=user_id)
    able, _ = await _payers(session, user_id, row.category, row.beneficiary_id, row.service_on, language)
    if row.total_cents - row.public_cents - row.document_claimed_cents < row.amount_cents:
        raise DocumentUsedUp
    await queries.CLAIM_OF_DOCUMENT.run(session, id=claim.document_id, amount_cents=claim.amount_cents)
    await queries.change(
        session,
        claim_id,
        status="submitted",
        appealed_at=clock.now(),
        sealed_appeal=sealing.seal("claim_appeal", words, claim_id),
        first_decided_by=claim.decided_by,
    )
    await _hold(session, user_id, claim_id, 2, able, claim.amount_cents)
    return await queries.claim(session, claim_id, user_id=user_id)


async def ask(session: AsyncSession, actor: Actor, claim_id: UUID, words: str) -> ClaimRow:
    """Ask the person for what is missing before deciding."""
    claim = await _undecided(session, actor, claim_id)
    sealed = sealing.seal("claim_question", words, claim_id)
    await queries.change(session, claim_id, status="needs_info", sealed_question=sealed)
    await notices.tell(session, "claim_asked", {claim.user_id: claim_id})
    return await queries.claim(session, claim_id)


async def approve(session: AsyncSession, actor: Actor, claim_id: UUID, words: str) -> ClaimRow:
    """Grant a claim: its credit goes to what is to be paid to people."""
    claim = await _undecided(session, actor, claim_id)
    holds = await queries.holds_of(session, claim_id, _attempt(claim))
    await credit.capture(session, [Capture(hold_id, None, claim_id) for hold_id in holds], at=clock.now())
    return await _decide(session, actor, claim, "approved", words)


async def reject(session: AsyncSession, actor: Actor, claim_id: UUID, words: str) -> ClaimRow:
    """Refuse a claim: document and credit are free again."""
    claim = await _undecided(session, actor, claim_id)
    await _free(session, claim)
    return await _decide(session, actor, claim, "rejected", words)


async def _decide(session: AsyncSession, actor: Actor, claim: LockedClaim, status: str, words: str) -> ClaimRow:
    sealed = sealing.seal("claim_decision", words, claim.id)
    await queries.change(
        session, claim.id, status=status, decided_at=clock.now(), decided_by=actor.user_id, sealed_decision=sealed
    )
    await notices.tell(session, "claim_decided", {claim.user_id: claim.id})
    return await queries.claim(session, claim.id)


async def _undecided(session: AsyncSession, actor: Actor, claim_id: UUID) -> LockedClaim:
    """Lock a claim that waits for a decision of this person."""
    claim = await queries.lock(session, claim_id)
    if claim.user_id == actor.user_id:
        raise Forbidden("Another person decides a claim of one's own.")
    if claim.status in DECIDED:
        raise AlreadyResolved(claim.status)
    if claim.status != "submitted":
        raise StateConflict(claim.status)
    if claim.first_decided_by == actor.user_id:
        raise Forbidden("Another person decides an appeal than the one who decided the claim.")
    return claim


async def _in(session: AsyncSession, claim_id: UUID, *states: str, user_id: UUID) -> LockedClaim:
    claim = await queries.lock(session, claim_id, user_id=user_id)
    if claim.status not in states:
        raise StateConflict(claim.status)
    return claim


def _check(data: ClaimCreate) -> None:
    """Refuse days to come, and documents of which public money leaves nothing."""
    today = clock.today()
    for name in ("document_date", "service_on"):
        day = getattr(data, name)
        if day is not None and day > today:
            raise Invalid(f"/{name}", "future", "the day must not be after today")
    if data.public_cents >= data.total_cents:
        raise Invalid("/public_cents", "nothing_left", "public money must be less than the document's total")


async def _payers(
    session: AsyncSession, user_id: UUID, category: str, beneficiary_id: UUID, day: date, language: Locale
) -> tuple[list[Payer], Decision]:
    """Return the lots that may reimburse it; NotReimbursable where the law or the lots allow none."""
    cared = await beneficiaries.for_care(session, user_id, beneficiary_id)
    employments = await employees.employments_of(session, user_id)
    asked = Asked(category, cared.facts, day, not settings().sandbox)
    lots = await credit.usable_lots(session, user_id)
    reading = employments[0].relatives_reading if employments else "strict"
    able, decision = decisions.payers(asked, lots, book_in_force(), clock.today(), reading)
    if not decision.allowed:
        raise NotReimbursable(
            decision=decision.code,
            reason=decision.reason.in_locale(language),
            citation=decision.citation,
            alternatives=[each.code for each in decision.alternatives],
        )
    return able, decision


async def _document(session: AsyncSession, data: ClaimCreate) -> DocumentRow:
    """Find or make the document's row, locked; DocumentUsedUp where nothing is left of it."""
    identity = decisions.identity(data.issuer_code, data.number, data.document_date)
    document_id = ids.new_id()
    document = await queries.DOCUMENT.one(
        session,
        id=document_id,
        fingerprint=sealing.fingerprint(identity),
        sealed_identity=sealing.seal_identity(identity, document_id),
        total_cents=data.total_cents,
        public_cents=data.public_cents,
        created_at=clock.now(),
    )
    if (document.total_cents, document.public_cents) != (data.total_cents, data.public_cents):
        raise DocumentDiffers
    if document.left_cents == 0:
        raise DocumentUsedUp
    return document


async def _hold(
    session: AsyncSession, user_id: UUID, claim_id: UUID, attempt: int, able: Sequence[Payer], amount_cents: int
) -> None:
    """Reserve the whole of a claim, first to expire first; InsufficientCredit where the lots have less."""
    parts = decisions.shares(able, amount_cents)
    if parts is None:
        raise InsufficientCredit(sum(payer.available_cents for payer in able))
    payable_id = (await queries.ACCOUNTS.one(session)).payable_id
    holds = [HoldRequest(ids.new_id(), part.lot_id, payable_id, part.amount_cents, claim_id) for part in parts]
    await credit.place(session, user_id, holds, at=clock.now())
    await queries.add_legs(
        session,
        [
            {
                "hold_id": hold.hold_id,
                "claim_id": claim_id,
                "attempt": attempt,
                "lot_id": part.lot_id,
                "rule_code": part.rule_code,
                "amount_cents": part.amount_cents,
            }
            for hold, part in zip(holds, parts, strict=True)
        ],
    )


async def _free(session: AsyncSession, claim: LockedClaim) -> None:
    """Give back what a claim holds of its document and of credit; a lot that is over sends it on."""
    await queries.CLAIM_OF_DOCUMENT.run(session, id=claim.document_id, amount_cents=-claim.amount_cents)
    holds = await queries.holds_of(session, claim.id, _attempt(claim))
    # Asking for what is not granted must not lengthen the life of credit: no grace.
    await credit.release(session, holds, at=clock.now(), caused_by_employee=True)


def _attempt(claim: LockedClaim) -> int:
    return 1 if claim.appealed_at is None else 2
