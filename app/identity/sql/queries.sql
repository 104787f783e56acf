-- Statements of identity: logging in, what may be tried, resets, invitations, and the sweep.

-- name: account_by_email
SELECT id, email, password_hash, locale, version FROM user_account WHERE email = :email;

-- name: account_by_id
SELECT id, email, password_hash, locale, version FROM user_account WHERE id = :id;

-- name: lock_unchanged
-- A reset that ran beside the slow check has made the password a wrong one.
SELECT id FROM user_account WHERE id = :id AND password_hash = :password_hash FOR NO KEY UPDATE;

-- name: change_contact
UPDATE user_account SET email = :email, locale = :locale, version = version + 1
WHERE id = :id AND version = :version
RETURNING id, email, password_hash, locale, version;

-- name: begin_session
INSERT INTO session_token (token_hash, user_id, created_at, expires_at)
VALUES (:token_hash, :user_id, :now, :expires_at);

-- name: attempts_within
SELECT key, attempts, window_start FROM attempt_count
WHERE key = ANY(CAST(:keys AS bytea[])) AND window_start > :over;

-- name: count_attempt
-- One order of keys for everybody: two callers cannot wait for each other.
INSERT INTO attempt_count AS c (key, window_start, attempts)
SELECT k, :now, 1 FROM unnest(CAST(:keys AS bytea[])) AS k ORDER BY k
ON CONFLICT (key) DO UPDATE SET
    attempts = CASE WHEN c.window_start > :over THEN c.attempts + 1 ELSE 1 END,
    window_start = CASE WHEN c.window_start > :over THEN c.window_start ELSE excluded.window_start END
RETURNING c.key, c.attempts, c.window_start;

-- name: forget_attempts
DELETE FROM attempt_count WHERE key = :key;

-- name: request_reset
INSERT INTO password_reset (token_hash, user_id, created_at, expires_at)
SELECT :token_hash, u.id, :now, :expires_at FROM user_account u WHERE u.email = :email
RETURNING (SELECT locale FROM user_account u WHERE u.id = user_id);

-- name: email_of_reset
SELECT u.email FROM password_reset r JOIN user_account u ON u.id = r.user_id
WHERE r.token_hash = :token_hash AND r.used_at IS NULL AND r.expires_at > :now;

-- name: lock_user_of_reset
SELECT r.user_id FROM password_reset r JOIN user_account u ON u.id = r.user_id
WHERE r.token_hash = :token_hash AND r.used_at IS NULL AND r.expires_at > :now FOR NO KEY UPDATE OF u;

-- name: kinds_of_organisation
SELECT kinds FROM organisation WHERE id = :id;

-- name: end_invitations_of_employees
UPDATE invitation SET ended_at = :now WHERE employee_id = ANY(CAST(:employee_ids AS uuid[])) AND ended_at IS NULL;

-- name: invite
INSERT INTO invitation
    (id, token_hash, email, organisation_id, employee_id, roles, sealed_activation_code, invited_by, created_at,
        expires_at)
SELECT i.id, i.token_hash, i.email, i.organisation_id, i.employee_id, CAST(:roles AS text[]), i.code, :invited_by, :now,
    :expires_at
FROM unnest(CAST(:ids AS uuid[]), CAST(:token_hashes AS bytea[]), CAST(:emails AS text[]),
    CAST(:organisation_ids AS uuid[]), CAST(:employee_ids AS uuid[]), CAST(:codes AS bytea[]))
    AS i (id, token_hash, email, organisation_id, employee_id, code);

-- name: open_offer
SELECT id, email, organisation_id, employee_id, roles, sealed_activation_code, invited_by FROM invitation
WHERE token_hash = :token_hash AND ended_at IS NULL AND expires_at > :now;

-- name: lock_open_offer
SELECT id, email, organisation_id, employee_id, roles, sealed_activation_code, invited_by FROM invitation
WHERE token_hash = :token_hash AND ended_at IS NULL AND expires_at > :now FOR NO KEY UPDATE;

-- name: sealed_codes
SELECT id, employee_id, sealed_activation_code, expires_at FROM invitation
WHERE organisation_id = :organisation_id AND ended_at IS NULL AND expires_at > :now
    AND sealed_activation_code IS NOT NULL
ORDER BY id;

-- name: roles_of
SELECT role FROM roles_in(:user_id, 'organisation', :organisation_id, :now);

-- name: administrators
SELECT DISTINCT u.id AS user_id, u.email, u.locale, o.name AS organisation_name
FROM role_grant g JOIN user_account u ON u.id = g.user_id JOIN organisation o ON o.id = g.organisation_id
WHERE g.organisation_id = :organisation_id AND g.role = ANY (CAST(:roles AS text[]))
    AND tstzrange(g.from_at, g.until_at) @> CAST(:now AS timestamptz)
ORDER BY u.id;

-- name: end_open_offers
-- All of an organisation, or of one inviter there. One that is being accepted now is locked: whoever accepts it waits for
-- the organisation's lock, and its inviter is looked at then.
UPDATE invitation SET ended_at = :now WHERE id IN (
    SELECT id FROM invitation
    WHERE organisation_id = :organisation_id AND employee_id IS NULL AND ended_at IS NULL
        AND (CAST(:invited_by AS uuid) IS NULL OR invited_by = CAST(:invited_by AS uuid))
    FOR NO KEY UPDATE SKIP LOCKED);

-- name: give_roles
-- Whoever has a role has it once; what is refused otherwise (both sides on one login) is refused whole.
INSERT INTO role_grant (id, user_id, role, scope_kind, scope_id, from_at, granted_by, granted_at)
SELECT g.id, :user_id, g.role, 'organisation', :organisation_id, g.from_at, :granted_by, :now
FROM unnest(CAST(:ids AS uuid[]), CAST(:roles AS text[]), CAST(:from_ats AS timestamptz[])) AS g (id, role, from_at)
ON CONFLICT ON CONSTRAINT role_grant_once DO NOTHING;

-- name: confirm_role
UPDATE role_grant SET from_at = :now, confirmed_by = :confirmed_by WHERE id = :id;

-- name: end_role
-- A role that has not begun never does.
UPDATE role_grant SET until_at = greatest(from_at, :now) WHERE id = :id;

-- name: anything_over
SELECT EXISTS (SELECT FROM session_token WHERE expires_at <= :now)
    OR EXISTS (SELECT FROM password_reset WHERE expires_at <= :now)
    OR EXISTS (SELECT FROM attempt_count WHERE window_start <= :attempts_before)
    OR EXISTS (SELECT FROM idempotency_key WHERE created_at <= :answers_before);

-- name: delete_over
-- A batch of each table.
WITH sessions AS (
    DELETE FROM session_token WHERE token_hash IN (
        SELECT token_hash FROM session_token WHERE expires_at <= :now LIMIT 5000)
    RETURNING 1
), resets AS (
    DELETE FROM password_reset WHERE token_hash IN (
        SELECT token_hash FROM password_reset WHERE expires_at <= :now LIMIT 5000)
    RETURNING 1
), attempts AS (
    DELETE FROM attempt_count WHERE key IN (
        SELECT key FROM attempt_count WHERE window_start <= :attempts_before LIMIT 5000)
    RETURNING 1
), answers AS (
    DELETE FROM idempotency_key WHERE (principal_id, key) IN (
        SELECT principal_id, key FROM idempotency_key WHERE created_at <= :answers_before LIMIT 5000)
    RETURNING 1
)
SELECT (SELECT count(*) FROM sessions) + (SELECT count(*) FROM resets) + (SELECT count(*) FROM attempts)
    + (SELECT count(*) FROM answers);
