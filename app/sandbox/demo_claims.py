"""The demo's claims: one in each state, asked by people without bookings for a mother of 82 at home."""

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.actor import Actor
from app.audit import actions as audit
from app.claims import actions as claims
from app.claims import files, runs
from app.claims.models import ClaimStatus
from app.claims.schemas import ClaimCreate
from app.credit.actions import usable_lots
from app.sandbox.demo_credit import finance, operator
from app.sandbox.demo_parties import World
from app.sandbox.demo_people import beneficiary_id

COMPANY = "orobia-stampi"
ENDS: Sequence[tuple[int, ClaimStatus]] = (
    (67, "paid"), (73, "approved"), (79, "rejected"), (85, "withdrawn"), (91, "needs_info"), (97, "submitted"),
)  # fmt: skip
"""By the number of the employee, the oldest claim first."""
RECEIPT = b"%PDF-1.4\n1 0 obj <</Type /Catalog>> endobj\nstartxref\n9\n%%EOF\n"
DECISION = "Documento verificato."


async def load(session: AsyncSession, world: World) -> int:
    """Make the claims; return how many: whoever has no credit left asks for nothing."""
    made = 0
    for place, (number, end) in enumerate(ENDS):
        user_id = world.users[f"employee{number}@{COMPANY}.example"]
        with clock.stopped_at(world.ago(9 - place)):
            if await usable_lots(session, user_id):
                await _claim(session, world, user_id, number, end)
                made += 1
    return made


async def _claim(session: AsyncSession, world: World, user_id: UUID, number: int, end: ClaimStatus) -> None:
    file_id, _, _ = await files.upload(session, user_id, RECEIPT)
    asked = _asked(number, clock.today(), file_id)
    claim = await claims.submit(session, user_id, asked, "it")
    await audit.record(session, Actor("user", user_id), "claim.create", "claim", claim.id)
    decider = operator(world)
    with clock.stopped_at(clock.now() + timedelta(hours=5)):
        match end:
            case "withdrawn":
                await claims.withdraw(session, user_id, claim.id)
            case "needs_info":
                await claims.ask(session, decider, claim.id, "Il numero non si legge: può fotografarlo di nuovo?")
            case "rejected":
                await claims.reject(session, decider, claim.id, "Il documento è intestato a un'altra persona.")
            case "approved" | "paid":
                await claims.approve(session, decider, claim.id, DECISION)
        if end == "paid":
            await _pay(session, world)


def _asked(number: int, on: date, file_id: UUID) -> ClaimCreate:
    return ClaimCreate(
        beneficiary_id=beneficiary_id(COMPANY, number, 1),
        category="home_help",
        issuer_name="Assistenza Alta Valle",
        issuer_code="01234567897",
        number=f"{number}/{on.year}",
        document_date=on,
        total_cents=80_00,
        public_cents=20_00,
        amount_cents=45_00,
        iban="IT60X0542811101000000123456",
        file_ids=[file_id],
    )


async def _pay(session: AsyncSession, world: World) -> None:
    """Let one person prepare the payment, another approve it and hand it to the bank."""
    maker, approver = operator(world), finance(world)
    run = await runs.close_run(session, maker)
    await audit.record(session, maker, "claim_run.create", "claim_run", run.id)
    await runs.approve_run(session, approver, run.id, run.content_sha256)
    await audit.record(session, approver, "claim_run.approve", "claim_run", run.id)
    await runs.mark_sent(session, run.id)
    await audit.record(session, approver, "claim_run.send", "claim_run", run.id)
