-- Statements about parties, members and territory.

-- name: search_municipalities
SELECT istat_code, name, province, sort_key, rank FROM (
    SELECT istat_code, name, province, sort_key, CASE WHEN starts_with(sort_key, :needle) THEN 0 ELSE 1 END AS rank
    FROM municipality WHERE sort_key LIKE :pattern
) AS found
WHERE (rank, sort_key, istat_code) > (:rank, :key, :code)
ORDER BY rank, sort_key, istat_code LIMIT :limit;

-- name: known_municipalities
SELECT istat_code FROM municipality WHERE istat_code = ANY (CAST(:codes AS text[]));

-- name: alliances
SELECT a.id, a.name, a.network_id, n.name AS network_name, o.name AS lead_organisation_name,
    ARRAY(SELECT m.istat_code FROM alliance_municipality m WHERE m.alliance_id = a.id ORDER BY m.istat_code)
        AS municipalities
FROM alliance a JOIN network n ON n.id = a.network_id JOIN organisation o ON o.id = a.lead_organisation_id
WHERE CAST(:name AS text) IS NULL OR (a.name COLLATE "C", a.id) > (CAST(:name AS text), CAST(:id AS uuid))
ORDER BY a.name COLLATE "C", a.id LIMIT :limit;

-- name: alliance
SELECT a.id, a.name, a.network_id, n.name AS network_name, o.name AS lead_organisation_name,
    ARRAY(SELECT m.istat_code FROM alliance_municipality m WHERE m.alliance_id = a.id ORDER BY m.istat_code)
        AS municipalities
FROM alliance a JOIN network n ON n.id = a.network_id JOIN organisation o ON o.id = a.lead_organisation_id
WHERE a.id = :id;

-- name: add_territory
INSERT INTO alliance_municipality (alliance_id, istat_code)
SELECT :id, code FROM unnest(CAST(:codes AS text[])) AS code;

-- name: alliance_memberships
SELECT m.id, m.organisation_id, o.name AS organisation_name, m.role, m.joined_on, m.ended_on
FROM alliance_membership m JOIN organisation o ON o.id = m.organisation_id
WHERE m.alliance_id = :alliance_id AND (CAST(:after AS uuid) IS NULL OR m.id > CAST(:after AS uuid))
ORDER BY m.id LIMIT :limit;

-- name: lock_alliance_membership
SELECT m.id, m.organisation_id, o.name AS organisation_name, m.role, m.joined_on, m.ended_on
FROM alliance_membership m JOIN organisation o ON o.id = m.organisation_id
WHERE m.alliance_id = :alliance_id AND m.id = :id FOR NO KEY UPDATE OF m;

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
