"""Reads and writes of settlement; providers see their own only."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.settlements import content

_FEE_RULE = """
    SELECT id, provider_id, category, percent_bps, fixed_cents, min_cents, max_cents, payer, valid_from, valid_to,
        created_at
    FROM fee_rule
"""
FEE_RULES = text(
    _FEE_RULE + "WHERE CAST(:after AS uuid) IS NULL OR id < CAST(:after AS uuid) ORDER BY id DESC LIMIT :limit"
)
NEW_FEE_RULE = text("""
    INSERT INTO fee_rule (id, provider_id, category, percent_bps, fixed_cents, min_cents, max_cents, payer, valid_from,
        valid_to, created_at)
    VALUES (:id, :provider_id, :category, :percent_bps, :fixed_cents, :min_cents, :max_cents, :payer, :valid_from,
        :valid_to, :created_at)
    RETURNING id, provider_id, category, percent_bps, fixed_cents, min_cents, max_cents, payer, valid_from, valid_to,
        created_at
""")
IS_PROVIDER = text("SELECT 1 FROM provider WHERE organisation_id = :provider_id")

_RUN = """
    SELECT id, cutoff_on, status, content_sha256, settlement_count, total_cents, created_by, created_at, approved_by,
        approved_at, execution_on, sent_at, debtor_name, debtor_iban, payment_file_sha256
    FROM settlement_run
"""
RUNS = text(_RUN + "WHERE CAST(:after AS uuid) IS NULL OR id < CAST(:after AS uuid) ORDER BY id DESC LIMIT :limit")
RUN = text(_RUN + "WHERE id = :run_id")
LOCKED_RUN = text(_RUN + "WHERE id = :run_id FOR NO KEY UPDATE")
# Of what is stored, not of what was said when it was made.
RUN_CONTENT = text(f"""
    SELECT {content.sha256(content.run("min(settlement_run.cutoff_on)", "made"))} AS content_sha256,
        coalesce(bool_and(made.content_sha256 = made.stored_sha256), true) AS agrees
    FROM settlement_run LEFT JOIN LATERAL (
        SELECT settlement.provider_id, settlement.content_sha256 AS stored_sha256,
            {content.sha256(content.document("settlement", "line.lines_text"))} AS content_sha256
        FROM settlement CROSS JOIN LATERAL (
            SELECT {content.lines("line")} AS lines_text FROM settlement_line AS line
            WHERE line.provider_id = settlement.provider_id AND line.settlement_id = settlement.id
        ) AS line
        WHERE settlement.run_id = settlement_run.id
    ) AS made ON true
    WHERE settlement_run.id = :run_id
""")  # noqa: S608 - constants of content.py
PAYEES = text("""
    SELECT settlement.id, settlement.provider_id, settlement.year, settlement.sequence, settlement.payout_cents,
        settlement.pay_on, organisation.name, organisation.iban, organisation.street, organisation.street_number,
        organisation.postcode, organisation.town, organisation.country,
        provider.payable_account_id, provider.in_transit_account_id
    FROM settlement JOIN organisation ON organisation.id = settlement.provider_id
    JOIN provider ON provider.organisation_id = settlement.provider_id
    WHERE settlement.run_id = :run_id ORDER BY settlement.provider_id
""")
APPROVE_RUN = text("""
    UPDATE settlement_run SET status = 'approved', approved_by = :approved_by, approved_at = :approved_at,
        approved_sha256 = :content_sha256, debtor_name = :debtor_name, debtor_iban = :debtor_iban,
        execution_on = :execution_on, payment_file_sha256 = :payment_file_sha256
    WHERE id = :run_id
""")
MOVE_SETTLEMENTS = text("UPDATE settlement SET status = :status WHERE run_id = :run_id")
MOVE_PAYOUTS = text("UPDATE payout SET status = :status WHERE run_id = :run_id")
NEW_PAYOUTS = text("""
    INSERT INTO payout (id, run_id, settlement_id, provider_id, end_to_end_id, creditor_name, iban, creditor_street,
        creditor_street_number, creditor_postcode, creditor_town, creditor_country, amount_cents, created_at)
    SELECT given.id, :run_id, given.settlement_id, given.provider_id, given.end_to_end_id, given.creditor_name,
        given.iban, given.street, given.number, given.postcode, given.town, given.country, given.amount_cents,
        :created_at
    FROM unnest(CAST(:ids AS uuid[]), CAST(:settlement_ids AS uuid[]), CAST(:provider_ids AS uuid[]),
        CAST(:end_to_end_ids AS text[]), CAST(:creditor_names AS text[]), CAST(:ibans AS text[]),
        CAST(:streets AS text[]), CAST(:numbers AS text[]), CAST(:postcodes AS text[]), CAST(:towns AS text[]),
        CAST(:countries AS text[]), CAST(:amounts AS bigint[]))
        AS given (id, settlement_id, provider_id, end_to_end_id, creditor_name, iban, street, number, postcode, town,
            country, amount_cents)
""")
PAYOUTS = text("""
    SELECT payout.end_to_end_id, payout.creditor_name, payout.iban, payout.creditor_street,
        payout.creditor_street_number, payout.creditor_postcode, payout.creditor_town, payout.creditor_country,
        payout.amount_cents, settlement.year, settlement.sequence
    FROM payout JOIN settlement ON settlement.id = payout.settlement_id
    WHERE payout.run_id = :run_id ORDER BY payout.provider_id
""")
SEND_RUN = text("UPDATE settlement_run SET status = 'sent', sent_at = :sent_at WHERE id = :run_id")
OPERATOR_NAME = text("SELECT name FROM organisation WHERE id = :organisation_id")

_SETTLEMENT = """
    SELECT id, year || '/' || sequence AS number, cutoff_on, status, gross_cents, vat_cents, fee_cents, fee_vat_cents,
        subsidy_cents, payout_cents, pay_on, content_sha256
    FROM settlement WHERE provider_id = :provider_id
"""
SETTLEMENTS = text(
    _SETTLEMENT + "AND (CAST(:after AS uuid) IS NULL OR id < CAST(:after AS uuid)) ORDER BY id DESC LIMIT :limit"
)
SETTLEMENT = text(_SETTLEMENT + "AND id = :settlement_id")
LINES = text("""
    SELECT unit_id, kind, service_on, gross_cents, fee_cents, fee_vat_cents, subsidy_cents, net_cents
    FROM settlement_line WHERE provider_id = :provider_id AND settlement_id = :settlement_id
    ORDER BY service_on, unit_id, kind
""")


async def all_of(session: AsyncSession, statement: Any, **values: Any) -> Sequence[Row[Any]]:  # noqa: ANN401 - SQL
    return (await session.execute(statement, values)).all()


async def one_of(session: AsyncSession, statement: Any, **values: Any) -> Row[Any] | None:  # noqa: ANN401 - SQL
    return (await session.execute(statement, values)).one_or_none()


async def settlement(session: AsyncSession, provider_id: UUID, settlement_id: UUID) -> dict[str, Any] | None:
    """Return a provider's settlement with its lines, None when it is foreign or absent."""
    found = await one_of(session, SETTLEMENT, provider_id=provider_id, settlement_id=settlement_id)
    if found is None:
        return None
    lines = await all_of(session, LINES, provider_id=provider_id, settlement_id=settlement_id)
    return {**found._mapping, "lines": lines}  # noqa: SLF001 - SQLAlchemy's public name of it
