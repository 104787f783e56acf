-- Statements of the edge: the first and the last of every request.

-- name: open_request
SELECT set_config('role', :role, true) AS role, o.* FROM open_request(
    :token_hash, :real_now, :organisation_id, :alliance_id, :operator, :key, :fingerprint) AS o;

-- name: keep_answer
INSERT INTO idempotency_key (principal_id, key, fingerprint, sealed_answer, created_at)
VALUES (:principal_id, :key, :fingerprint, :sealed, :at);
