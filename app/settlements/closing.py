"""Closing the books for a cutoff: one statement finds the due units, prices, numbers, hashes and writes everything.

Money (half up on the document's total, largest remainder on the split, as in app/money.py):
- a fee is taken per document and fee rule: percent of the total + the fixed part for each line, within the rule's
  bounds and never more than leaves the provider zero; it is split over the lines by their gross amount;
- VAT on fees is taken per document and rate, split over the lines by their fee;
- the VAT contained in the gross amount is taken per document and VAT code.
Ids follow from cutoff, provider and unit, so that a run that was killed and is made again gives the same rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from app import clock
from app.catalogue.models import VAT_BPS
from app.settlements import content

# Planning a statement this long with JIT takes longer than running it; a month's sort should not go to disk.
PREPARE = text("""
    SELECT set_config('statement_timeout', '60s', true), set_config('jit', 'off', true),
        set_config('work_mem', '64MB', true),
        pg_try_advisory_xact_lock(hashtextextended('settlement_run', 0)) AS locked,
        (SELECT id FROM settlement_run WHERE cutoff_on = :cutoff_on AND status <> 'cancelled') AS run_id,
        (SELECT id FROM ledger.account WHERE kind = 'platform_fees' AND owner_id IS NULL) AS fees_account_id,
        (SELECT id FROM ledger.account WHERE kind = 'vat_payable' AND owner_id IS NULL) AS vat_account_id
""")
_DUE = """
    unit.payable_at < :cutoff_end AND unit.captured_cents > 0 AND NOT unit.disputed
    AND unit.status IN ('completed', 'cancelled_late', 'no_show')
    AND NOT EXISTS (SELECT FROM settlement_line WHERE settlement_line.unit_id = unit.id
        AND settlement_line.kind <> 'adjustment')
"""
# Whoever moves units locks their booking first: taken here in order, no two can wait for each other.
LOCK_BOOKINGS = text(f"""
    WITH due AS MATERIALIZED (SELECT unit.booking_id, unit.starts_at FROM care.unit WHERE {_DUE}),
    locked AS MATERIALIZED (
        SELECT booking.id FROM care.booking WHERE booking.id IN (SELECT due.booking_id FROM due)
        ORDER BY booking.id FOR NO KEY UPDATE
    )
    SELECT min(due.starts_at) AS first, max(due.starts_at) AS last FROM due, (SELECT count(*) FROM locked) AS all_locked
""")  # noqa: S608 - constants of this file


def _id(name: str) -> str:
    """Return the SQL of a UUIDv7 whose time is the cutoff's end and whose random bits follow from a name."""
    digest = f"encode(sha256(convert_to({name}, 'UTF8')), 'hex')"
    return f"CAST(CAST(:cutoff_hex AS text) || '7' || substr({digest}, 1, 3) || '8' || substr({digest}, 4, 15) AS uuid)"


_PICKED = f"""
due AS MATERIALIZED (
    SELECT unit.id AS unit_id, unit.provider_id, offering.category, unit.vat_code, unit.captured_cents AS gross_cents,
        CAST(:first_day AS date) + width_bucket(unit.starts_at, CAST(:midnights AS timestamptz[])) - 1 AS service_on,
        CASE unit.status WHEN 'completed' THEN 'service' WHEN 'no_show' THEN 'no_show_fee' ELSE 'late_fee' END AS kind
    FROM care.unit
    JOIN care.booking ON booking.id = unit.booking_id
    JOIN offering ON offering.id = booking.offering_id
    WHERE {_DUE} AND unit.starts_at >= :first_instant AND unit.starts_at < :last_instant
    ORDER BY unit.id
    FOR NO KEY UPDATE OF unit
), rule AS MATERIALIZED (
    SELECT wanted.provider_id, wanted.category, wanted.service_on, chosen.*
    FROM (SELECT DISTINCT provider_id, category, service_on FROM due) AS wanted
    CROSS JOIN LATERAL (
        SELECT fee_rule.id AS rule_id, fee_rule.percent_bps, fee_rule.fixed_cents, fee_rule.min_cents,
            fee_rule.max_cents, fee_rule.vat_bps
        FROM fee_rule
        WHERE (fee_rule.provider_id = wanted.provider_id OR fee_rule.provider_id IS NULL)
            AND (fee_rule.category = wanted.category OR fee_rule.category IS NULL)
            AND fee_rule.valid_from <= wanted.service_on
            AND (fee_rule.valid_to IS NULL OR fee_rule.valid_to > wanted.service_on)
            AND fee_rule.payer = 'provider'
        ORDER BY fee_rule.provider_id IS NULL, fee_rule.category IS NULL, fee_rule.valid_from DESC, fee_rule.id DESC
        LIMIT 1
    ) AS chosen
)"""  # noqa: S608 - constants of this file
# `rest` ranks a share's lost fraction: the first lines by it get the spare cents.
_PRICED = """
fee AS MATERIALIZED (
    SELECT provider_id, rule_id, base_cents, greatest(0, least(
            greatest((2 * base_cents * percent_bps + 10000) / 20000 + fixed_cents * line_count, min_cents),
            max_cents, base_cents * 10000 / (10000 + vat_bps))) AS fee_cents
    FROM (
        SELECT due.provider_id, rule_id, percent_bps, fixed_cents, min_cents, max_cents, vat_bps,
            sum(gross_cents)::bigint AS base_cents, count(*) AS line_count
        FROM due JOIN rule USING (provider_id, category, service_on)
        GROUP BY due.provider_id, rule_id, percent_bps, fixed_cents, min_cents, max_cents, vat_bps
    ) AS total
), fee_share AS (
    SELECT due.*, rule.rule_id, rule.vat_bps, coalesce(fee.fee_cents, 0) AS total_cents,
        coalesce(fee.fee_cents * gross_cents / base_cents, 0) AS share_cents,
        coalesce(fee.fee_cents * gross_cents % base_cents, 0) AS rest
    FROM due LEFT JOIN rule USING (provider_id, category, service_on)
    LEFT JOIN fee ON fee.provider_id = due.provider_id AND fee.rule_id = rule.rule_id
), fee_line AS (
    SELECT unit_id, provider_id, vat_code, gross_cents, service_on, kind, vat_bps,
        share_cents + CASE WHEN row_number() OVER spare <= total_cents - sum(share_cents) OVER document
            THEN 1 ELSE 0 END AS fee_cents
    FROM fee_share
    WINDOW document AS (PARTITION BY provider_id, rule_id),
        spare AS (PARTITION BY provider_id, rule_id ORDER BY rest DESC, service_on, unit_id)
), fee_vat AS (
    SELECT *, (2 * base_cents * vat_bps + 10000) / 20000 AS total_cents
    FROM (
        SELECT *, sum(fee_cents) OVER (PARTITION BY provider_id, vat_bps)::bigint AS base_cents FROM fee_line
    ) AS whole
), fee_vat_share AS (
    SELECT *, coalesce(total_cents * fee_cents / nullif(base_cents, 0), 0) AS share_cents,
        coalesce(total_cents * fee_cents % nullif(base_cents, 0), 0) AS rest
    FROM fee_vat
), line AS MATERIALIZED (
    SELECT unit_id, provider_id, kind, service_on, vat_code, gross_cents, fee_cents, fee_vat_cents,
        0::bigint AS subsidy_cents, gross_cents - fee_cents - fee_vat_cents AS net_cents
    FROM (
        SELECT *, share_cents + CASE WHEN row_number() OVER spare <= total_cents - sum(share_cents) OVER document
            THEN 1 ELSE 0 END AS fee_vat_cents
        FROM fee_vat_share
        WINDOW document AS (PARTITION BY provider_id, vat_bps),
            spare AS (PARTITION BY provider_id, vat_bps ORDER BY rest DESC, service_on, unit_id)
    ) AS divided
)"""
_DOCUMENTED = f"""
vat AS (
    SELECT provider_id, sum(
        gross_cents - (20000 * gross_cents + 10000 + bps) / (2 * (10000 + bps)))::bigint AS vat_cents
    FROM (SELECT provider_id, vat_code, sum(gross_cents)::bigint AS gross_cents FROM line GROUP BY 1, 2) AS coded
    JOIN unnest(CAST(:vat_codes AS text[]), CAST(:vat_bps AS bigint[])) AS known (code, bps) ON code = vat_code
    GROUP BY provider_id
), summed AS MATERIALIZED (
    SELECT line.provider_id, sum(gross_cents)::bigint AS gross_cents, sum(fee_cents)::bigint AS fee_cents,
        sum(fee_vat_cents)::bigint AS fee_vat_cents, sum(subsidy_cents)::bigint AS subsidy_cents,
        sum(net_cents)::bigint AS payout_cents, {content.lines("line")} AS lines_text
    FROM line GROUP BY line.provider_id HAVING sum(net_cents) >= :minimum_payout_cents
), numbered AS (
    INSERT INTO settlement_counter (provider_id, year, last_number)
    SELECT provider_id, :year, 1 FROM summed ORDER BY provider_id
    ON CONFLICT (provider_id, year) DO UPDATE SET last_number = settlement_counter.last_number + 1
    RETURNING provider_id, year, last_number AS sequence
), document AS (
    SELECT summed.*, vat.vat_cents, numbered.year, numbered.sequence,
        CAST(:cutoff_on AS date) AS cutoff_on, CAST(:pay_on AS date) AS pay_on
    FROM summed JOIN vat USING (provider_id) JOIN numbered USING (provider_id)
), ready AS MATERIALIZED (
    SELECT document.*, {_id("'settlement ' || CAST(:cutoff_on AS date) || ' ' || document.provider_id")} AS id,
        {content.sha256(content.document("document", "document.lines_text"))} AS content_sha256
    FROM document
)"""  # noqa: S608 - constants of this file
CLOSE = text(f"""
    WITH {_PICKED}, {_PRICED}, {_DOCUMENTED}, new_run AS (
        INSERT INTO settlement_run
            (id, cutoff_on, content_sha256, settlement_count, total_cents, created_by, created_at)
        SELECT :run_id, :cutoff_on, {content.sha256(content.run("CAST(:cutoff_on AS date)", "ready"))},
            count(*), coalesce(sum(payout_cents), 0), :created_by, :created_at
        FROM ready
    ), new_settlement AS (
        INSERT INTO settlement (id, run_id, provider_id, year, sequence, cutoff_on, gross_cents, vat_cents, fee_cents,
            fee_vat_cents, subsidy_cents, payout_cents, pay_on, content_sha256, created_at)
        SELECT id, :run_id, provider_id, year, sequence, cutoff_on, gross_cents, vat_cents, fee_cents,
            fee_vat_cents, subsidy_cents, payout_cents, pay_on, content_sha256, :created_at
        FROM ready ORDER BY provider_id
    ), new_line AS (
        INSERT INTO settlement_line (id, settlement_id, provider_id, unit_id, kind, service_on, vat_code, gross_cents,
            fee_cents, fee_vat_cents, subsidy_cents, net_cents)
        SELECT {_id("'settlement_line ' || line.kind || ' ' || line.unit_id")}, ready.id, line.provider_id,
            line.unit_id, line.kind, line.service_on, line.vat_code, line.gross_cents, line.fee_cents,
            line.fee_vat_cents, line.subsidy_cents, line.net_cents
        FROM line JOIN ready USING (provider_id)
    )
    SELECT ready.id, ready.provider_id, ready.fee_cents, ready.fee_vat_cents, provider.payable_account_id
    FROM ready JOIN provider ON provider.organisation_id = ready.provider_id ORDER BY ready.provider_id
""")  # noqa: S608 - constants of this file


@dataclass(frozen=True, slots=True)
class Closing:
    """What to close: the run's own id, the cutoff, when it will be paid, below which sum a provider waits."""

    run_id: UUID
    cutoff_on: date
    pay_on: date
    minimum_payout_cents: int
    created_by: UUID
    created_at: datetime


async def prepare(session: AsyncSession, cutoff_on: date) -> Row[Any]:
    """Allow the transaction more time, try to be the only run, look for an earlier one of this cutoff."""
    return (await session.execute(PREPARE, {"cutoff_on": cutoff_on})).one()


async def close(session: AsyncSession, closing: Closing) -> Sequence[Row[Any]]:
    """Write run, settlements and lines; return id, provider, fee, fee VAT and payable account of each settlement."""
    cutoff_end = clock.end_of(closing.cutoff_on)
    span = (await session.execute(LOCK_BOOKINGS, {"cutoff_end": cutoff_end})).one()
    first_day = closing.cutoff_on if span.first is None else clock.day_of(span.first)
    last_day = closing.cutoff_on if span.last is None else clock.day_of(span.last)
    # A unit that became due after it was looked for and lies outside these days waits for the next run.
    midnights = [clock.midnight(first_day + timedelta(days=n)) for n in range(max(0, (last_day - first_day).days) + 2)]
    parameters = {
        "run_id": closing.run_id,
        "cutoff_on": closing.cutoff_on,
        "year": closing.cutoff_on.year,
        "pay_on": closing.pay_on,
        "minimum_payout_cents": max(1, closing.minimum_payout_cents),
        "created_by": closing.created_by,
        "created_at": closing.created_at,
        "cutoff_end": cutoff_end,
        "cutoff_hex": f"{int(cutoff_end.timestamp() * 1000):012x}",
        "first_day": first_day,
        "midnights": midnights,
        "first_instant": midnights[0],
        "last_instant": midnights[-1],
        "vat_codes": list(VAT_BPS),
        "vat_bps": list(VAT_BPS.values()),
    }
    return (await session.execute(CLOSE, parameters)).all()
