"""Reads and writes of a company's side: top-ups, programmes, grants. Every statement carries the company."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import day_of

_TOP_UP = "id, company_id, status, amount_cents, payment_reference, created_at, resolved_at"
_PROGRAMME = """id, name, source, basis, basis_reference, employee_category, rule_codes, categories, lot_expires_on,
    validity_basis, expired_credit_to, leavers_rule, fee_funding, relatives_reading, created_at, version"""
_GRANT = """id, company_id, programme_id, status, total_cents, employee_count, generality_reason, created_by,
    created_at, approved_by, approved_at, activated_at, version"""
LAST_ID = UUID(int=2**128 - 1)

GRANT_SUMS = text("""
    SELECT coalesce(sum(total_cents) FILTER (WHERE activated_at IS NOT NULL), 0)::bigint AS put_in_cents,
        coalesce(sum(total_cents) FILTER (WHERE status = 'awaiting_funds'), 0)::bigint AS awaiting_cents,
        company_returned(:company_id) AS returned_cents
    FROM credit_grant WHERE company_id = :company_id
""")
INSERT_TOP_UP = text(f"""
    INSERT INTO top_up (id, company_id, amount_cents, payment_reference, created_by, created_at)
    VALUES (:id, :company_id, :amount_cents, :payment_reference, :created_by, :created_at) RETURNING {_TOP_UP}
""")  # noqa: S608 - column names
TOP_UPS = text(f"""
    SELECT {_TOP_UP} FROM top_up WHERE company_id = :company_id AND id < :after ORDER BY id DESC LIMIT :limit
""")  # noqa: S608 - column names
TOP_UP = text(f"SELECT {_TOP_UP} FROM top_up WHERE company_id = :company_id AND id = :id")  # noqa: S608 - columns
OPERATOR_TOP_UPS = text(f"""
    SELECT {", ".join("top_up." + column for column in _TOP_UP.split(", "))}, organisation.name AS company_name
    FROM top_up JOIN organisation ON organisation.id = top_up.company_id
    WHERE top_up.id < :after AND (CAST(:status AS text) IS NULL OR top_up.status = :status)
    ORDER BY top_up.id DESC LIMIT :limit
""")  # noqa: S608 - column names
LOCK_TOP_UP = text(f"""
    SELECT {", ".join("top_up." + column for column in _TOP_UP.split(", "))}, organisation.name AS company_name
    FROM top_up JOIN organisation ON organisation.id = top_up.company_id
    WHERE top_up.id = :id FOR NO KEY UPDATE OF top_up
""")  # noqa: S608 - column names
RESOLVE_TOP_UP = text("UPDATE top_up SET status = :status, resolved_by = :by, resolved_at = :at WHERE id = :id")
BANK_CLEARING = text("SELECT id FROM ledger.account WHERE kind = 'bank_clearing_company' AND owner_id IS NULL")

COMPANY_READING = text("SELECT relatives_reading FROM company WHERE organisation_id = :company_id")
INSERT_PROGRAMME = text(f"""
    INSERT INTO programme (company_id, {_PROGRAMME}) VALUES (:company_id, :id, :name, :source, :basis,
        :basis_reference, :employee_category, CAST(:rule_codes AS text[]), CAST(:categories AS text[]),
        :lot_expires_on, :validity_basis, :expired_credit_to, :leavers_rule, :fee_funding, :relatives_reading,
        :created_at, 1) RETURNING {_PROGRAMME}
""")  # noqa: S608 - column names
PROGRAMMES = text(f"""
    SELECT {_PROGRAMME} FROM programme WHERE company_id = :company_id AND id < :after ORDER BY id DESC LIMIT :limit
""")  # noqa: S608 - column names
_ONE_PROGRAMME = f"SELECT {_PROGRAMME} FROM programme WHERE company_id = :company_id AND id = :id"  # noqa: S608 - columns
PROGRAMME = text(_ONE_PROGRAMME)
PROGRAMME_FOR_CHANGE = text(f"{_ONE_PROGRAMME} FOR NO KEY UPDATE")
PROGRAMME_FOR_USE = text(f"{_ONE_PROGRAMME} FOR SHARE")
PROGRAMME_USED = text("SELECT EXISTS (SELECT FROM credit_grant WHERE company_id = :company_id AND programme_id = :id)")
UPDATE_PROGRAMME = text(f"""
    UPDATE programme SET name = :name, source = :source, basis = :basis, basis_reference = :basis_reference,
        employee_category = :employee_category, rule_codes = CAST(:rule_codes AS text[]),
        categories = CAST(:categories AS text[]), lot_expires_on = :lot_expires_on, validity_basis = :validity_basis,
        expired_credit_to = :expired_credit_to, leavers_rule = :leavers_rule, fee_funding = :fee_funding,
        relatives_reading = :relatives_reading, version = version + 1
    WHERE company_id = :company_id AND id = :id RETURNING {_PROGRAMME}
""")  # noqa: S608 - column names

EMPLOYED = """company_id = :company_id AND hired_on <= :today AND (ended_on IS NULL OR ended_on >= :today)"""
EMPLOYED_IN_CATEGORY = text(f"""
    SELECT id FROM employee WHERE {EMPLOYED} AND category = :category ORDER BY id
""")  # noqa: S608 - no values
CATEGORY_SIZES = text(f"""
    SELECT count(*) FILTER (WHERE category = :category) AS in_category, count(*) AS in_company
    FROM employee WHERE {EMPLOYED}
""")  # noqa: S608 - no values
EMPLOYEES = text("""
    SELECT id, category, ended_on FROM employee
    WHERE company_id = :company_id AND id = ANY (CAST(:ids AS uuid[]))
""")
EMPLOYEE_KEYS = text("""
    SELECT id, external_id, fiscal_code_index FROM employee
    WHERE company_id = :company_id AND (ended_on IS NULL OR ended_on >= :today)
        AND (external_id = ANY (CAST(:external_ids AS text[])) OR fiscal_code_index = ANY (CAST(:indexes AS bytea[])))
    ORDER BY ended_on, id
""")
INSERT_GRANT = text(f"""
    INSERT INTO credit_grant (id, company_id, programme_id, total_cents, employee_count, generality_reason, created_by,
        created_at)
    VALUES (:id, :company_id, :programme_id, :total_cents, :employee_count, :generality_reason, :created_by,
        :created_at) RETURNING {_GRANT}
""")  # noqa: S608 - column names
INSERT_LINES = text("""
    INSERT INTO grant_line (lot_id, grant_id, company_id, employee_id, amount_cents)
    SELECT line.lot_id, :grant_id, :company_id, line.employee_id, line.amount_cents
    FROM unnest(CAST(:lot_ids AS uuid[]), CAST(:employee_ids AS uuid[]), CAST(:amounts AS bigint[]))
        AS line (lot_id, employee_id, amount_cents)
""")
GRANTS = text(f"""
    SELECT {_GRANT} FROM credit_grant WHERE company_id = :company_id AND id < :after
        AND (CAST(:status AS text) IS NULL OR status = :status) ORDER BY id DESC LIMIT :limit
""")  # noqa: S608 - column names
_ONE_GRANT = f"SELECT {_GRANT} FROM credit_grant WHERE company_id = :company_id AND id = :id"  # noqa: S608 - columns
GRANT = text(_ONE_GRANT)
GRANT_FOR_CHANGE = text(f"""
    SELECT {_GRANT}, person_behind(created_by) AS maker_id FROM credit_grant
    WHERE company_id = :company_id AND id = :id FOR NO KEY UPDATE
""")  # noqa: S608 - column names
WAITING_GRANTS = text(f"""
    SELECT {_GRANT} FROM credit_grant WHERE company_id = :company_id AND status = 'awaiting_funds'
        AND (SELECT lot_expires_on FROM programme WHERE programme.id = credit_grant.programme_id) >= :today
    ORDER BY approved_at, id FOR NO KEY UPDATE
""")  # noqa: S608 - column names
LINES = text("""
    SELECT lot_id, employee_id, amount_cents FROM grant_line
    WHERE company_id = :company_id AND grant_id = :grant_id AND lot_id > :after ORDER BY lot_id LIMIT :limit
""")
MOVE_GRANT = text(f"""
    UPDATE credit_grant SET status = :status, version = version + 1,
        approved_by = coalesce(approved_by, :approved_by), approved_at = coalesce(approved_at, :approved_at),
        activated_at = coalesce(activated_at, :activated_at)
    WHERE company_id = :company_id AND id = :id RETURNING {_GRANT}
""")  # noqa: S608 - column names
OPEN_LOT_ACCOUNTS = text("""
    INSERT INTO ledger.account (id, kind, owner_id, created_at)
    SELECT lot_id, 'lot', lot_id, :at FROM grant_line
    WHERE company_id = :company_id AND grant_id = :grant_id ORDER BY lot_id
""")
INSERT_LOTS = text("""
    INSERT INTO lot (id, company_id, employee_id, programme_id, grant_id, amount_cents, valid_from, expires_on,
        created_at)
    SELECT line.lot_id, line.company_id, line.employee_id, programme.id, line.grant_id, line.amount_cents,
        :valid_from, programme.lot_expires_on, :at
    FROM grant_line line JOIN programme ON programme.company_id = line.company_id AND programme.id = :programme_id
    WHERE line.company_id = :company_id AND line.grant_id = :grant_id ORDER BY line.lot_id
""")
FUND_LOTS = text("""
    INSERT INTO ledger.transfer
        (id, from_account_id, to_account_id, amount_cents, reason, cause_id, event_at, created_at)
    SELECT given.id, company.account_id, line.lot_id, line.amount_cents, 'granted', line.grant_id, :at, :at
    FROM (
        SELECT grant_line.*, row_number() OVER (ORDER BY lot_id) AS place FROM grant_line
        WHERE company_id = :company_id AND grant_id = :grant_id
    ) line
    JOIN unnest(CAST(:ids AS uuid[])) WITH ORDINALITY AS given (id, place) ON given.place = line.place
    JOIN company ON company.organisation_id = line.company_id
""")
RETURN_REVOKED = text("SELECT return_revoked_lots(:company_id, :grant_id, CAST(:ids AS uuid[]), :on_day, :at, :at)")


async def one(session: AsyncSession, statement: Any, **values: Any) -> Row[Any] | None:  # noqa: ANN401 - SQL
    """Run a statement that finds at most one row."""
    return (await session.execute(statement, values)).one_or_none()


async def some(session: AsyncSession, statement: Any, **values: Any) -> Sequence[Row[Any]]:  # noqa: ANN401 - SQL
    """Run a statement and return its rows."""
    return (await session.execute(statement, values)).all()


async def employed_in_category(session: AsyncSession, company_id: UUID, category: str, today: date) -> list[UUID]:
    """Return everybody now employed in a category of a company."""
    rows = await some(session, EMPLOYED_IN_CATEGORY, company_id=company_id, category=category, today=today)
    return [row.id for row in rows]


async def make_lots(session: AsyncSession, grant: Any, transfer_ids: list[UUID], at: datetime) -> None:  # noqa: ANN401
    """Turn a grant's lines into funded lots: accounts, lots, transfers, one statement each."""
    scope = {"company_id": grant.company_id, "grant_id": grant.id, "at": at}
    await session.execute(OPEN_LOT_ACCOUNTS, scope)
    await session.execute(INSERT_LOTS, {**scope, "programme_id": grant.programme_id, "valid_from": day_of(at)})
    await session.execute(FUND_LOTS, {**scope, "ids": transfer_ids})
