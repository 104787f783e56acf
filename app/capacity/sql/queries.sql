-- Statements of slots. Locks are taken in order of id, whatever order was asked in.

-- name: publish
INSERT INTO slot (id, provider_id, offering_id, starts_at, ends_at, capacity, created_at)
SELECT :id, o.provider_id, o.id, :starts_at, :ends_at, :capacity, :created_at
FROM offering o WHERE o.provider_id = :provider_id AND o.id = :offering_id;

-- name: slot
SELECT id, offering_id, starts_at, ends_at, capacity, capacity - taken AS seats_left, taken, status, created_at, version
FROM slot WHERE provider_id = :provider_id AND id = :id;

-- name: slots
SELECT id, offering_id, starts_at, ends_at, capacity, capacity - taken AS seats_left, taken, status, created_at, version
FROM slot
WHERE provider_id = :provider_id AND offering_id = :offering_id
    AND starts_at >= :period_from AND starts_at < :period_to
    AND (starts_at, id) > (CAST(:after_start AS timestamptz), CAST(:after_id AS uuid))
ORDER BY starts_at, id LIMIT :limit;

-- name: lock_one
SELECT status, taken, version FROM slot WHERE provider_id = :provider_id AND id = :id FOR NO KEY UPDATE;

-- name: bookable
-- Whether the offering is visible at all was asked before.
SELECT s.id, s.offering_id, s.starts_at, s.ends_at, s.capacity, s.capacity - s.taken AS seats_left
FROM slot s JOIN offering o ON o.id = s.offering_id
WHERE s.offering_id = :offering_id AND s.status = 'open' AND s.taken < s.capacity
    AND s.starts_at > CAST(:now AS timestamptz) + make_interval(hours => o.min_notice_hours)
    AND s.starts_at >= :period_from AND s.starts_at < :period_to
    AND (s.starts_at, s.id) > (CAST(:after_start AS timestamptz), CAST(:after_id AS uuid))
ORDER BY s.starts_at, s.id LIMIT :limit;

-- name: lock
SELECT id FROM slot WHERE id = ANY (CAST(:ids AS uuid[])) ORDER BY id FOR NO KEY UPDATE;

-- name: give_back
-- A slot named twice gives back two seats. The new number comes from the locked row: counting down slot.taken would
-- check the CHECK against the statement's older snapshot first.
WITH given AS MATERIALIZED (
    SELECT row.id, count(*) AS seats FROM unnest(CAST(:ids AS uuid[])) AS row (id) GROUP BY row.id
), locked AS MATERIALIZED (
    SELECT s.id, s.taken FROM slot s WHERE s.id = ANY (CAST(:ids AS uuid[])) ORDER BY s.id FOR NO KEY UPDATE
)
UPDATE slot SET taken = locked.taken - given.seats
FROM locked JOIN given ON given.id = locked.id WHERE slot.id = locked.id;
