-- Statements of slots. Locks are taken in order of id, whatever order was asked in.

-- name: publish
INSERT INTO slot (id, provider_id, offering_id, starts_at, ends_at, capacity, created_at, external_id, metadata)
SELECT given.id, o.provider_id, o.id, given.starts_at, given.ends_at, given.capacity, :created_at, given.external_id,
    given.metadata
FROM offering o, unnest(CAST(:ids AS uuid[]), CAST(:starts AS timestamptz[]), CAST(:ends AS timestamptz[]),
    CAST(:capacities AS integer[]), CAST(:external_ids AS text[]), CAST(:metadata AS jsonb[]))
    AS given (id, starts_at, ends_at, capacity, external_id, metadata)
WHERE o.provider_id = :provider_id AND o.id = :offering_id;

-- name: slot
SELECT id, offering_id, starts_at, ends_at, capacity, capacity - taken AS seats_left, taken, status, created_at, version,
    external_id, metadata
FROM slot WHERE provider_id = :provider_id AND id = :id;

-- name: slots
SELECT id, offering_id, starts_at, ends_at, capacity, capacity - taken AS seats_left, taken, status, created_at, version,
    external_id, metadata
FROM slot
WHERE provider_id = :provider_id AND offering_id = :offering_id
    AND starts_at >= :period_from AND starts_at < :period_to
    AND (CAST(:statuses AS text[]) IS NULL OR status = ANY (:statuses))
    AND (CAST(:external_id AS text) IS NULL OR external_id = :external_id);

-- name: lock_one
SELECT status, taken, version FROM slot WHERE provider_id = :provider_id AND id = :id FOR NO KEY UPDATE;

-- name: bookable
-- Whether the offering is visible at all was asked before.
SELECT s.id, s.offering_id, s.starts_at, s.ends_at, s.capacity, s.capacity - s.taken AS seats_left
FROM slot s JOIN offering o ON o.id = s.offering_id
WHERE s.offering_id = :offering_id AND s.status = 'open' AND s.taken < s.capacity
    AND s.starts_at > bookable_from(:now, o.min_notice_hours)
    AND s.starts_at >= :period_from AND s.starts_at < :period_to;

-- name: lock
SELECT id FROM slot WHERE id = ANY (CAST(:ids AS uuid[])) ORDER BY id FOR NO KEY UPDATE;

-- name: give_back
SELECT give_back_seats(:kind, CAST(:holder_ids AS uuid[]), :at);

-- name: verify_slots
-- The seats of a slot are those of its takings that are not ended, and within its capacity.
WITH batch AS MATERIALIZED (
    SELECT id AS key, * FROM slot WHERE id >= :start ORDER BY id LIMIT :size
), judged AS (
    SELECT key, CASE
            WHEN taken NOT BETWEEN 0 AND capacity OR (status <> 'open' AND taken > 0) THEN 'malformed'
            WHEN taken <> counted THEN 'seats'
            END AS problem, CAST(taken AS bigint) AS stored, counted AS recomputed
    FROM batch CROSS JOIN LATERAL (
        SELECT coalesce(sum(seats), 0) AS counted FROM taking WHERE slot_id = key AND ended_at IS NULL
    ) AS kept
), differing AS (
    SELECT * FROM judged WHERE problem IS NOT NULL ORDER BY key LIMIT :limit
)
SELECT (SELECT count(*) FROM batch) AS size, (SELECT key FROM batch ORDER BY key DESC LIMIT 1) AS last,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('table', 'slot', 'id', key, 'problem', problem,
        'stored', stored, 'recomputed', recomputed) ORDER BY key), '[]') FROM differing) AS differences;

-- name: bookable_offering
SELECT o.id, o.provider_id, o.site_id, o.name, o.category, o.mode, o.unit, o.vat_code, o.min_age, o.max_age,
    o.confirmation, o.response_hours, o.min_notice_hours, o.free_until_hours, o.late_fee_bps, o.no_show_fee_bps,
    o.audience, o.access, o.status, bookable_from(:now, o.min_notice_hours) AS bookable_from,
    (setting_in_force('quote_minutes', :on, o.provider_id)).value AS quote_minutes,
    may_see_offering(o.audience, o.provider_id, circle.employed, circle.allied_providers) AS open_to_person,
    g.name AS provider_name, v.phone AS provider_phone, v.earned_account_id, v.payable_account_id,
    ARRAY(SELECT a.istat_code FROM offering_area a WHERE a.offering_id = o.id ORDER BY a.istat_code) AS service_area,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('price_cents', p.price_cents, 'valid_from', p.valid_from,
        'valid_to', p.valid_to) ORDER BY p.valid_from), '[]')
     FROM price p WHERE p.offering_id = o.id AND (p.valid_to IS NULL OR p.valid_to > :on)) AS prices,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('valid_from', period.valid_from, 'valid_to', period.valid_to)), '[]')
     FROM credit_periods(o.provider_id, o.category) AS period) AS credit_periods,
    (SELECT coalesce(jsonb_object_agg(s.id, jsonb_build_object('id', s.id, 'starts_at', s.starts_at,
        'ends_at', s.ends_at, 'seats_left', s.capacity - s.taken, 'status', s.status)), '{}')
     FROM slot s WHERE s.id = ANY (CAST(:slot_ids AS uuid[])) AND s.offering_id = o.id) AS slots
FROM offering o
JOIN provider v ON v.organisation_id = o.provider_id
JOIN organisation g ON g.id = o.provider_id
CROSS JOIN circle_of(:person_id, :on) AS circle
WHERE o.id = :id;
