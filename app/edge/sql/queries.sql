-- Statements of the edge: the first and the last of every request.

-- name: open_request
SELECT set_config('role', :role, true) AS role, o.* FROM open_request(
    :token_hash, :real_now, :scope_kind, :scope_id, :key, :fingerprint, :address, :request_id) AS o;

-- name: keep_answer
INSERT INTO idempotency_key (principal_id, key, fingerprint, sealed_answer, created_at)
VALUES (:principal_id, :key, :fingerprint, :sealed, :at);

-- name: keep_answer_and_act
-- One trip for both: the audit entry of a command stands and falls with its stored answer.
WITH act AS MATERIALIZED (
    SELECT record_act(:act_id, :actor_kind, :actor_id, :organisation_id, :action, :object_kind, :object_id, :happened_at,
        :recorded_at, :session_id, :address, :request_id, :refusal, :times, CAST(:shown AS uuid[]))
)
INSERT INTO idempotency_key (principal_id, key, fingerprint, sealed_answer, created_at)
SELECT :principal_id, :key, :fingerprint, :sealed, :at FROM act;

-- name: record_act
SELECT record_act(:act_id, :actor_kind, :actor_id, :organisation_id, :action, :object_kind, :object_id, :happened_at,
    :recorded_at, :session_id, :address, :request_id, :refusal, :times, CAST(:shown AS uuid[]));
