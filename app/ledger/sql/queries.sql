-- Statements of the ledger. An instruction is one statement for any number of rows; a join drops what it does not find,
-- so callers compare the count.

-- name: open_accounts
INSERT INTO ledger.account (id, kind, owner_id, created_at)
SELECT given.id, given.kind, given.owner_id, :created_at
FROM unnest(CAST(:id AS uuid[]), CAST(:kind AS text[]), CAST(:owner_id AS uuid[])) AS given (id, kind, owner_id);

-- name: transfer
INSERT INTO ledger.transfer
    (id, from_account_id, to_account_id, amount_cents, reason, cause_id, event_at, created_at)
SELECT given.*, :created_at
FROM unnest(CAST(:id AS uuid[]), CAST(:from_account_id AS uuid[]), CAST(:to_account_id AS uuid[]),
    CAST(:amount_cents AS bigint[]), CAST(:reason AS text[]), CAST(:cause_id AS uuid[]),
    CAST(:event_at AS timestamptz[])) AS given;

-- name: place_holds
INSERT INTO ledger.hold (id, account_id, payee_account_id, amount_cents, cause_id, event_at, created_at)
SELECT given.*, :created_at
FROM unnest(CAST(:id AS uuid[]), CAST(:account_id AS uuid[]), CAST(:payee_account_id AS uuid[]),
    CAST(:amount_cents AS bigint[]), CAST(:cause_id AS uuid[]), CAST(:event_at AS timestamptz[])) AS given;

-- name: capture
-- A capture and a reversal have unique keys that others may wait for, so all accounts are locked before the first row.
WITH given AS MATERIALIZED (
    SELECT * FROM unnest(CAST(:id AS uuid[]), CAST(:hold_id AS uuid[]), CAST(:amount_cents AS bigint[]),
        CAST(:reason AS text[]), CAST(:cause_id AS uuid[]), CAST(:event_at AS timestamptz[]))
        AS row (id, hold_id, amount_cents, reason, cause_id, event_at)
), held AS MATERIALIZED (
    SELECT given.id, hold.id AS hold_id, hold.account_id, hold.payee_account_id,
        coalesce(given.amount_cents, hold.amount_cents) AS amount_cents,
        given.reason, given.cause_id, given.event_at
    FROM given JOIN ledger.hold ON hold.id = given.hold_id
), locked AS MATERIALIZED (
    SELECT count(*) FROM ledger.lock_accounts(ARRAY(
        SELECT account_id FROM held UNION SELECT payee_account_id FROM held))
)
INSERT INTO ledger.transfer
    (id, from_account_id, to_account_id, amount_cents, reason, hold_id, cause_id, event_at, created_at)
SELECT held.id, held.account_id, held.payee_account_id, held.amount_cents,
    held.reason, held.hold_id, held.cause_id, held.event_at, :created_at
FROM held, locked ORDER BY held.account_id, held.hold_id;

-- name: reverse
WITH given AS MATERIALIZED (
    SELECT * FROM unnest(CAST(:id AS uuid[]), CAST(:reverses_id AS uuid[]), CAST(:amount_cents AS bigint[]),
        CAST(:reason AS text[]), CAST(:cause_id AS uuid[]), CAST(:event_at AS timestamptz[]))
        AS row (id, reverses_id, amount_cents, reason, cause_id, event_at)
), original AS MATERIALIZED (
    SELECT given.id, transfer.id AS reverses_id, transfer.from_account_id, transfer.to_account_id,
        coalesce(given.amount_cents, transfer.amount_cents) AS amount_cents,
        given.reason, given.cause_id, given.event_at
    FROM given JOIN ledger.transfer ON transfer.id = given.reverses_id
), locked AS MATERIALIZED (
    SELECT count(*) FROM ledger.lock_accounts(ARRAY(
        SELECT from_account_id FROM original UNION SELECT to_account_id FROM original))
)
INSERT INTO ledger.transfer
    (id, from_account_id, to_account_id, amount_cents, reason, reverses_id, cause_id, event_at, created_at)
SELECT original.id, original.to_account_id, original.from_account_id, original.amount_cents,
    original.reason, original.reverses_id, original.cause_id, original.event_at, :created_at
FROM original, locked ORDER BY original.reverses_id;

-- name: release_holds
-- The row trigger locks each hold's account in this order, before the row's primary key exists.
INSERT INTO ledger.hold_end (hold_id, kind, amount_cents, event_at, created_at)
SELECT hold.id, 'released', 0, given.event_at, :created_at
FROM unnest(CAST(:hold_id AS uuid[]), CAST(:event_at AS timestamptz[])) AS given (hold_id, event_at)
JOIN ledger.hold ON hold.id = given.hold_id
ORDER BY hold.account_id, hold.id;

-- name: lock_accounts
SELECT account_id, posted_cents, held_cents FROM ledger.lock_accounts(CAST(:ids AS uuid[]));

-- name: company_balance
SELECT account_id, posted_cents, held_cents FROM ledger.company_balance(:company_id, :for_update);

-- name: balances_of
SELECT account.id AS account_id, CASE WHEN account.guarded THEN account.posted_cents ELSE (
        (SELECT coalesce(sum(amount_cents), 0) FROM ledger.transfer WHERE to_account_id = account.id)
        - (SELECT coalesce(sum(amount_cents), 0) FROM ledger.transfer WHERE from_account_id = account.id)
    )::bigint END AS posted_cents, account.held_cents
FROM ledger.account WHERE account.id = ANY (CAST(:ids AS uuid[]));

-- name: trial_balance
SELECT account.kind, coalesce(sum(side.debit), 0)::bigint AS debit_cents,
    coalesce(sum(side.credit), 0)::bigint AS credit_cents,
    bool_and(NOT account.guarded OR account.posted_cents = coalesce(side.credit - side.debit, 0)) AS agrees
FROM ledger.account LEFT JOIN (
    SELECT account_id, sum(debit) AS debit, sum(credit) AS credit FROM (
        SELECT from_account_id AS account_id, sum(amount_cents) AS debit, 0 AS credit
        FROM ledger.transfer GROUP BY from_account_id
        UNION ALL
        SELECT to_account_id, 0, sum(amount_cents) FROM ledger.transfer GROUP BY to_account_id
    ) half GROUP BY account_id
) side ON side.account_id = account.id
GROUP BY account.kind ORDER BY account.kind COLLATE "C";

-- Recomputing: each pass judges one batch of a table and tells its size, its last key and its first differences. Ranges
-- of keys, not lookups per account: one account may have half of all transfers, another none.

-- name: verify_accounts
WITH batch AS MATERIALIZED (
    SELECT id AS key, * FROM ledger.account WHERE id >= :start ORDER BY id LIMIT :size
), reach AS MATERIALIZED (
    SELECT key AS max_key FROM batch ORDER BY key DESC LIMIT 1
), judged AS (
    SELECT key, CASE
            WHEN posted_cents <> posted THEN 'posted' WHEN held_cents <> held THEN 'held'
            WHEN guarded AND (held < 0 OR posted - held < 0) THEN 'overdrawn' END AS problem,
        CASE WHEN posted_cents <> posted THEN posted_cents ELSE held_cents END AS stored,
        CASE WHEN posted_cents <> posted THEN posted ELSE held END AS recomputed
    FROM (
        SELECT batch.*, CASE WHEN guarded THEN coalesce(moved.cents, 0) ELSE 0 END AS posted,
            coalesce(reserved.cents, 0) AS held
        FROM batch LEFT JOIN (
            SELECT account_id, sum(cents) AS cents FROM (
                SELECT to_account_id AS account_id, sum(amount_cents) AS cents
                FROM ledger.transfer
                WHERE to_account_id BETWEEN :start AND (SELECT max_key FROM reach) GROUP BY to_account_id
                UNION ALL
                SELECT from_account_id, -sum(amount_cents)
                FROM ledger.transfer
                WHERE from_account_id BETWEEN :start AND (SELECT max_key FROM reach) GROUP BY from_account_id
            ) AS side GROUP BY account_id
        ) AS moved ON moved.account_id = key LEFT JOIN (
            SELECT account_id, sum(amount_cents) AS cents FROM ledger.hold
            WHERE account_id BETWEEN :start AND (SELECT max_key FROM reach)
                AND NOT EXISTS (SELECT FROM ledger.hold_end WHERE hold_id = hold.id) GROUP BY account_id
        ) AS reserved ON reserved.account_id = key
    ) AS sums
), differing AS (
    SELECT * FROM judged WHERE problem IS NOT NULL ORDER BY key LIMIT :limit
)
SELECT (SELECT count(*) FROM batch) AS size, (SELECT key FROM batch ORDER BY key DESC LIMIT 1) AS last,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('table', 'account', 'id', key, 'problem', problem,
        'stored', stored, 'recomputed', recomputed) ORDER BY key), '[]') FROM differing) AS differences;

-- name: verify_transfers
WITH batch AS MATERIALIZED (
    SELECT id AS key, * FROM ledger.transfer WHERE id >= :start ORDER BY id LIMIT :size
), judged AS (
    SELECT key, CASE
            WHEN amount_cents NOT BETWEEN 1 AND 1000000000000 OR from_account_id = to_account_id THEN 'malformed'
            WHEN NOT EXISTS (SELECT FROM ledger.account WHERE id = from_account_id)
                OR NOT EXISTS (SELECT FROM ledger.account WHERE id = to_account_id) THEN 'account_missing'
            WHEN hold_id IS NOT NULL AND NOT EXISTS (
                SELECT FROM ledger.hold JOIN ledger.hold_end ON hold_end.hold_id = hold.id
                WHERE hold.id = batch.hold_id AND hold.account_id = from_account_id
                    AND hold.payee_account_id = to_account_id AND hold.amount_cents >= batch.amount_cents
                    AND hold_end.kind = 'captured' AND hold_end.amount_cents = batch.amount_cents) THEN 'capture'
            WHEN reverses_id IS NOT NULL AND (
                NOT EXISTS (SELECT FROM ledger.transfer o WHERE o.id = batch.reverses_id
                    AND o.from_account_id = batch.to_account_id AND o.to_account_id = batch.from_account_id
                    AND o.amount_cents >= batch.amount_cents)
                OR EXISTS (SELECT FROM ledger.transfer o
                    WHERE o.reverses_id = batch.reverses_id AND o.id <> key)) THEN 'reversal'
            END AS problem, amount_cents AS stored, NULL AS recomputed
    FROM batch
), differing AS (
    SELECT * FROM judged WHERE problem IS NOT NULL ORDER BY key LIMIT :limit
)
SELECT (SELECT count(*) FROM batch) AS size, (SELECT key FROM batch ORDER BY key DESC LIMIT 1) AS last,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('table', 'transfer', 'id', key, 'problem', problem,
        'stored', stored, 'recomputed', recomputed) ORDER BY key), '[]') FROM differing) AS differences;

-- name: verify_holds
WITH batch AS MATERIALIZED (
    SELECT id AS key, * FROM ledger.hold WHERE id >= :start ORDER BY id LIMIT :size
), judged AS (
    SELECT key, CASE
            WHEN amount_cents NOT BETWEEN 1 AND 1000000000000
                OR NOT EXISTS (SELECT FROM ledger.account WHERE id = account_id AND guarded)
                OR NOT EXISTS (SELECT FROM ledger.account WHERE id = payee_account_id) THEN 'malformed'
            WHEN ends > 1 OR captures > 1 THEN 'ended_twice'
            WHEN captures <> captured_ends OR captured <> transferred OR captured > amount_cents THEN 'capture'
            END AS problem, captured AS stored, transferred AS recomputed
    FROM batch CROSS JOIN LATERAL (
        SELECT count(*) AS ends, count(*) FILTER (WHERE kind = 'captured') AS captured_ends,
            coalesce(sum(amount_cents), 0) AS captured
        FROM ledger.hold_end WHERE hold_id = key
    ) AS ended CROSS JOIN LATERAL (
        SELECT count(*) AS captures, coalesce(sum(amount_cents), 0) AS transferred
        FROM ledger.transfer WHERE hold_id = key
    ) AS paid
), differing AS (
    SELECT * FROM judged WHERE problem IS NOT NULL ORDER BY key LIMIT :limit
)
SELECT (SELECT count(*) FROM batch) AS size, (SELECT key FROM batch ORDER BY key DESC LIMIT 1) AS last,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('table', 'hold', 'id', key, 'problem', problem,
        'stored', stored, 'recomputed', recomputed) ORDER BY key), '[]') FROM differing) AS differences;

-- name: verify_hold_ends
WITH batch AS MATERIALIZED (
    SELECT hold_id AS key, * FROM ledger.hold_end WHERE hold_id >= :start ORDER BY hold_id LIMIT :size
), judged AS (
    SELECT key, CASE WHEN NOT EXISTS (SELECT FROM ledger.hold WHERE id = key) THEN 'hold_missing' END AS problem,
        amount_cents AS stored, NULL AS recomputed
    FROM batch
), differing AS (
    SELECT * FROM judged WHERE problem IS NOT NULL ORDER BY key LIMIT :limit
)
SELECT (SELECT count(*) FROM batch) AS size, (SELECT key FROM batch ORDER BY key DESC LIMIT 1) AS last,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('table', 'hold_end', 'id', key, 'problem', problem,
        'stored', stored, 'recomputed', recomputed) ORDER BY key), '[]') FROM differing) AS differences;

-- name: enabled_triggers
SELECT CAST(tgname AS text) FROM pg_catalog.pg_trigger JOIN pg_catalog.pg_class ON pg_class.oid = tgrelid
WHERE relnamespace = CAST('ledger' AS regnamespace) AND NOT tgisinternal AND tgenabled IN ('O', 'A');
