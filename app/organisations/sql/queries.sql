-- Statements about parties and members.

-- name: members
-- Those who will have a role later are members too: they can be put out before.
SELECT g.id, g.user_id, u.email, g.role, g.granted_at AS created_at, g.from_at, g.granted_by
FROM role_grant g JOIN user_account u ON u.id = g.user_id
WHERE g.organisation_id = :organisation_id AND (g.until_at IS NULL OR g.until_at > greatest(g.from_at, :now))
    AND (CAST(:after AS uuid) IS NULL OR g.id > CAST(:after AS uuid))
ORDER BY g.id LIMIT :limit;

-- name: member
SELECT g.id, g.user_id, u.email, g.role, g.granted_at AS created_at, g.from_at, g.granted_by
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
