"""Reads and locks of lots. Nothing here is for company routes: their database role cannot see the use of credit."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.funding.closing import LotLife
from app.ledger import queries as ledger

# The fund of the alliance that the company joined first.
_LIFE = """
    life.id, life.company_id, life.employee_id, life.programme_id, life.grant_id, life.expires_on, life.last_day,
    life.expired_at, life.expired_credit_to, company.account_id AS company_account_id,
    (SELECT alliance.solidarity_account_id FROM alliance_membership member
        JOIN alliance ON alliance.id = member.alliance_id
        WHERE member.organisation_id = life.company_id AND member.role = 'company' AND member.ended_on IS NULL
        ORDER BY member.joined_on, member.id LIMIT 1) AS solidarity_account_id
"""
USABLE = text("""
    SELECT life.id, account.posted_cents - account.held_cents AS available_cents, life.valid_from,
        life.last_day AS expires_on, life.company_id, life.employee_id, life.rule_codes, life.categories,
        life.validity_basis, life.relatives_reading, life.fee_funding, life.kind
    FROM employee JOIN lot_life life ON life.company_id = employee.company_id AND life.employee_id = employee.id
    JOIN ledger.account ON account.id = life.id
    WHERE employee.user_id = :user_id AND life.expired_at IS NULL AND life.last_day >= :today
        AND account.posted_cents > account.held_cents
    ORDER BY life.last_day, life.id
""")
LOCK_FOR_HOLDS = text("""
    SELECT count(*) FROM ledger.lock_accounts(ARRAY(
        SELECT hold.account_id FROM ledger.hold WHERE hold.id = ANY (CAST(:hold_ids AS uuid[]))
        UNION
        SELECT account.id FROM ledger.hold JOIN lot_life life ON life.id = hold.account_id
        JOIN company ON company.organisation_id = life.company_id
        JOIN ledger.account ON account.id = company.account_id
        WHERE hold.id = ANY (CAST(:hold_ids AS uuid[])) AND (life.expired_at IS NOT NULL OR life.last_day < :on)))
""")
HELD_LOTS = text(f"""
    SELECT hold.id AS hold_id, hold.amount_cents, {_LIFE}
    FROM ledger.hold JOIN lot_life life ON life.id = hold.account_id
    JOIN company ON company.organisation_id = life.company_id
    WHERE hold.id = ANY (CAST(:hold_ids AS uuid[]))
""")  # noqa: S608 - no values
CAPTURES = text("""
    SELECT transfer.id, transfer.hold_id, transfer.from_account_id AS lot_id, transfer.amount_cents, transfer.cause_id
    FROM ledger.transfer WHERE transfer.hold_id = ANY (CAST(:hold_ids AS uuid[]))
""")
EXPIRED = text(f"""
    SELECT {_LIFE} FROM lot JOIN lot_life life ON life.id = lot.id
    JOIN company ON company.organisation_id = lot.company_id
    WHERE lot.expired_at IS NULL AND lot.expires_on < :today AND life.last_day = lot.expires_on
    ORDER BY lot.expires_on, lot.id LIMIT :batch FOR NO KEY UPDATE OF lot SKIP LOCKED
""")  # noqa: S608 - no values
EXPIRED_SINCE = text("""
    SELECT min(lot.expires_on) FROM lot JOIN lot_life life ON life.id = lot.id
    WHERE lot.expired_at IS NULL AND lot.expires_on < :today AND life.last_day = lot.expires_on
""")
LEFT = text(f"""
    SELECT {_LIFE} FROM lot JOIN lot_life life ON life.id = lot.id
    JOIN company ON company.organisation_id = lot.company_id
    WHERE lot.expired_at IS NULL AND life.last_day < lot.expires_on AND life.last_day < :today
    ORDER BY life.last_day, lot.id LIMIT :batch FOR NO KEY UPDATE OF lot SKIP LOCKED
""")  # noqa: S608 - no values
LEFT_SINCE = text("""
    SELECT min(life.last_day) FROM employee JOIN lot_life life
        ON life.company_id = employee.company_id AND life.employee_id = employee.id
    WHERE employee.ended_on < :today AND life.expired_at IS NULL AND life.last_day < life.expires_on
        AND life.last_day < :today
""")
MARK_ENDED = text("""
    UPDATE lot SET expired_at = given.ended_at
    FROM unnest(CAST(:ids AS uuid[]), CAST(:ended_at AS timestamptz[])) AS given (id, ended_at)
    WHERE lot.id = given.id
""")
NEW_GRACE_LOTS = text("""
    INSERT INTO lot (id, company_id, employee_id, programme_id, grant_id, kind, grace_of, amount_cents, valid_from,
        expires_on, created_at)
    SELECT given.id, origin.company_id, origin.employee_id, origin.programme_id, origin.grant_id, 'grace', origin.id,
        given.amount_cents, given.valid_from, given.expires_on, :created_at
    FROM unnest(CAST(:id AS uuid[]), CAST(:grace_of AS uuid[]), CAST(:amount_cents AS bigint[]),
        CAST(:valid_from AS date[]), CAST(:expires_on AS date[]))
        AS given (id, grace_of, amount_cents, valid_from, expires_on)
    JOIN lot origin ON origin.id = given.grace_of
""")
WALLET = text("""
    SELECT life.id, life.employee_id, life.programme_name, life.source, life.kind, life.rule_codes, life.amount_cents,
        life.valid_from, life.expires_on, life.last_day, life.expired_at, account.posted_cents, account.held_cents,
        moved.captured_cents - coalesce(undone.cents, 0) AS captured_cents, moved.expired_cents, moved.returned_cents
    FROM employee JOIN lot_life life ON life.company_id = employee.company_id AND life.employee_id = employee.id
    JOIN ledger.account ON account.id = life.id
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(amount_cents) FILTER (WHERE hold_id IS NOT NULL), 0)::bigint AS captured_cents,
            coalesce(sum(amount_cents) FILTER (WHERE reason = 'returned'), 0)::bigint AS returned_cents,
            coalesce(sum(amount_cents) FILTER (
                WHERE reason IN ('expired', 'grace', 'carried_over')), 0)::bigint AS expired_cents
        FROM ledger.transfer WHERE from_account_id = life.id) moved
    CROSS JOIN LATERAL (
        SELECT sum(amount_cents)::bigint AS cents FROM ledger.transfer
        WHERE to_account_id = life.id AND reverses_id IS NOT NULL) undone
    WHERE employee.user_id = :user_id
    ORDER BY life.last_day, life.id
""")
_HALF = """
    SELECT transfer.id, transfer.amount_cents * {sign} AS amount_cents, transfer.event_at,
        CASE WHEN transfer.hold_id IS NOT NULL THEN 'captured' WHEN transfer.reverses_id IS NOT NULL THEN 'refunded'
            ELSE transfer.reason END AS reason
    FROM ledger.transfer WHERE transfer.{side} = lot.id AND transfer.id <= :after_id
    ORDER BY transfer.id DESC LIMIT :limit + 1
"""
ENTRIES = text(f"""
    SELECT entry.id, lot.id AS lot_id, entry.amount_cents, entry.event_at, entry.reason
    FROM employee JOIN lot ON lot.company_id = employee.company_id AND lot.employee_id = employee.id
    CROSS JOIN LATERAL (
        ({_HALF.format(sign=-1, side="from_account_id")}) UNION ALL ({_HALF.format(sign=1, side="to_account_id")})
    ) entry
    WHERE employee.user_id = :user_id AND (entry.id, lot.id) < (:after_id, :after_lot)
    ORDER BY entry.id DESC, lot.id DESC LIMIT :limit
""")  # noqa: S608 - no values
LAST_ID = UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True)
class UsableLot:
    """Credit that a person may use now. `expires_on` is the last day, also where leaving comes first."""

    id: UUID
    available_cents: int
    valid_from: date
    expires_on: date
    company_id: UUID
    employee_id: UUID
    rule_codes: tuple[str, ...]
    categories: tuple[str, ...] | None
    validity_basis: str
    relatives_reading: str
    fee_funding: str
    kind: str


async def usable_lots(session: AsyncSession, user_id: UUID) -> list[UsableLot]:
    """Return the person's living lots with something available, over all employments, first-to-expire first."""
    found = await session.execute(USABLE, {"user_id": user_id, "today": clock.today()})
    return [
        UsableLot(
            **{
                **row._mapping,  # noqa: SLF001 - SQLAlchemy's public name
                "rule_codes": tuple(row.rule_codes),
                "categories": None if row.categories is None else tuple(row.categories),
            }
        )
        for row in found
    ]


async def lock_for_holds(session: AsyncSession, hold_ids: Sequence[UUID], on: date) -> None:
    """Lock the lots under these holds, and the companies to which credit of ended ones may go, by id."""
    await session.execute(LOCK_FOR_HOLDS, {"hold_ids": list(hold_ids), "on": on})


async def held_lots(session: AsyncSession, hold_ids: Sequence[UUID]) -> dict[UUID, tuple[int, LotLife]]:
    """Return amount and lot of each hold."""
    found = await session.execute(HELD_LOTS, {"hold_ids": list(hold_ids)})
    return {row.hold_id: (row.amount_cents, _life(row)) for row in found}


async def captures_of(session: AsyncSession, hold_ids: Sequence[UUID]) -> Sequence[Any]:
    """Return the transfers that captured these holds."""
    return (await session.execute(CAPTURES, {"hold_ids": list(hold_ids)})).all()


async def expired_lots(session: AsyncSession, today: date, batch: int) -> list[LotLife]:
    """Lock lots whose validity ended before a day and which still stand, oldest first."""
    return [_life(row) for row in await session.execute(EXPIRED, {"today": today, "batch": batch})]


async def lots_of_leavers(session: AsyncSession, today: date, batch: int) -> list[LotLife]:
    """Lock lots that ended with their employment before a day and still stand, oldest first."""
    return [_life(row) for row in await session.execute(LEFT, {"today": today, "batch": batch})]


async def expired_since(session: AsyncSession, today: date) -> date | None:
    """Return the earliest last day of a standing lot whose validity ended before a day."""
    found: date | None = await session.scalar(EXPIRED_SINCE, {"today": today})
    return found


async def left_since(session: AsyncSession, today: date) -> date | None:
    """Return the earliest last day of a standing lot that ended with its employment before a day."""
    found: date | None = await session.scalar(LEFT_SINCE, {"today": today})
    return found


async def available(session: AsyncSession, lots: Iterable[LotLife], others: Iterable[UUID]) -> dict[UUID, int]:
    """Lock lots and other guarded accounts by id; return what is available on each."""
    ids = {lot.id for lot in lots} | set(others)
    return {id_: balance.available_cents for id_, balance in (await ledger.lock_accounts(session, ids)).items()}


async def mark_ended(session: AsyncSession, ended: dict[UUID, datetime]) -> None:
    """Say of lots when their rest left them."""
    await session.execute(MARK_ENDED, {"ids": list(ended), "ended_at": list(ended.values())})


async def wallet(session: AsyncSession, user_id: UUID) -> Sequence[Any]:
    """Return all lots of all employments with their sums, first-to-expire first."""
    return (await session.execute(WALLET, {"user_id": user_id})).all()


async def entries(session: AsyncSession, user_id: UUID, after: tuple[UUID, UUID] | None, limit: int) -> Sequence[Any]:
    """Return the movements on the person's lots, newest first."""
    after_id, after_lot = after or (LAST_ID, LAST_ID)
    values = {"user_id": user_id, "after_id": after_id, "after_lot": after_lot, "limit": limit}
    return (await session.execute(ENTRIES, values)).all()


def _life(row: Any) -> LotLife:  # noqa: ANN401 - a row of SQL
    return LotLife(
        row.id,
        row.expires_on,
        row.last_day,
        row.expired_at,
        row.expired_credit_to,
        row.company_account_id,
        row.solidarity_account_id,
    )
