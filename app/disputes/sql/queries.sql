-- Statements of disputes. A booking is locked before its disputes.

-- name: open
WITH opened AS (
    INSERT INTO care.dispute (id, booking_id, user_id, provider_id, status, sealed_reason, contested_cents, created_at,
        decide_by)
    VALUES (:id, :booking_id, :user_id, :provider_id, 'open', :sealed_reason, :contested_cents, :created_at, :decide_by)
    RETURNING id, booking_id
)
INSERT INTO care.dispute_unit (unit_id, dispute_id, booking_id)
SELECT given.unit_id, opened.id, opened.booking_id
FROM opened, unnest(CAST(:unit_ids AS uuid[])) AS given (unit_id);

-- name: dispute
SELECT dispute.id, dispute.booking_id, dispute.user_id, dispute.provider_id, organisation.name AS provider_name,
    offering.name AS offering_name, dispute.status, dispute.sealed_reason, dispute.contested_cents, dispute.created_at,
    dispute.decide_by, dispute.decided_at, dispute.sealed_decision, dispute.refund_cents,
    ARRAY(SELECT disputed.unit_id FROM care.dispute_unit disputed
        WHERE disputed.booking_id = dispute.booking_id AND disputed.dispute_id = dispute.id
        ORDER BY disputed.unit_id) AS unit_ids
FROM care.dispute
JOIN care.booking ON booking.id = dispute.booking_id
JOIN offering ON offering.id = booking.offering_id
JOIN organisation ON organisation.id = dispute.provider_id
WHERE dispute.id = :id AND (CAST(:user_id AS uuid) IS NULL OR dispute.user_id = :user_id);

-- name: disputes
SELECT dispute.id, dispute.booking_id, dispute.user_id, dispute.provider_id, organisation.name AS provider_name,
    offering.name AS offering_name, dispute.status, dispute.sealed_reason, dispute.contested_cents, dispute.created_at,
    dispute.decide_by, dispute.decided_at, dispute.sealed_decision, dispute.refund_cents,
    ARRAY(SELECT disputed.unit_id FROM care.dispute_unit disputed
        WHERE disputed.booking_id = dispute.booking_id AND disputed.dispute_id = dispute.id
        ORDER BY disputed.unit_id) AS unit_ids
FROM care.dispute
JOIN care.booking ON booking.id = dispute.booking_id
JOIN offering ON offering.id = booking.offering_id
JOIN organisation ON organisation.id = dispute.provider_id
WHERE (CAST(:user_id AS uuid) IS NULL OR dispute.user_id = :user_id)
    AND (CAST(:statuses AS text[]) IS NULL OR dispute.status = ANY (:statuses))
    AND (CAST(:provider_id AS uuid) IS NULL OR dispute.provider_id = :provider_id)
    AND (CAST(:opened_from AS timestamptz) IS NULL OR dispute.created_at >= :opened_from)
    AND (CAST(:opened_before AS timestamptz) IS NULL OR dispute.created_at < :opened_before);

-- name: status_locked
SELECT status FROM care.dispute WHERE id = :id FOR NO KEY UPDATE;

-- name: decide
UPDATE care.dispute SET status = :status, decided_at = :decided_at, decided_by = :decided_by,
    sealed_decision = :sealed_decision, refund_cents = :refund_cents
WHERE id = :id;

-- name: verify_disputes
-- While a dispute is open its units are frozen; once it is decided they have got back exactly what was decided.
WITH batch AS MATERIALIZED (
    SELECT id AS key, * FROM care.dispute WHERE id >= :start ORDER BY id LIMIT :size
), judged AS (
    SELECT key, CASE
            WHEN units.count = 0 THEN 'units_missing'
            WHEN batch.status = 'open' AND units.frozen < units.count THEN 'not_frozen'
            WHEN batch.status <> 'open' AND units.frozen > 0 THEN 'still_frozen'
            WHEN units.refunded <> coalesce(batch.refund_cents, 0) THEN 'refund'
            END AS problem, coalesce(batch.refund_cents, 0) AS stored, units.refunded AS recomputed
    FROM batch CROSS JOIN LATERAL (
        SELECT count(*) AS count, count(*) FILTER (WHERE unit.disputed) AS frozen,
            coalesce(sum(unit.refunded_cents), 0)::bigint AS refunded
        FROM care.dispute_unit JOIN care.unit ON unit.id = dispute_unit.unit_id
        WHERE dispute_unit.booking_id = batch.booking_id AND dispute_unit.dispute_id = key
    ) AS units
), differing AS (
    SELECT * FROM judged WHERE problem IS NOT NULL ORDER BY key LIMIT :limit
)
SELECT (SELECT count(*) FROM batch) AS size, (SELECT key FROM batch ORDER BY key DESC LIMIT 1) AS last,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('table', 'dispute', 'id', key, 'problem', problem,
        'stored', stored, 'recomputed', recomputed) ORDER BY key), '[]') FROM differing) AS differences;
