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
