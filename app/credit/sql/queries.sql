-- Statements of the person's side: reads and locks of lots. None is for company routes: their database role cannot see
-- the use of credit.

-- name: place
-- One round trip for locks, checks and holds: the hottest statement of a booking. Null where all was placed.
SELECT place_credit(:person_id, :on_day, CAST(:hold_ids AS uuid[]), CAST(:lot_ids AS uuid[]),
    CAST(:payee_ids AS uuid[]), CAST(:amounts AS bigint[]), CAST(:cause_ids AS uuid[]), :at, :created_at);

-- name: usable_lots
SELECT life.id, account.posted_cents - account.held_cents AS available_cents, life.valid_from,
    life.last_day AS expires_on, life.company_id, life.employee_id, life.rule_codes, life.categories,
    life.validity_basis, life.relatives_reading, life.fee_funding, life.kind
FROM lot_owner owner JOIN lot_life life ON life.id = owner.lot_id
JOIN ledger.account ON account.id = life.id
WHERE owner.user_id = :user_id AND life.usable_until >= :today
    AND account.posted_cents > account.held_cents
ORDER BY life.last_day, life.id;

-- name: lot_terms
SELECT lot.id, source.rule_codes, source.categories, source.relatives_reading
FROM lot JOIN credit_source source ON source.id = lot.source_id WHERE lot.id = ANY (CAST(:ids AS uuid[]));

-- name: lock_for_holds
SELECT count(*) FROM ledger.lock_accounts(ARRAY(
    SELECT hold.account_id FROM ledger.hold WHERE hold.id = ANY (CAST(:hold_ids AS uuid[]))));

-- name: held_lots
SELECT life.id, life.expires_on, life.last_day, life.ended_at, life.ended_early, life.expired_credit_to,
    life.expired_to_account_id, life.returned_to_account_id, life.revoked_at, life.grace_until,
    hold.id AS hold_id, hold.amount_cents,
    (setting_in_force('grace_days', :on, life.company_id, life.source_id)).value AS grace_days,
    (setting_in_force('grace_window_days', :on, life.company_id, life.source_id)).value AS grace_window_days
FROM ledger.hold JOIN lot_life life ON life.id = hold.account_id
WHERE hold.id = ANY (CAST(:hold_ids AS uuid[]));

-- name: captures
SELECT transfer.id, transfer.hold_id, transfer.from_account_id AS lot_id, transfer.amount_cents, transfer.cause_id
FROM ledger.transfer WHERE transfer.hold_id = ANY (CAST(:hold_ids AS uuid[]));

-- name: expired_lots
SELECT life.id, life.expires_on, life.last_day, life.ended_at, life.ended_early, life.expired_credit_to,
    life.expired_to_account_id, life.returned_to_account_id, life.revoked_at, life.grace_until
FROM lot JOIN lot_life life ON life.id = lot.id
WHERE lot.ended_at IS NULL AND lot.expires_on < :today
ORDER BY lot.expires_on, lot.id LIMIT :batch FOR NO KEY UPDATE OF lot SKIP LOCKED;

-- name: expired_since
SELECT min(lot.expires_on) FROM lot WHERE lot.ended_at IS NULL AND lot.expires_on < :today;

-- name: lots_of_leavers
SELECT life.id, life.expires_on, life.last_day, life.ended_at, life.ended_early, life.expired_credit_to,
    life.expired_to_account_id, life.returned_to_account_id, life.revoked_at, life.grace_until
FROM lot JOIN lot_life life ON life.id = lot.id
WHERE lot.ended_at IS NULL AND lot.revoked_at IS NULL AND life.ended_early AND life.last_day < :today
ORDER BY life.last_day, lot.id LIMIT :batch FOR NO KEY UPDATE OF lot SKIP LOCKED;

-- name: left_since
SELECT min(life.last_day) FROM employee JOIN lot_life life
    ON life.company_id = employee.company_id AND life.employee_id = employee.id
WHERE employee.ended_on < :today AND life.ended_at IS NULL AND life.revoked_at IS NULL AND life.ended_early
    AND life.last_day < :today;

-- name: revoked_lots
SELECT life.id, life.expires_on, life.last_day, life.ended_at, life.ended_early, life.expired_credit_to,
    life.expired_to_account_id, life.returned_to_account_id, life.revoked_at, life.grace_until
FROM lot JOIN lot_life life ON life.id = lot.id
WHERE lot.ended_at IS NULL AND lot.revoked_at <= :upto
ORDER BY lot.revoked_at, lot.id LIMIT :batch FOR NO KEY UPDATE OF lot SKIP LOCKED;

-- name: revoked_since
SELECT min(lot.revoked_at) FROM lot WHERE lot.ended_at IS NULL AND lot.revoked_at <= :upto;

-- name: lots_of_returners
-- Lots that a leaving ended which was taken back, as long as they would still live.
SELECT lot.id, employee.ended_noted_at AS noted_at
FROM employee JOIN lot ON lot.company_id = employee.company_id AND lot.employee_id = employee.id
JOIN lot_life life ON life.id = lot.id
WHERE employee.ended_noted_at <= :upto AND (employee.ended_on IS NULL OR employee.ended_on >= :today)
    AND lot.ended_at IS NOT NULL AND lot.revoked_at IS NULL AND life.leavers_rule = 'zero_at_leaving'
    AND life.ended_early AND life.last_day >= :today
ORDER BY employee.ended_noted_at, lot.id LIMIT :batch FOR NO KEY UPDATE OF lot SKIP LOCKED;

-- name: reopen
UPDATE lot SET ended_at = NULL WHERE id = ANY (CAST(:ids AS uuid[]));

-- name: returned_unposted
SELECT transfer.id, transfer.from_account_id AS lot_id
FROM ledger.transfer JOIN returned_credit part ON part.transfer_id = transfer.id AND part.return_id IS NULL
WHERE transfer.from_account_id = ANY (CAST(:ids AS uuid[])) AND transfer.reason = 'returned'
ORDER BY transfer.id FOR UPDATE OF part;

-- name: owners
SELECT DISTINCT user_account.email, user_account.locale
FROM lot_owner owner JOIN user_account ON user_account.id = owner.user_id
WHERE owner.lot_id = ANY (CAST(:ids AS uuid[])) ORDER BY user_account.email;

-- name: next_return
-- Of the companies whose returns come from enough people, the first. A company's day is the one on which the last of as
-- many as are needed is counted; what came back too late for a day that was posted waits for the next.
WITH first AS MATERIALIZED (
    -- Of each person what came back first, by the midnight that ends its quarter.
    SELECT part.company_id, min(CASE WHEN part.came_back_at = midnight_of(quarter_of(part.came_back_at))
        THEN part.came_back_at
        ELSE midnight_of((quarter_of(part.came_back_at) + interval '3 months')::date) END) AS counted_at
    FROM returned_credit part
    JOIN ledger.transfer ON transfer.id = part.transfer_id
    JOIN lot ON lot.id = transfer.from_account_id
    JOIN employee ON employee.id = lot.employee_id
    WHERE part.return_id IS NULL AND part.was_usable AND part.came_back_at <= midnight_of(quarter_of(:now))
    GROUP BY part.company_id, employee.user_id
), by_day AS (
    SELECT counted.company_id, greatest(returns_day(counted.company_id, counted.counted_at), later.day) AS returned_on,
        sum(counted.people) AS people
    FROM (SELECT company_id, counted_at, count(*) AS people FROM first GROUP BY company_id, counted_at) AS counted
    CROSS JOIN LATERAL (
        SELECT returns_day(counted.company_id, midnight_of(max(posted.returned_on) + 1)) AS day
        FROM company_return posted WHERE posted.company_id = counted.company_id
    ) later
    GROUP BY 1, 2
), reached AS (
    SELECT company_id, returned_on, sum(people) OVER (PARTITION BY company_id ORDER BY returned_on) AS people
    FROM by_day
)
SELECT company_id, returned_on FROM reached
WHERE midnight_of(returned_on) <= :now AND people >= least_people(company_id, returned_on - 1)
ORDER BY returned_on, company_id LIMIT 1;

-- name: collect_return
WITH part AS MATERIALIZED (
    SELECT part.transfer_id, transfer.amount_cents FROM returned_credit part
    JOIN ledger.transfer ON transfer.id = part.transfer_id
    WHERE part.company_id = :company_id AND part.return_id IS NULL AND part.came_back_at <= midnight_of(:returned_on)
    ORDER BY part.transfer_id FOR UPDATE OF part
), posted AS (
    INSERT INTO company_return (id, company_id, returned_on, amount_cents, created_at)
    SELECT :id, :company_id, :returned_on, sum(part.amount_cents), :created_at FROM part
    RETURNING amount_cents
), marked AS (
    UPDATE returned_credit SET return_id = :id FROM part WHERE returned_credit.transfer_id = part.transfer_id
    RETURNING 1
)
SELECT posted.amount_cents, company.account_id, company.returns_account_id
FROM posted, company WHERE company.organisation_id = :company_id;

-- name: mark_ended
UPDATE lot SET ended_at = given.ended_at
FROM unnest(CAST(:ids AS uuid[]), CAST(:ended_at AS timestamptz[])) AS given (id, ended_at)
WHERE lot.id = given.id;

-- name: insert_successors
INSERT INTO lot (id, source_id, user_id, company_id, employee_id, grant_id, kind, grace_of, amount_cents, valid_from,
    expires_on, grace_until, created_at)
SELECT given.id, origin.source_id, origin.user_id, origin.company_id, origin.employee_id, origin.grant_id, 'grace',
    origin.id, given.amount_cents, given.valid_from, given.expires_on, given.grace_until, :created_at
FROM unnest(CAST(:ids AS uuid[]), CAST(:grace_of AS uuid[]), CAST(:amounts AS bigint[]), CAST(:valid_from AS date[]),
    CAST(:expires_on AS date[]), CAST(:grace_until AS date[]))
    AS given (id, grace_of, amount_cents, valid_from, expires_on, grace_until)
JOIN lot origin ON origin.id = given.grace_of;

-- name: wallet
SELECT life.id, life.expires_on, life.last_day, life.ended_at, life.ended_early, life.employee_id,
    life.source_name AS programme_name, life.programme_source AS source, life.kind, life.rule_codes, life.categories,
    life.relatives_reading, life.amount_cents, life.valid_from, account.posted_cents, account.held_cents,
    sums.captured_cents, sums.expired_cents, sums.returned_cents
FROM lot_owner owner JOIN lot_life life ON life.id = owner.lot_id
JOIN ledger.account ON account.id = life.id
CROSS JOIN lot_sums(life.id) AS sums
WHERE owner.user_id = :user_id
ORDER BY life.last_day, life.id;

-- name: held
-- Most holds of a life have ended: only lots that still hold something are looked at.
SELECT hold.id, owner.lot_id, hold.amount_cents, hold.event_at, hold.cause_id
FROM lot_owner owner JOIN ledger.account ON account.id = owner.lot_id AND account.held_cents > 0
JOIN ledger.hold ON hold.account_id = owner.lot_id
WHERE owner.user_id = :user_id AND NOT EXISTS (SELECT FROM ledger.hold_end WHERE hold_end.hold_id = hold.id);

-- name: entries
-- Each half stops at the page's size: a lot may have moved a thousand times.
SELECT entry.id, owner.lot_id, entry.amount_cents, entry.event_at, entry.reason, entry.cause_id
FROM lot_owner owner
CROSS JOIN LATERAL (
    (SELECT transfer.id, -transfer.amount_cents AS amount_cents, transfer.event_at,
        CASE WHEN transfer.hold_id IS NOT NULL THEN 'captured' WHEN transfer.reason = 'restored' THEN 'restored'
            WHEN transfer.reverses_id IS NOT NULL THEN 'refunded'
            ELSE transfer.reason END AS reason,
        (SELECT hold.cause_id FROM ledger.hold WHERE hold.id = coalesce(transfer.hold_id, (
            SELECT undone.hold_id FROM ledger.transfer undone WHERE undone.id = transfer.reverses_id))) AS cause_id
    FROM ledger.transfer WHERE transfer.from_account_id = owner.lot_id
        AND (CAST(:booked_from AS timestamptz) IS NULL OR transfer.event_at >= :booked_from)
        AND (CAST(:booked_before AS timestamptz) IS NULL OR transfer.event_at < :booked_before)
    /* page by transfer.id */)
    UNION ALL
    (SELECT transfer.id, transfer.amount_cents, transfer.event_at,
        CASE WHEN transfer.hold_id IS NOT NULL THEN 'captured' WHEN transfer.reason = 'restored' THEN 'restored'
            WHEN transfer.reverses_id IS NOT NULL THEN 'refunded'
            ELSE transfer.reason END AS reason,
        (SELECT hold.cause_id FROM ledger.hold WHERE hold.id = coalesce(transfer.hold_id, (
            SELECT undone.hold_id FROM ledger.transfer undone WHERE undone.id = transfer.reverses_id))) AS cause_id
    FROM ledger.transfer WHERE transfer.to_account_id = owner.lot_id
        AND (CAST(:booked_from AS timestamptz) IS NULL OR transfer.event_at >= :booked_from)
        AND (CAST(:booked_before AS timestamptz) IS NULL OR transfer.event_at < :booked_before)
    /* page by transfer.id */)
) entry
WHERE owner.user_id = :user_id AND (CAST(:lot_id AS uuid) IS NULL OR owner.lot_id = :lot_id);

-- name: insert_lots
INSERT INTO lot (id, source_id, user_id, company_id, employee_id, grant_id, kind, amount_cents, valid_from, expires_on,
    created_at)
SELECT given.id, :source_id, given.user_id, given.company_id, given.employee_id, CAST(:grant_id AS uuid), :kind,
    given.amount_cents, :valid_from, :expires_on, :created_at
FROM unnest(CAST(:ids AS uuid[]), CAST(:user_ids AS uuid[]), CAST(:company_ids AS uuid[]),
    CAST(:employee_ids AS uuid[]), CAST(:amounts AS bigint[]))
    AS given (id, user_id, company_id, employee_id, amount_cents);

-- name: extend
SELECT extend_lots(:company_id, :source_id, :last_day, :on_day);

-- name: revoke
SELECT revoke_lots(:company_id, :grant_id, CAST(:employee_ids AS uuid[]), :on_day, :at);

-- name: verify_lots
-- A lot got its amount once; what is on it and what has left it by a known way is that amount; an ended one is empty but
-- for what is held.
WITH batch AS MATERIALIZED (
    SELECT id AS key, amount_cents, ended_at FROM lot WHERE id >= :start ORDER BY id LIMIT :size
), figures AS (
    SELECT batch.*, account.posted_cents, account.posted_cents - account.held_cents AS available_cents,
        (SELECT coalesce(sum(transfer.amount_cents), 0)::bigint FROM ledger.transfer
            WHERE to_account_id = key AND reverses_id IS NULL) AS opened_cents,
        batch.amount_cents - sums.captured_cents - sums.expired_cents - sums.returned_cents AS left_cents
    FROM batch JOIN ledger.account ON account.id = key CROSS JOIN lot_sums(key) AS sums
), judged AS (
    SELECT key, 'amount' AS problem, amount_cents AS stored, opened_cents AS recomputed
    FROM figures WHERE amount_cents <> opened_cents
    UNION ALL
    SELECT key, 'sums', posted_cents, left_cents FROM figures
    WHERE amount_cents = opened_cents AND posted_cents <> left_cents
    UNION ALL
    SELECT key, 'ended_with_rest', available_cents, 0 FROM figures WHERE ended_at IS NOT NULL AND available_cents <> 0
), differing AS (
    SELECT * FROM judged ORDER BY key, problem LIMIT :limit
)
SELECT (SELECT count(*) FROM batch) AS size, (SELECT key FROM batch ORDER BY key DESC LIMIT 1) AS last,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('table', 'lot', 'id', key, 'problem', problem,
        'stored', stored, 'recomputed', recomputed) ORDER BY key, problem), '[]') FROM differing) AS differences;
