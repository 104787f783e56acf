-- Statements of the chain.

-- name: lock_chain
SELECT pg_advisory_xact_lock(hashtextextended('audit chain', 0)) IS NOT NULL;

-- name: unplaced_since
SELECT created_at FROM audit_entry WHERE position IS NULL ORDER BY created_at LIMIT 1;

-- name: unplaced
SELECT id, actor_kind, actor_id, organisation_id, action, object_kind, object_id, created_at, recorded_at, session_id,
    address, request_id, refusal, times, shown, position, hash
FROM audit_entry WHERE position IS NULL ORDER BY created_at, id LIMIT :at_most;

-- name: last
SELECT id, actor_kind, actor_id, organisation_id, action, object_kind, object_id, created_at, recorded_at, session_id,
    address, request_id, refusal, times, shown, position, hash
FROM audit_entry WHERE position IS NOT NULL ORDER BY position DESC LIMIT 1;

-- name: place
UPDATE audit_entry SET position = placed.position, hash = placed.hash
FROM unnest(CAST(:ids AS uuid[]), CAST(:positions AS bigint[]), CAST(:hashes AS bytea[])) AS placed (id, position, hash)
WHERE audit_entry.id = placed.id;

-- name: chain_after
SELECT id, actor_kind, actor_id, organisation_id, action, object_kind, object_id, created_at, recorded_at, session_id,
    address, request_id, refusal, times, shown, position, hash
FROM audit_entry WHERE position > :position ORDER BY position LIMIT :at_most;

-- name: heads
SELECT position, hash, exported_at, key_id, signature FROM audit_head ORDER BY position;

-- name: last_head
SELECT position, hash, exported_at, key_id, signature FROM audit_head ORDER BY position DESC LIMIT 1;

-- name: keep_head
INSERT INTO audit_head (position, hash, exported_at, key_id, signature)
VALUES (:position, :hash, :exported_at, :key_id, :signature);
