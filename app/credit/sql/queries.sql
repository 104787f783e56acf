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

-- name: lock_for_holds
SELECT count(*) FROM ledger.lock_accounts(ARRAY(
    SELECT hold.account_id FROM ledger.hold WHERE hold.id = ANY (CAST(:hold_ids AS uuid[]))
    UNION
    SELECT life.returns_to_account_id FROM ledger.hold JOIN lot_life life ON life.id = hold.account_id
    WHERE hold.id = ANY (CAST(:hold_ids AS uuid[])) AND life.usable_until < :on));

-- name: held_lots
SELECT life.id, life.expires_on, life.last_day, life.ended_at, life.ended_early, life.expired_credit_to,
    life.returns_to_account_id, life.solidarity_account_id, life.grace_until,
    hold.id AS hold_id, hold.amount_cents
FROM ledger.hold JOIN lot_life life ON life.id = hold.account_id
WHERE hold.id = ANY (CAST(:hold_ids AS uuid[]));

-- name: captures
SELECT transfer.id, transfer.hold_id, transfer.from_account_id AS lot_id, transfer.amount_cents, transfer.cause_id
FROM ledger.transfer WHERE transfer.hold_id = ANY (CAST(:hold_ids AS uuid[]));

-- name: expired_lots
SELECT life.id, life.expires_on, life.last_day, life.ended_at, life.ended_early, life.expired_credit_to,
    life.returns_to_account_id, life.solidarity_account_id, life.grace_until
FROM lot JOIN lot_life life ON life.id = lot.id
WHERE lot.ended_at IS NULL AND lot.expires_on < :today AND NOT life.ended_early
ORDER BY lot.expires_on, lot.id LIMIT :batch FOR NO KEY UPDATE OF lot SKIP LOCKED;

-- name: expired_since
SELECT min(lot.expires_on) FROM lot JOIN lot_life life ON life.id = lot.id
WHERE lot.ended_at IS NULL AND lot.expires_on < :today AND NOT life.ended_early;

-- name: lots_of_leavers
SELECT life.id, life.expires_on, life.last_day, life.ended_at, life.ended_early, life.expired_credit_to,
    life.returns_to_account_id, life.solidarity_account_id, life.grace_until
FROM lot JOIN lot_life life ON life.id = lot.id
WHERE lot.ended_at IS NULL AND life.ended_early AND life.last_day < :today
ORDER BY life.last_day, lot.id LIMIT :batch FOR NO KEY UPDATE OF lot SKIP LOCKED;

-- name: left_since
SELECT min(life.last_day) FROM employee JOIN lot_life life
    ON life.company_id = employee.company_id AND life.employee_id = employee.id
WHERE employee.ended_on < :today AND life.ended_at IS NULL AND life.ended_early AND life.last_day < :today;

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
    life.source_name AS programme_name, life.programme_source AS source, life.kind, life.rule_codes,
    life.amount_cents, life.valid_from, account.posted_cents, account.held_cents,
    moved.captured_cents - coalesce(undone.cents, 0) AS captured_cents, moved.expired_cents, moved.returned_cents
FROM lot_owner owner JOIN lot_life life ON life.id = owner.lot_id
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
WHERE owner.user_id = :user_id
ORDER BY life.last_day, life.id;

-- name: entries
-- Each half stops at the page's size: a lot may have moved a thousand times.
SELECT entry.id, owner.lot_id, entry.amount_cents, entry.event_at, entry.reason
FROM lot_owner owner
CROSS JOIN LATERAL (
    (SELECT transfer.id, -transfer.amount_cents AS amount_cents, transfer.event_at,
        CASE WHEN transfer.hold_id IS NOT NULL THEN 'captured' WHEN transfer.reverses_id IS NOT NULL THEN 'refunded'
            ELSE transfer.reason END AS reason
    FROM ledger.transfer WHERE transfer.from_account_id = owner.lot_id AND transfer.id <= :after_id
    ORDER BY transfer.id DESC LIMIT :limit + 1)
    UNION ALL
    (SELECT transfer.id, transfer.amount_cents, transfer.event_at,
        CASE WHEN transfer.hold_id IS NOT NULL THEN 'captured' WHEN transfer.reverses_id IS NOT NULL THEN 'refunded'
            ELSE transfer.reason END AS reason
    FROM ledger.transfer WHERE transfer.to_account_id = owner.lot_id AND transfer.id <= :after_id
    ORDER BY transfer.id DESC LIMIT :limit + 1)
) entry
WHERE owner.user_id = :user_id AND (entry.id, owner.lot_id) < (:after_id, :after_lot)
ORDER BY entry.id DESC, owner.lot_id DESC LIMIT :limit;

-- name: insert_lots
INSERT INTO lot (id, source_id, user_id, company_id, employee_id, grant_id, kind, amount_cents, valid_from, expires_on,
    created_at)
SELECT given.id, :source_id, given.user_id, given.company_id, given.employee_id, CAST(:grant_id AS uuid), :kind,
    given.amount_cents, :valid_from, :expires_on, :created_at
FROM unnest(CAST(:ids AS uuid[]), CAST(:user_ids AS uuid[]), CAST(:company_ids AS uuid[]),
    CAST(:employee_ids AS uuid[]), CAST(:amounts AS bigint[]))
    AS given (id, user_id, company_id, employee_id, amount_cents);

-- name: return_revoked
SELECT return_revoked_lots(:company_id, :grant_id, CAST(:ids AS uuid[]), :on_day, :at, :at);
