-- Statements of payables.

-- name: new_payables
INSERT INTO payable (id, transfer_id, payee_id, source_kind, source_id, kind, sequence, gross_cents, vat_code, category,
    service_on, payable_at, funding_line, blocked, created_at)
SELECT given.*, :created_at
FROM unnest(CAST(:id AS uuid[]), CAST(:transfer_id AS uuid[]), CAST(:payee_id AS uuid[]), CAST(:source_kind AS text[]),
    CAST(:source_id AS uuid[]), CAST(:kind AS text[]), CAST(:sequence AS int[]), CAST(:gross_cents AS bigint[]),
    CAST(:vat_code AS text[]), CAST(:category AS text[]), CAST(:service_on AS date[]),
    CAST(:payable_at AS timestamptz[]), CAST(:funding_line AS uuid[]), CAST(:blocked AS boolean[])) AS given;

-- name: verify_payables
-- Each payable is its transfer: amount, payee, instant.
WITH batch AS MATERIALIZED (
    SELECT id AS key, * FROM payable WHERE id >= :start ORDER BY id LIMIT :size
), judged AS (
    SELECT key, CASE
            WHEN transfer.id IS NULL THEN 'transfer_missing'
            WHEN account.kind IS DISTINCT FROM 'provider_payable' OR account.owner_id IS DISTINCT FROM batch.payee_id
                THEN 'payee'
            WHEN transfer.amount_cents <> abs(gross_cents) THEN 'amount'
            WHEN transfer.event_at <> payable_at THEN 'instant'
            WHEN settlement_id IS NOT NULL AND blocked THEN 'blocked'
            END AS problem, gross_cents AS stored,
        CASE WHEN gross_cents < 0 THEN -transfer.amount_cents ELSE transfer.amount_cents END AS recomputed
    FROM batch LEFT JOIN ledger.transfer ON transfer.id = transfer_id
    LEFT JOIN ledger.account
        ON account.id = CASE WHEN gross_cents < 0 THEN transfer.from_account_id ELSE transfer.to_account_id END
), differing AS (
    SELECT * FROM judged WHERE problem IS NOT NULL ORDER BY key LIMIT :limit
)
SELECT (SELECT count(*) FROM batch) AS size, (SELECT key FROM batch ORDER BY key DESC LIMIT 1) AS last,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('table', 'payable', 'id', key, 'problem', problem,
        'stored', stored, 'recomputed', recomputed) ORDER BY key), '[]') FROM differing) AS differences;

-- name: verify_transfers
-- Whatever a provider earned and is owed has its payable.
WITH batch AS MATERIALIZED (
    SELECT id AS key, * FROM ledger.transfer WHERE id >= :start ORDER BY id LIMIT :size
), judged AS (
    SELECT key, 'payable_missing' AS problem, amount_cents AS stored, 0 AS recomputed
    FROM batch JOIN ledger.account AS payee ON payee.id = to_account_id AND payee.kind = 'provider_payable'
    JOIN ledger.account AS source ON source.id = from_account_id AND source.kind = 'provider_earned'
    WHERE NOT EXISTS (SELECT FROM payable WHERE payable.transfer_id = key)
), differing AS (
    SELECT * FROM judged ORDER BY key LIMIT :limit
)
SELECT (SELECT count(*) FROM batch) AS size, (SELECT key FROM batch ORDER BY key DESC LIMIT 1) AS last,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('table', 'transfer', 'id', key, 'problem', problem,
        'stored', stored, 'recomputed', recomputed) ORDER BY key), '[]') FROM differing) AS differences;
