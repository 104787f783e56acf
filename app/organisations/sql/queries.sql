-- Statements about parties and members.

-- name: members
-- Those who will have a role later are members too: they can be put out before.
SELECT g.id, g.user_id, u.email, g.role, g.granted_at AS created_at, g.from_at, g.granted_by, g.reason
FROM role_grant g JOIN user_account u ON u.id = g.user_id
WHERE g.organisation_id = :organisation_id AND (g.until_at IS NULL OR g.until_at > greatest(g.from_at, :now))
    AND (CAST(:roles AS text[]) IS NULL OR g.role = ANY (:roles))
    AND (CAST(:words AS text) IS NULL OR u.email ILIKE :words);

-- name: member
SELECT g.id, g.user_id, u.email, g.role, g.granted_at AS created_at, g.from_at, g.granted_by, g.reason
FROM role_grant g JOIN user_account u ON u.id = g.user_id
WHERE g.organisation_id = :organisation_id AND g.id = :id AND (g.until_at IS NULL OR g.until_at > greatest(g.from_at, :now));

-- name: lock_members
-- Endings in one organisation wait for each other, so that two administrators cannot both be the last to go.
SELECT id FROM organisation WHERE id = :id FOR NO KEY UPDATE;

-- name: memberships_of
SELECT o.id AS organisation_id, o.name AS organisation_name, o.kinds, array_agg(g.role ORDER BY g.role) AS roles
FROM role_grant g JOIN organisation o ON o.id = g.organisation_id
WHERE g.user_id = :user_id AND tstzrange(g.from_at, g.until_at) @> CAST(:now AS timestamptz)
GROUP BY o.id ORDER BY o.name COLLATE "C", o.id;

-- name: works_for_operator
SELECT EXISTS (
    SELECT FROM user_account u JOIN role_grant g ON g.user_id = u.id AND (g.until_at IS NULL OR g.until_at > greatest(g.from_at, :now))
    LEFT JOIN organisation o ON o.id = g.organisation_id
    WHERE u.email = lower(:email) AND (g.scope_kind = 'platform' OR 'operator' = ANY (o.kinds))
);

-- name: in_alliance
SELECT EXISTS (SELECT FROM alliance_membership WHERE organisation_id = :organisation_id AND ended_on IS NULL);

-- name: provider_version
SELECT version FROM provider WHERE organisation_id = :id FOR NO KEY UPDATE;

-- name: accounts_of
-- What is paid to now, and what waits to be approved or to come into force.
SELECT o.id AS organisation_id, iban_in_force(o.id, :now) AS iban,
    (SELECT b.iban FROM bank_account b WHERE b.organisation_id = o.id
        AND (b.status = 'pending' OR b.status = 'approved' AND b.effective_at > :now)
     ORDER BY b.requested_at DESC, b.id DESC LIMIT 1) AS waiting
FROM organisation o WHERE o.id = ANY (CAST(:ids AS uuid[]));

-- name: bank_accounts
SELECT b.id, b.organisation_id, o.name AS organisation_name, b.iban, b.status, b.requested_by, b.requested_at,
    b.effective_at, b.decided_by, b.decided_at, o.created_by AS entered_by
FROM bank_account b JOIN organisation o ON o.id = b.organisation_id
WHERE (CAST(:statuses AS text[]) IS NULL OR b.status = ANY (:statuses))
    AND (CAST(:organisation_id AS uuid) IS NULL OR b.organisation_id = :organisation_id);

-- name: lock_bank_account
SELECT b.id, b.organisation_id, o.name AS organisation_name, b.iban, b.status, b.requested_by, b.requested_at,
    b.effective_at, b.decided_by, b.decided_at, o.created_by AS entered_by
FROM bank_account b JOIN organisation o ON o.id = b.organisation_id WHERE b.id = :id FOR NO KEY UPDATE OF b;

-- name: contacts_of_providers
SELECT DISTINCT ON (told.email) told.email, told.locale
FROM (
    SELECT u.email, u.locale FROM provider p
    JOIN role_grant g ON g.organisation_id = p.organisation_id AND g.role IN ('admin', 'manager')
        AND (g.until_at IS NULL OR g.until_at > greatest(g.from_at, :now))
    JOIN user_account u ON u.id = g.user_id
    WHERE CAST(:id AS uuid) IS NULL OR p.organisation_id = :id
    UNION ALL
    SELECT lower(p.email), 'it' FROM provider p
    WHERE p.email IS NOT NULL AND (CAST(:id AS uuid) IS NULL OR p.organisation_id = :id)
) AS told ORDER BY told.email, told.locale;

-- name: contacts
-- Whom to tell what happens to an organisation: its administrators, and the address that a provider shows.
SELECT DISTINCT ON (told.email) told.email, told.locale
FROM (
    SELECT u.email, u.locale FROM role_grant g JOIN user_account u ON u.id = g.user_id
    WHERE g.organisation_id = :id AND g.role IN ('admin', 'manager')
        AND (g.until_at IS NULL OR g.until_at > greatest(g.from_at, :now))
    UNION ALL
    SELECT lower(p.email), 'it' FROM provider p WHERE p.organisation_id = :id AND p.email IS NOT NULL
) AS told ORDER BY told.email, told.locale;
