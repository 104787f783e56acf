-- Recomputing settlements, in batches as app/ledger/verify.py asks.

-- name: verify_lines
WITH batch AS MATERIALIZED (
    SELECT id AS key, * FROM settlement_line WHERE id >= :start ORDER BY id LIMIT :size
), judged AS (
    SELECT key, CASE
            WHEN payable.id IS NULL THEN 'payable_missing'
            WHEN payable.gross_cents <> batch.gross_cents THEN 'payable_amount'
            WHEN (payable.payee_id, payable.source_id, payable.kind, payable.vat_code, payable.service_on)
                <> (batch.provider_id, batch.unit_id, batch.kind, batch.vat_code, batch.service_on)
                THEN 'payable_differs'
            END AS problem, batch.gross_cents AS stored, payable.gross_cents AS recomputed
    FROM batch LEFT JOIN payable ON payable.id = payable_id
), differing AS (
    SELECT * FROM judged WHERE problem IS NOT NULL ORDER BY key LIMIT :limit
)
SELECT (SELECT count(*) FROM batch) AS size, (SELECT key FROM batch ORDER BY key DESC LIMIT 1) AS last,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('table', 'settlement_line', 'id', key, 'problem', problem,
        'stored', stored, 'recomputed', recomputed) ORDER BY key), '[]') FROM differing) AS differences;

-- name: verify_settled
-- A payable is settled exactly where a line says so.
WITH batch AS MATERIALIZED (
    SELECT id AS key, * FROM payable WHERE id >= :start ORDER BY id LIMIT :size
), differing AS (
    SELECT key, CASE WHEN line.id IS NULL THEN 'line_missing' WHEN batch.settlement_id IS NULL THEN 'unsettled_line'
        ELSE 'line_elsewhere' END AS problem, batch.gross_cents AS stored, coalesce(line.gross_cents, 0) AS recomputed
    FROM batch LEFT JOIN settlement_line AS line ON line.payable_id = key AND NOT line.cancelled
    WHERE batch.settlement_id IS DISTINCT FROM line.settlement_id ORDER BY key LIMIT :limit
)
SELECT (SELECT count(*) FROM batch) AS size, (SELECT key FROM batch ORDER BY key DESC LIMIT 1) AS last,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('table', 'payable', 'id', key, 'problem', problem,
        'stored', stored, 'recomputed', recomputed) ORDER BY key), '[]') FROM differing) AS differences;

-- name: verify_settlements
WITH batch AS MATERIALIZED (
    SELECT id AS key, * FROM settlement WHERE id >= :start ORDER BY id LIMIT :size
), judged AS (
    SELECT key, CASE WHEN (batch.gross_cents, batch.fee_cents, batch.fee_vat_cents, batch.subsidy_cents,
            batch.payout_cents) <> (line.gross, line.fee, line.fee_vat, line.subsidy, line.net) THEN 'sum'
            WHEN line.live <> CASE WHEN batch.status = 'cancelled' THEN 0 ELSE line.all_lines END THEN 'cancelled_in_part'
            WHEN payout.amount_cents <> batch.payout_cents THEN 'payout' END AS problem,
        payout_cents AS stored, line.net AS recomputed
    FROM batch CROSS JOIN LATERAL (
        SELECT coalesce(sum(gross_cents), 0)::bigint AS gross, coalesce(sum(fee_cents), 0)::bigint AS fee,
            coalesce(sum(fee_vat_cents), 0)::bigint AS fee_vat, coalesce(sum(subsidy_cents), 0)::bigint AS subsidy,
            coalesce(sum(net_cents), 0)::bigint AS net,
            count(*) AS all_lines, count(*) FILTER (WHERE NOT cancelled) AS live
        FROM settlement_line WHERE provider_id = batch.provider_id AND settlement_id = key
    ) AS line LEFT JOIN payout ON payout.settlement_id = key
), differing AS (
    SELECT * FROM judged WHERE problem IS NOT NULL ORDER BY key LIMIT :limit
)
SELECT (SELECT count(*) FROM batch) AS size, (SELECT key FROM batch ORDER BY key DESC LIMIT 1) AS last,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('table', 'settlement', 'id', key, 'problem', problem,
        'stored', stored, 'recomputed', recomputed) ORDER BY key), '[]') FROM differing) AS differences;

-- name: verify_runs
WITH batch AS MATERIALIZED (
    SELECT id AS key, * FROM settlement_run WHERE id >= :start ORDER BY id LIMIT :size
), judged AS (
    SELECT key, CASE WHEN (settlement_count, total_cents) <> (made.documents, made.cents) THEN 'sum' END AS problem,
        total_cents AS stored, made.cents AS recomputed
    FROM batch CROSS JOIN LATERAL (
        SELECT count(*) AS documents, coalesce(sum(payout_cents), 0)::bigint AS cents
        FROM settlement WHERE run_id = key
    ) AS made
), differing AS (
    SELECT * FROM judged WHERE problem IS NOT NULL ORDER BY key LIMIT :limit
)
SELECT (SELECT count(*) FROM batch) AS size, (SELECT key FROM batch ORDER BY key DESC LIMIT 1) AS last,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('table', 'settlement_run', 'id', key, 'problem', problem,
        'stored', stored, 'recomputed', recomputed) ORDER BY key), '[]') FROM differing) AS differences;
