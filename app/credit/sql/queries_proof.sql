-- Recomputing what came back to companies.

-- name: verify_returns
-- Each sum that was posted is its transfer and the sum of its parts, which came back by its day from enough people.
WITH batch AS MATERIALIZED (
    SELECT id AS key, * FROM company_return WHERE id >= :start ORDER BY id LIMIT :size
), judged AS (
    SELECT key, CASE
            WHEN transfer.id IS NULL OR transfer.from_account_id <> company.returns_account_id
                OR transfer.to_account_id <> company.account_id THEN 'transfer_missing'
            WHEN transfer.amount_cents <> batch.amount_cents OR parts.cents <> batch.amount_cents THEN 'amount'
            WHEN parts.last_at > midnight_of(returned_on) OR transfer.event_at <> midnight_of(returned_on) THEN 'instant'
            WHEN parts.people < least_people(batch.company_id, returned_on - 1) THEN 'people'
            END AS problem, batch.amount_cents AS stored, parts.cents AS recomputed
    FROM batch JOIN company ON company.organisation_id = batch.company_id
    LEFT JOIN ledger.transfer ON transfer.id = key
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(back.amount_cents), 0)::bigint AS cents, max(part.came_back_at) AS last_at,
            count(DISTINCT employee.user_id) FILTER (WHERE part.was_usable) AS people
        FROM returned_credit part JOIN ledger.transfer back ON back.id = part.transfer_id
        JOIN lot ON lot.id = back.from_account_id JOIN employee ON employee.id = lot.employee_id
        WHERE part.return_id = key
    ) parts
), differing AS (
    SELECT * FROM judged WHERE problem IS NOT NULL ORDER BY key LIMIT :limit
)
SELECT (SELECT count(*) FROM batch) AS size, (SELECT key FROM batch ORDER BY key DESC LIMIT 1) AS last,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('table', 'company_return', 'id', key, 'problem', problem,
        'stored', stored, 'recomputed', recomputed) ORDER BY key), '[]') FROM differing) AS differences;

-- name: verify_returns_accounts
-- What is on a company's account of returns is what waits there.
WITH batch AS MATERIALIZED (
    SELECT organisation_id AS key, * FROM company WHERE organisation_id >= :start ORDER BY organisation_id LIMIT :size
), judged AS (
    SELECT key, CASE WHEN waiting.cents <> moved.cents THEN 'returns_account' END AS problem,
        waiting.cents AS stored, moved.cents AS recomputed
    FROM batch CROSS JOIN LATERAL (
        SELECT coalesce(sum(back.amount_cents), 0)::bigint AS cents
        FROM returned_credit part JOIN ledger.transfer back ON back.id = part.transfer_id
        WHERE part.company_id = key AND part.return_id IS NULL
    ) waiting CROSS JOIN LATERAL (
        SELECT ((SELECT coalesce(sum(amount_cents), 0) FROM ledger.transfer
                WHERE to_account_id = batch.returns_account_id)
            - (SELECT coalesce(sum(amount_cents), 0) FROM ledger.transfer
                WHERE from_account_id = batch.returns_account_id))::bigint AS cents
    ) moved
), differing AS (
    SELECT * FROM judged WHERE problem IS NOT NULL ORDER BY key LIMIT :limit
)
SELECT (SELECT count(*) FROM batch) AS size, (SELECT key FROM batch ORDER BY key DESC LIMIT 1) AS last,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('table', 'company', 'id', key, 'problem', problem,
        'stored', stored, 'recomputed', recomputed) ORDER BY key), '[]') FROM differing) AS differences;
