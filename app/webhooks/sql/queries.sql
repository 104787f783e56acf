-- Statements of webhooks.

-- name: last_position
SELECT coalesce(max(position), 0) AS position FROM event_position WHERE organisation_id = :organisation_id;

-- name: free_place
SELECT free.place FROM generate_series(1, 16) AS free (place) WHERE NOT EXISTS (
    SELECT FROM webhook_endpoint taken
    WHERE taken.organisation_id = CAST(:organisation_id AS uuid) AND taken.place = free.place)
ORDER BY free.place LIMIT 1;

-- name: anything_to_plan
SELECT EXISTS (SELECT FROM webhook_endpoint endpoint WHERE endpoint.status = 'active' AND EXISTS (
    SELECT FROM event_position place WHERE place.organisation_id = endpoint.organisation_id
        AND place.position > endpoint.planned_position));

-- name: to_plan
-- What came into the feeds of these endpoints since they were planned; another planner takes others.
WITH chosen AS MATERIALIZED (
    SELECT endpoint.id, endpoint.organisation_id, endpoint.event_types, endpoint.planned_position
    FROM webhook_endpoint endpoint
    WHERE endpoint.status = 'active' AND EXISTS (
        SELECT FROM event_position place WHERE place.organisation_id = endpoint.organisation_id
            AND place.position > endpoint.planned_position)
    ORDER BY endpoint.id LIMIT :endpoints FOR NO KEY UPDATE SKIP LOCKED
)
SELECT chosen.id AS endpoint_id, chosen.organisation_id, fresh.position, event.id AS event_id, event.object_id,
    event.type = ANY (chosen.event_types) OR event.type = :tested AND event.object_id = chosen.id AS wanted
FROM chosen CROSS JOIN LATERAL (
    SELECT place.position, place.event_id FROM event_position place
    WHERE place.organisation_id = chosen.organisation_id AND place.position > chosen.planned_position
    ORDER BY place.position LIMIT :events) AS fresh
JOIN event ON event.id = fresh.event_id
ORDER BY chosen.id, fresh.position;

-- name: plan
INSERT INTO webhook_delivery (id, organisation_id, endpoint_id, event_id, object_id, position, next_attempt_at, created_at)
SELECT given.*, :now, :now
FROM unnest(CAST(:ids AS uuid[]), CAST(:organisations AS uuid[]), CAST(:endpoints AS uuid[]), CAST(:events AS uuid[]),
    CAST(:objects AS uuid[]), CAST(:positions AS bigint[])) AS given;

-- name: planned
UPDATE webhook_endpoint SET planned_position = given.position
FROM unnest(CAST(:endpoints AS uuid[]), CAST(:positions AS bigint[])) AS given (id, position)
WHERE webhook_endpoint.id = given.id;

-- name: waiting
-- Endpoints that something may be sent to now, and nobody is at it or about to be. An event waits for the earlier ones of
-- its object.
SELECT endpoint.id, endpoint.is_slow OR endpoint.failures > 0 AS slow FROM webhook_endpoint endpoint
WHERE endpoint.status = 'active' AND (endpoint.rest_until IS NULL OR endpoint.rest_until <= :now)
    AND EXISTS (
        SELECT FROM webhook_delivery delivery
        WHERE delivery.endpoint_id = endpoint.id AND delivery.status = 'pending' AND delivery.next_attempt_at <= :now
            AND NOT EXISTS (SELECT FROM webhook_delivery earlier
                WHERE earlier.endpoint_id = delivery.endpoint_id AND earlier.object_id = delivery.object_id
                    AND earlier.status = 'pending' AND earlier.position < delivery.position))
    AND NOT EXISTS (SELECT FROM procrastinate_jobs job
        WHERE job.lock = 'webhooks.deliver ' || endpoint.id AND job.status = 'doing')
    AND NOT EXISTS (SELECT FROM procrastinate_jobs job
        WHERE job.queueing_lock = 'webhooks.deliver ' || endpoint.id AND job.status = 'todo')
LIMIT :limit;

-- name: due
-- What is sent one after the other until one fails; so events of one object may come together. An event waits for the
-- earlier ones of its object that are to be tried again later.
SELECT delivery.id, delivery.organisation_id, delivery.endpoint_id, delivery.attempts, event.id AS event_id, event.type,
    event.object_kind, event.object_id, event.created_at AS happened_at, endpoint.url, endpoint.sealed_secret,
    endpoint.sealed_previous_secret, endpoint.previous_until, endpoint.failures, endpoint.failing_since,
    (SELECT count(*) FROM (SELECT FROM webhook_delivery pending
        WHERE pending.endpoint_id = endpoint.id AND pending.status = 'pending' LIMIT CAST(:limit AS bigint) + 1) AS few
    ) AS pending
FROM webhook_endpoint endpoint
JOIN webhook_delivery delivery ON delivery.endpoint_id = endpoint.id
JOIN event ON event.id = delivery.event_id
WHERE endpoint.id = :endpoint_id AND endpoint.status = 'active'
    AND (endpoint.rest_until IS NULL OR endpoint.rest_until <= :now)
    AND delivery.status = 'pending' AND delivery.next_attempt_at <= :now
    AND NOT EXISTS (SELECT FROM webhook_delivery earlier
        WHERE earlier.endpoint_id = delivery.endpoint_id AND earlier.object_id = delivery.object_id
            AND earlier.status = 'pending' AND earlier.position < delivery.position
            AND earlier.next_attempt_at > :now)
ORDER BY delivery.position LIMIT :limit;

-- name: succeeded
-- In one trip: what was taken, and that its endpoint is well. Another worker may have noted it since it was read.
WITH noted AS (
    UPDATE webhook_delivery SET status = 'delivered', attempts = attempts + 1, next_attempt_at = NULL,
        attempted_at = :now, answer_status = :answer_status, problem = NULL
    WHERE id = :id AND status = 'pending' AND attempts = :attempts
)
UPDATE webhook_endpoint SET failures = 0, failing_since = NULL, rest_until = NULL, is_slow = :slow
WHERE id = :endpoint_id AND (failures > 0 OR is_slow <> :slow);

-- name: deliveries
SELECT delivery.id, delivery.status, delivery.attempts, delivery.next_attempt_at, delivery.attempted_at,
    delivery.answer_status, delivery.problem, delivery.created_at, event.id AS event_id, event.type, event.object_kind,
    event.object_id, event.created_at AS happened_at
FROM webhook_delivery delivery JOIN event ON event.id = delivery.event_id
WHERE delivery.organisation_id = :organisation_id AND delivery.endpoint_id = :endpoint_id
    AND (CAST(:statuses AS text[]) IS NULL OR delivery.status = ANY (:statuses));

-- name: delivery
SELECT delivery.id, delivery.status, delivery.attempts, delivery.next_attempt_at, delivery.attempted_at,
    delivery.answer_status, delivery.problem, delivery.created_at, event.id AS event_id, event.type, event.object_kind,
    event.object_id, event.created_at AS happened_at
FROM webhook_delivery delivery JOIN event ON event.id = delivery.event_id
WHERE delivery.organisation_id = :organisation_id AND delivery.endpoint_id = :endpoint_id
    AND delivery.id = :id;
