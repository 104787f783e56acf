"""Reads and locks of lots. Nothing here is for company routes: their database role cannot see the use of credit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.actor import Locale
from app.credit.models import EntryReason, ExpiredCreditTo, FeeFunding, LotKind, ProgrammeSource, ValidityBasis
from app.db import APP, NOTHING, WORKER, Query
from app.ledger import queries as ledger
from app.listing import Found, ListQuery, Window
from app.rules.decisions import Reading
from app.rules.rows import RuleCode


@dataclass(frozen=True, slots=True)
class UsableLot:
    """Credit that a person may use now. `expires_on` is the last day, also where leaving comes first."""

    id: UUID
    available_cents: int
    valid_from: date
    expires_on: date
    company_id: UUID
    employee_id: UUID
    rule_codes: list[RuleCode]
    categories: list[str] | None
    validity_basis: ValidityBasis
    relatives_reading: Reading
    fee_funding: FeeFunding
    kind: LotKind


@dataclass(frozen=True, slots=True)
class LotTerms:
    """What a lot may pay for, whatever is left on it."""

    id: UUID
    rule_codes: list[RuleCode]
    categories: list[str] | None
    relatives_reading: Reading


@dataclass(frozen=True, slots=True)
class LotLife:
    """A lot's life as the view `lot_life` says it; `ended_at` is when its rest left, None while it stands.

    `ended_early` says that leaving or revocation ended (or will end) it before its expiry.
    """

    id: UUID
    expires_on: date
    last_day: date
    ended_at: datetime | None
    ended_early: bool

    def over(self, on: date) -> bool:
        """Whether nothing can be paid from the lot on that day."""
        return self.ended_at is not None or on > self.last_day


@dataclass(frozen=True, slots=True)
class LotAndHeirs(LotLife):
    """A lot with where its credit goes: at its expiry, and when leaving or revocation ended it."""

    expired_credit_to: ExpiredCreditTo
    expired_to_account_id: UUID
    returned_to_account_id: UUID
    revoked_at: datetime | None
    grace_until: date | None
    """The last day that grace gave, where this lot is grace."""

    @property
    def heir_account_id(self) -> UUID:
        """The account to which the lot's credit goes when it neither carries over nor becomes grace."""
        return self.returned_to_account_id if self.ended_early else self.expired_to_account_id


@dataclass(frozen=True, slots=True)
class HeldLot(LotAndHeirs):
    """The lot under a hold, how much is or was held, and the terms of grace that hold for it."""

    hold_id: UUID
    amount_cents: int
    grace_days: int
    grace_window_days: int


@dataclass(frozen=True, slots=True)
class CapturedHold:
    """The transfer that paid a hold."""

    id: UUID
    hold_id: UUID
    lot_id: UUID
    amount_cents: int
    cause_id: UUID | None


@dataclass(frozen=True, slots=True)
class WalletLot(LotLife):
    """A lot of a person with what is on it and what left it, as booked."""

    employee_id: UUID
    programme_name: str
    source: ProgrammeSource
    kind: LotKind
    rule_codes: list[RuleCode]
    categories: list[str] | None
    relatives_reading: Reading
    amount_cents: int
    valid_from: date
    posted_cents: int
    held_cents: int
    captured_cents: int
    expired_cents: int
    returned_cents: int


@dataclass(frozen=True, slots=True)
class WalletEntry:
    """A movement on a lot, from the person's side."""

    id: UUID
    lot_id: UUID
    amount_cents: int
    event_at: datetime
    reason: EntryReason
    cause_id: UUID | None
    """What the hold was for that it ended, or that what it takes back ended: a unit."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a lot reserves, since when, for which unit."""

    id: UUID
    lot_id: UUID
    amount_cents: int
    event_at: datetime
    cause_id: UUID | None


@dataclass(frozen=True, slots=True)
class ReturnersLot:
    """A lot that ended with an employment which goes on after all, and since when that is known."""

    id: UUID
    noted_at: datetime


@dataclass(frozen=True, slots=True)
class ReturnedTransfer:
    """Credit that leaving took back and that the company has not seen yet."""

    id: UUID
    lot_id: UUID


@dataclass(frozen=True, slots=True)
class Owner:
    """How to write to the person whose lot it is."""

    email: str
    locale: Locale


USABLE_LOTS = Query(UsableLot, "credit.usable_lots")
LOT_TERMS = Query(LotTerms, "credit.lot_terms", roles=(APP, WORKER))
LOCK_FOR_HOLDS = Query(int, "credit.lock_for_holds", roles=(APP, WORKER))
HELD_LOTS = Query(HeldLot, "credit.held_lots", roles=(APP, WORKER))
CAPTURES = Query(CapturedHold, "credit.captures")
EXPIRED_LOTS = Query(LotAndHeirs, "credit.expired_lots", roles=(WORKER,))
EXPIRED_SINCE: Query[date | None] = Query(date, "credit.expired_since", roles=(WORKER,))
LOTS_OF_LEAVERS = Query(LotAndHeirs, "credit.lots_of_leavers", roles=(WORKER,))
LEFT_SINCE: Query[date | None] = Query(date, "credit.left_since", roles=(WORKER,))
REVOKED_LOTS = Query(LotAndHeirs, "credit.revoked_lots", roles=(WORKER,))
REVOKED_SINCE: Query[datetime | None] = Query(datetime, "credit.revoked_since", roles=(WORKER,))
LOTS_OF_RETURNERS = Query(ReturnersLot, "credit.lots_of_returners", roles=(WORKER,))
REOPEN = Query(NOTHING, "credit.reopen", roles=(WORKER,))
RETURNED_UNPOSTED = Query(ReturnedTransfer, "credit.returned_unposted", roles=(WORKER,))
OWNERS = Query(Owner, "credit.owners", roles=(WORKER,))
MARK_ENDED = Query(NOTHING, "credit.mark_ended", roles=(WORKER,))
INSERT_SUCCESSORS = Query(NOTHING, "credit.insert_successors", roles=(APP, WORKER))
WALLET = Query(WalletLot, "credit.wallet")
HELD = ListQuery(Held, "credit.held", {"created_at": "id uuid"})
ENTRIES = ListQuery(WalletEntry, "credit.entries", {"created_at": "id uuid, lot_id uuid"})


async def usable_lots(session: AsyncSession, user_id: UUID) -> list[UsableLot]:
    """Return the person's living lots with something available, over all employments, first-to-expire first."""
    return await USABLE_LOTS.all(session, user_id=user_id, today=clock.today())


async def lot_terms(session: AsyncSession, lot_ids: Iterable[UUID]) -> dict[UUID, LotTerms]:
    """Return what lots may pay for, also those that are over: held credit stays with its unit."""
    return {lot.id: lot for lot in await LOT_TERMS.all(session, ids=list(lot_ids))}


async def lock_for_holds(session: AsyncSession, hold_ids: Sequence[UUID]) -> None:
    """Lock the lots under these holds by id; where their credit may go is never locked."""
    await LOCK_FOR_HOLDS.run(session, hold_ids=list(hold_ids))


async def held_lots(session: AsyncSession, hold_ids: Sequence[UUID], on: date) -> dict[UUID, HeldLot]:
    """Return the lot of each hold, with the terms of a day."""
    return {lot.hold_id: lot for lot in await HELD_LOTS.all(session, hold_ids=list(hold_ids), on=on)}


async def captures_of(session: AsyncSession, hold_ids: Sequence[UUID]) -> list[CapturedHold]:
    """Return the transfers that captured these holds."""
    return await CAPTURES.all(session, hold_ids=list(hold_ids))


async def expired_lots(session: AsyncSession, today: date, batch: int) -> list[LotAndHeirs]:
    """Lock lots whose validity ended before a day and which still stand, oldest first."""
    return await EXPIRED_LOTS.all(session, today=today, batch=batch)


async def lots_of_leavers(session: AsyncSession, today: date, batch: int) -> list[LotAndHeirs]:
    """Lock lots that ended with their employment before a day and still stand, oldest first."""
    return await LOTS_OF_LEAVERS.all(session, today=today, batch=batch)


async def expired_since(session: AsyncSession, today: date) -> date | None:
    """Return the earliest last day of a standing lot whose validity ended before a day."""
    return await EXPIRED_SINCE.one(session, today=today)


async def left_since(session: AsyncSession, today: date) -> date | None:
    """Return the earliest last day of a standing lot that ended with its employment before a day."""
    return await LEFT_SINCE.one(session, today=today)


async def revoked_lots(session: AsyncSession, upto: datetime, batch: int) -> list[LotAndHeirs]:
    """Lock lots that were revoked by an instant and still stand, oldest revocation first."""
    return await REVOKED_LOTS.all(session, upto=upto, batch=batch)


async def available(session: AsyncSession, lots: Iterable[LotLife]) -> dict[UUID, int]:
    """Lock lots by id; return what is available on each."""
    lot_ids = {lot.id for lot in lots}
    return {id_: balance.available_cents for id_, balance in (await ledger.lock_accounts(session, lot_ids)).items()}


async def mark_ended(session: AsyncSession, ended: dict[UUID, datetime]) -> None:
    """Say of lots when their rest left them."""
    await MARK_ENDED.run(session, ids=list(ended), ended_at=list(ended.values()))


async def wallet(session: AsyncSession, user_id: UUID) -> list[WalletLot]:
    """Return all lots of all employments with their sums, first-to-expire first."""
    return await WALLET.all(session, user_id=user_id)


async def entries(
    session: AsyncSession,
    user_id: UUID,
    window: Window,
    *,
    lot_id: UUID | None,
    booked_from: datetime | None,
    booked_before: datetime | None,
) -> Found[WalletEntry]:
    """Return the movements on the person's lots."""
    return await ENTRIES.page(
        session, window, user_id=user_id, lot_id=lot_id, booked_from=booked_from, booked_before=booked_before
    )
