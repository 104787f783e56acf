-- Statements of identity: logging in, what may be tried, resets, invitations, and the sweep.

-- name: account_by_email
SELECT id, email, password_hash, locale, version FROM user_account WHERE email = :email;

-- name: account_by_id
SELECT id, email, password_hash, locale, version FROM user_account WHERE id = :id;

-- name: lock_unchanged
-- A reset that ran beside the slow check has made the password a wrong one.
SELECT id FROM user_account WHERE id = :id AND password_hash = :password_hash FOR NO KEY UPDATE;

-- name: change_locale
UPDATE user_account SET locale = :locale, version = version + 1
WHERE id = :id AND version = :version
RETURNING id, email, password_hash, locale, version;

-- name: begin_session
INSERT INTO session_token
    (id, token_hash, user_id, created_at, expires_at, last_used_at, idle_limit, proved_at, second_factor)
VALUES (:id, :token_hash, :user_id, :now, :expires_at, :now, :idle_limit, :now, :second_factor);

-- name: sessions_of
SELECT id, created_at, last_used_at, expires_at, second_factor, token_hash = :presented AS current
FROM session_token
WHERE user_id = :user_id AND revoked_at IS NULL AND expires_at > :now;

-- name: new_place
-- Whether somebody who has logged in before does so from a network of hers for the first time.
WITH places AS (
    SELECT count(*) > 0 AS any_place, coalesce(bool_or(network = :network), false) AS this_one
    FROM known_place WHERE user_id = :user_id
), kept AS (
    INSERT INTO known_place (user_id, network, last_used_at) VALUES (:user_id, :network, :now)
    ON CONFLICT (user_id, network) DO UPDATE SET last_used_at = excluded.last_used_at
)
SELECT any_place AND NOT this_one FROM places;

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
DELETE FROM attempt_count WHERE key = ANY(CAST(:keys AS bytea[]));

-- name: words_about
-- Names of a person, of her organisations and their towns, and of the municipalities of their alliances.
WITH hers AS (
    SELECT u.id FROM user_account u WHERE u.email = :email
), parties AS (
    SELECT organisation_id AS id FROM role_grant WHERE user_id IN (SELECT id FROM hers)
    UNION SELECT company_id FROM employee WHERE user_id IN (SELECT id FROM hers)
    UNION SELECT CAST(:organisation_id AS uuid)
), alliances AS (
    SELECT id FROM alliance WHERE lead_organisation_id IN (SELECT id FROM parties)
    UNION SELECT alliance_id FROM alliance_membership
    WHERE ended_on IS NULL AND organisation_id IN (SELECT id FROM parties)
)
SELECT w.word FROM (
    SELECT name FROM organisation WHERE id IN (SELECT id FROM parties)
    UNION SELECT town FROM organisation WHERE id IN (SELECT id FROM parties)
    UNION SELECT unnest(ARRAY[given_name, family_name]) FROM employee
    WHERE user_id IN (SELECT id FROM hers) OR id = CAST(:employee_id AS uuid)
    UNION SELECT m.name FROM alliance_municipality a JOIN municipality m ON m.istat_code = a.istat_code
    WHERE a.alliance_id IN (SELECT id FROM alliances)
) AS w (word) WHERE w.word IS NOT NULL ORDER BY 1;

-- name: request_reset
-- One live link each: who has one gets no second, however often it is asked for.
INSERT INTO password_reset (token_hash, user_id, created_at, expires_at)
SELECT :token_hash, u.id, :now, :expires_at FROM user_account u
WHERE u.email = :email AND NOT EXISTS (
    SELECT FROM password_reset r WHERE r.user_id = u.id AND r.used_at IS NULL AND r.expires_at > :now)
RETURNING (SELECT locale FROM user_account u WHERE u.id = user_id);

-- name: mail_reset
INSERT INTO password_reset (token_hash, user_id, created_at, expires_at)
VALUES (:token_hash, :user_id, :now, :expires_at);

-- name: email_of_reset
SELECT u.email FROM password_reset r JOIN user_account u ON u.id = r.user_id
WHERE r.token_hash = :token_hash AND r.used_at IS NULL AND r.expires_at > :now;

-- name: lock_user_of_reset
SELECT r.user_id FROM password_reset r JOIN user_account u ON u.id = r.user_id
WHERE r.token_hash = :token_hash AND r.used_at IS NULL AND r.expires_at > :now FOR NO KEY UPDATE OF u;

-- name: factor
SELECT user_id, sealed_secret, confirmed_at FROM second_factor WHERE user_id = :user_id;

-- name: begin_factor
-- A secret that was never confirmed gives way; one that counts does not.
INSERT INTO second_factor (user_id, sealed_secret, created_at) VALUES (:user_id, :sealed_secret, :now)
ON CONFLICT (user_id) DO UPDATE SET sealed_secret = excluded.sealed_secret, created_at = excluded.created_at
WHERE second_factor.confirmed_at IS NULL
RETURNING user_id;

-- name: confirm_factor
UPDATE second_factor SET confirmed_at = :now, last_step = :step
WHERE user_id = :user_id AND sealed_secret = :sealed_secret AND confirmed_at IS NULL
RETURNING user_id;

-- name: use_code
-- Who gives a code has lost nothing: a request to take the factor away ends.
WITH used AS (
    UPDATE second_factor SET last_step = :step WHERE user_id = :user_id AND last_step < :step RETURNING user_id
), kept AS (
    DELETE FROM second_factor_removal WHERE user_id IN (SELECT user_id FROM used)
)
SELECT user_id FROM used;

-- name: use_recovery_code
WITH used AS (
    UPDATE recovery_code SET used_at = :now WHERE user_id = :user_id AND code_hash = :code_hash AND used_at IS NULL
    RETURNING user_id
), kept AS (
    DELETE FROM second_factor_removal WHERE user_id IN (SELECT user_id FROM used)
)
SELECT user_id FROM used;

-- name: add_recovery_codes
INSERT INTO recovery_code (user_id, code_hash) SELECT :user_id, h FROM unnest(CAST(:hashes AS bytea[])) AS h;

-- name: code_given
UPDATE session_token SET second_factor = true WHERE token_hash = :token_hash;

-- name: remove_factor
-- A trigger takes it from the sessions too.
DELETE FROM second_factor WHERE user_id = :user_id;

-- name: ask_removal
-- Of somebody who has one; a request that stands stays as it is.
INSERT INTO second_factor_removal (user_id, organisation_id, requested_by, requested_at, effective_at)
SELECT f.user_id, :organisation_id, :requested_by, :now, :effective_at FROM second_factor f
WHERE f.user_id = :user_id AND f.confirmed_at IS NOT NULL
ON CONFLICT (user_id) DO NOTHING RETURNING user_id;

-- name: lock_removal
SELECT user_id, organisation_id, requested_by, approved_by, effective_at FROM second_factor_removal
WHERE user_id = :user_id FOR NO KEY UPDATE;

-- name: approve_removal
UPDATE second_factor_removal SET approved_by = :approved_by, effective_at = :now WHERE user_id = :user_id;

-- name: forget_removals
-- Those of somebody who may no longer ask for any.
DELETE FROM second_factor_removal
WHERE organisation_id = :organisation_id AND (requested_by = :asked_by OR approved_by = :asked_by);

-- name: carry_out_removal
WITH removal AS (
    DELETE FROM second_factor_removal WHERE user_id = :user_id AND effective_at <= :now AND effective_at > :over
    RETURNING user_id
)
DELETE FROM second_factor WHERE user_id IN (SELECT user_id FROM removal) RETURNING user_id;

-- name: roles_elsewhere
SELECT EXISTS (
    SELECT FROM role_grant WHERE user_id = :user_id AND organisation_id IS DISTINCT FROM CAST(:organisation_id AS uuid)
        AND (until_at IS NULL OR until_at > :now));

-- name: begin_email_change
-- Whether the address is free is for the mail to know, not for who asks.
INSERT INTO email_change (id, token_hash, user_id, old_email, new_email, session_hash, created_at, expires_at)
VALUES (:id, :token_hash, :user_id, :old_email, :new_email, :session_hash, :now, :expires_at)
RETURNING NOT EXISTS (SELECT FROM user_account u WHERE u.email = new_email);

-- name: lock_email_change
SELECT c.id, c.user_id, c.old_email, c.new_email, c.session_hash, u.locale
FROM email_change c JOIN user_account u ON u.id = c.user_id
WHERE c.token_hash = :token_hash AND c.accepted_at IS NULL AND c.ended_at IS NULL AND c.expires_at > :now
FOR NO KEY UPDATE;

-- name: lock_accepted_email_change
SELECT c.id, c.user_id, c.old_email, c.new_email, c.session_hash, u.locale
FROM email_change c JOIN user_account u ON u.id = c.user_id
WHERE c.undo_hash = :undo_hash AND c.undone_at IS NULL AND c.undo_until > :now
FOR NO KEY UPDATE;

-- name: move_login
UPDATE user_account SET email = :new_email, version = version + 1 WHERE id = :user_id AND email = :old_email
RETURNING id;

-- name: accept_email_change
UPDATE email_change SET accepted_at = :now, undo_hash = :undo_hash, undo_until = :undo_until WHERE id = :id;

-- name: take_back_login
-- Whoever moved the login knows its password.
UPDATE user_account SET email = :old_email, password_hash = '!', version = version + 1 WHERE id = :user_id
RETURNING id, email, password_hash, locale, version;

-- name: undo_email_change
-- Later changes go with it, and so does a second factor that was made after it was asked for.
WITH undone AS (
    UPDATE email_change SET undone_at = :now
    WHERE user_id = :user_id AND accepted_at IS NOT NULL AND undone_at IS NULL
        AND created_at >= (SELECT created_at FROM email_change WHERE id = :id)
)
DELETE FROM second_factor
WHERE user_id = :user_id AND created_at >= (SELECT created_at FROM email_change WHERE id = :id);

-- name: kinds_of_organisation
SELECT kinds FROM organisation WHERE id = :id;

-- name: end_invitations_of_employees
UPDATE invitation SET ended_at = :now WHERE employee_id = ANY(CAST(:employee_ids AS uuid[])) AND ended_at IS NULL;

-- name: invite
INSERT INTO invitation
    (id, token_hash, email, organisation_id, employee_id, roles, sealed_activation_code, invited_by, reason, created_at,
        expires_at)
SELECT i.id, i.token_hash, i.email, i.organisation_id, i.employee_id, CAST(:roles AS text[]), i.code, :invited_by,
    :reason, :now, :expires_at
FROM unnest(CAST(:ids AS uuid[]), CAST(:token_hashes AS bytea[]), CAST(:emails AS text[]),
    CAST(:organisation_ids AS uuid[]), CAST(:employee_ids AS uuid[]), CAST(:codes AS bytea[]))
    AS i (id, token_hash, email, organisation_id, employee_id, code);

-- name: offered
SELECT CASE WHEN invitation.accepted_by IS NOT NULL THEN 'accepted' WHEN invitation.ended_at IS NOT NULL THEN 'ended'
        WHEN invitation.expires_at <= :now THEN 'expired' ELSE 'open' END AS state,
    organisation.name AS organisation_name, invitation.employee_id IS NOT NULL AS is_employment,
    user_account.id IS NOT NULL AS has_login, invitation.expires_at
FROM invitation JOIN organisation ON organisation.id = invitation.organisation_id
LEFT JOIN user_account ON user_account.email = invitation.email
WHERE invitation.token_hash = :token_hash;

-- name: open_offer
SELECT id, email, organisation_id, employee_id, roles, sealed_activation_code, invited_by, reason FROM invitation
WHERE token_hash = :token_hash AND ended_at IS NULL AND expires_at > :now;

-- name: lock_open_offer
SELECT id, email, organisation_id, employee_id, roles, sealed_activation_code, invited_by, reason FROM invitation
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

-- name: head_readers
-- Who administers the operator or an alliance's lead. Nobody of an employer: the length of the trail tells of use.
SELECT DISTINCT u.email, u.locale
FROM role_grant g JOIN user_account u ON u.id = g.user_id JOIN organisation o ON o.id = g.organisation_id
WHERE g.role = 'admin' AND tstzrange(g.from_at, g.until_at) @> CAST(:now AS timestamptz)
    AND ('operator' = ANY (o.kinds) OR EXISTS (SELECT FROM alliance WHERE alliance.lead_organisation_id = o.id))
    AND NOT EXISTS (SELECT FROM role_grant h WHERE h.user_id = u.id AND h.side = 'employer'
        AND (h.until_at IS NULL OR h.until_at > CAST(:now AS timestamptz)))
ORDER BY u.email;

-- name: end_open_offers
-- All of an organisation, or of one inviter there. One that is being accepted now is locked: whoever accepts it waits for
-- the organisation's lock, and its inviter is looked at then.
UPDATE invitation SET ended_at = :now WHERE id IN (
    SELECT id FROM invitation
    WHERE organisation_id = :organisation_id AND employee_id IS NULL AND ended_at IS NULL
        AND (CAST(:invited_by AS uuid) IS NULL OR invited_by = CAST(:invited_by AS uuid))
    FOR NO KEY UPDATE SKIP LOCKED);

-- name: activation_failures
SELECT CAST(coalesce(sum(failures) FILTER (WHERE employee_id = :employee_id), 0) AS integer) AS of_employment,
    CAST(coalesce(sum(failures), 0) AS integer) AS of_company
FROM activation_failure WHERE company_id = :company_id;

-- name: count_activation_failure
INSERT INTO activation_failure AS f (employee_id, company_id, failures, last_failed_at)
VALUES (:employee_id, :company_id, 1, :now)
ON CONFLICT (employee_id) DO UPDATE SET failures = f.failures + 1, last_failed_at = excluded.last_failed_at;

-- name: forgive_activation_failures
DELETE FROM activation_failure WHERE company_id = :company_id AND employee_id = :employee_id;

-- name: give_roles
-- Whoever has a role has it once; what is refused otherwise (both sides on one login) is refused whole. The first person
-- of an organisation needs no waiting to be HR or to operate: nobody is there whose drafts she could approve.
INSERT INTO role_grant (id, user_id, role, scope_kind, scope_id, from_at, granted_by, granted_at, reason)
SELECT g.id, :user_id, g.role, 'organisation', :organisation_id,
    CASE WHEN g.role IN ('hr', 'operator') AND NOT EXISTS (
        SELECT FROM role_grant o WHERE o.organisation_id = :organisation_id AND o.user_id <> :user_id)
    THEN :now ELSE g.from_at END, :granted_by, :now, :reason
FROM unnest(CAST(:ids AS uuid[]), CAST(:roles AS text[]), CAST(:from_ats AS timestamptz[])) AS g (id, role, from_at)
ON CONFLICT ON CONSTRAINT role_grant_once DO NOTHING;

-- name: confirm_role
UPDATE role_grant SET from_at = :now, confirmed_by = :confirmed_by WHERE id = :id;

-- name: vouch
UPDATE role_grant SET vouched_by = :vouched_by, vouched_at = :now WHERE id = :id;

-- name: end_role
-- A role that has not begun never does.
UPDATE role_grant SET until_at = greatest(from_at, :now) WHERE id = :id;

-- name: anything_over
SELECT EXISTS (SELECT FROM session_token WHERE expires_at <= :now)
    OR EXISTS (SELECT FROM password_reset WHERE expires_at <= :now)
    OR EXISTS (SELECT FROM attempt_count WHERE window_start <= :attempts_before)
    OR EXISTS (SELECT FROM known_place WHERE last_used_at <= :places_before)
    OR EXISTS (SELECT FROM idempotency_key WHERE created_at <= :answers_before)
    OR EXISTS (SELECT FROM email_change WHERE coalesce(undo_until, expires_at) <= :now)
    OR EXISTS (SELECT FROM invitation WHERE coalesce(ended_at, expires_at) <= :invitations_before)
    OR EXISTS (SELECT FROM activation_failure WHERE last_failed_at <= :failures_before)
    OR EXISTS (SELECT FROM second_factor_removal WHERE effective_at <= :removals_before);

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
), places AS (
    DELETE FROM known_place WHERE (user_id, network) IN (
        SELECT user_id, network FROM known_place WHERE last_used_at <= :places_before LIMIT 5000)
    RETURNING 1
), answers AS (
    DELETE FROM idempotency_key WHERE (principal_id, key) IN (
        SELECT principal_id, key FROM idempotency_key WHERE created_at <= :answers_before LIMIT 5000)
    RETURNING 1
), changes AS (
    DELETE FROM email_change WHERE id IN (
        SELECT id FROM email_change WHERE coalesce(undo_until, expires_at) <= :now LIMIT 5000)
    RETURNING 1
), invitations AS (
    DELETE FROM invitation WHERE id IN (
        SELECT id FROM invitation WHERE coalesce(ended_at, expires_at) <= :invitations_before LIMIT 5000)
    RETURNING 1
), removals AS (
    DELETE FROM second_factor_removal WHERE effective_at <= :removals_before
    RETURNING 1
), failures AS (
    DELETE FROM activation_failure WHERE employee_id IN (
        SELECT employee_id FROM activation_failure WHERE last_failed_at <= :failures_before LIMIT 5000)
    RETURNING 1
)
SELECT (SELECT count(*) FROM sessions) + (SELECT count(*) FROM resets) + (SELECT count(*) FROM attempts)
    + (SELECT count(*) FROM places) + (SELECT count(*) FROM answers) + (SELECT count(*) FROM changes)
    + (SELECT count(*) FROM invitations) + (SELECT count(*) FROM failures)
    + (SELECT count(*) FROM removals);
