-- Statements about parties and members.

-- name: members
SELECT m.id, m.user_id, u.email, m.role, m.created_at
FROM membership m JOIN user_account u ON u.id = m.user_id
WHERE m.organisation_id = :organisation_id AND m.ended_at IS NULL
    AND (CAST(:after AS uuid) IS NULL OR m.id > CAST(:after AS uuid))
ORDER BY m.id LIMIT :limit;

-- name: member
SELECT m.id, m.user_id, u.email, m.role, m.created_at
FROM membership m JOIN user_account u ON u.id = m.user_id
WHERE m.organisation_id = :organisation_id AND m.id = :id AND m.ended_at IS NULL;

-- name: lock_members
-- Endings in one organisation wait for each other, so that two administrators cannot both be the last to go.
SELECT id FROM organisation WHERE id = :id FOR NO KEY UPDATE;

-- name: memberships_of
SELECT o.id AS organisation_id, o.name AS organisation_name, o.kinds, array_agg(m.role ORDER BY m.role) AS roles
FROM membership m JOIN organisation o ON o.id = m.organisation_id
WHERE m.user_id = :user_id AND m.ended_at IS NULL
GROUP BY o.id ORDER BY o.name COLLATE "C", o.id;

-- name: works_for_operator
SELECT EXISTS (
    SELECT FROM user_account u JOIN membership m ON m.user_id = u.id AND m.ended_at IS NULL
    JOIN organisation o ON o.id = m.organisation_id AND 'operator' = ANY (o.kinds)
    WHERE u.email = lower(:email)
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
WHERE b.id < :before AND (CAST(:status AS text) IS NULL OR b.status = :status)
    AND (CAST(:organisation_id AS uuid) IS NULL OR b.organisation_id = :organisation_id)
ORDER BY b.id DESC LIMIT :limit;

-- name: lock_bank_account
SELECT b.id, b.organisation_id, o.name AS organisation_name, b.iban, b.status, b.requested_by, b.requested_at,
    b.effective_at, b.decided_by, b.decided_at, o.created_by AS entered_by
FROM bank_account b JOIN organisation o ON o.id = b.organisation_id WHERE b.id = :id FOR NO KEY UPDATE OF b;

-- name: contacts_of_providers
SELECT DISTINCT ON (told.email) told.email, told.locale
FROM (
    SELECT u.email, u.locale FROM provider p
    JOIN membership m ON m.organisation_id = p.organisation_id AND m.ended_at IS NULL AND m.role IN ('admin', 'manager')
    JOIN user_account u ON u.id = m.user_id
    WHERE CAST(:id AS uuid) IS NULL OR p.organisation_id = :id
    UNION ALL
    SELECT lower(p.email), 'it' FROM provider p
    WHERE p.email IS NOT NULL AND (CAST(:id AS uuid) IS NULL OR p.organisation_id = :id)
) AS told ORDER BY told.email, told.locale;

-- name: contacts
-- Whom to tell what happens to an organisation: its administrators, and the address that a provider shows.
SELECT DISTINCT ON (told.email) told.email, told.locale
FROM (
    SELECT u.email, u.locale FROM membership m JOIN user_account u ON u.id = m.user_id
    WHERE m.organisation_id = :id AND m.ended_at IS NULL AND m.role IN ('admin', 'manager')
    UNION ALL
    SELECT lower(p.email), 'it' FROM provider p WHERE p.organisation_id = :id AND p.email IS NOT NULL
) AS told ORDER BY told.email, told.locale;
