-- Statements about alliances, who belongs to them, and settings by level.

-- name: alliances
SELECT a.id, a.name, a.name COLLATE "C" AS sort_key, a.network_id, n.name AS network_name,
    o.name AS lead_organisation_name,
    ARRAY(SELECT m.istat_code FROM alliance_municipality m WHERE m.alliance_id = a.id ORDER BY m.istat_code)
        AS municipalities
FROM alliance a JOIN network n ON n.id = a.network_id JOIN organisation o ON o.id = a.lead_organisation_id
WHERE CAST(:words AS text) IS NULL OR a.name ILIKE :words;

-- name: alliance
SELECT a.id, a.name, a.name COLLATE "C" AS sort_key, a.network_id, n.name AS network_name,
    o.name AS lead_organisation_name,
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
WHERE m.alliance_id = :alliance_id AND (CAST(:roles AS text[]) IS NULL OR m.role = ANY (:roles))
    AND (CAST(:ended AS boolean) IS NULL OR (m.ended_on IS NOT NULL AND m.ended_on <= :today) = :ended)
    AND (CAST(:words AS text) IS NULL OR o.name ILIKE :words);

-- name: lock_alliance_membership
SELECT m.id, m.organisation_id, o.name AS organisation_name, m.role, m.joined_on, m.ended_on
FROM alliance_membership m JOIN organisation o ON o.id = m.organisation_id
WHERE m.alliance_id = :alliance_id AND m.id = :id FOR NO KEY UPDATE OF m;

-- name: settings
SELECT setting.name COLLATE "C" AS name, setting.unit, setting.default_value, setting.least, setting.most, setting.levels,
    setting.stricter,
    found.value, found.level, found.value_id, said.reason, said.valid_from
FROM setting
CROSS JOIN setting_in_force(setting.name, :on, :organisation_id, :programme_id, :alliance_id) AS found
LEFT JOIN setting_value said ON said.id = found.value_id;

-- name: setting_in_force
SELECT value FROM setting_in_force(:name, :on, :organisation_id);

-- name: first_people
-- Those of alliances' leads whose role rests on the word of one person.
SELECT g.id, g.user_id, u.email, g.role, g.organisation_id, o.name AS organisation_name, g.granted_by, g.granted_at,
    false AS stands
FROM role_grant g JOIN user_account u ON u.id = g.user_id JOIN organisation o ON o.id = g.organisation_id
WHERE g.role IN ('admin', 'coordinator') AND g.until_at IS NULL
    AND EXISTS (SELECT FROM alliance WHERE alliance.lead_organisation_id = g.organisation_id)
    AND NOT role_stands(g.id, '{}');

-- name: lock_first_person
SELECT g.id, g.user_id, u.email, g.role, g.organisation_id, o.name AS organisation_name, g.granted_by, g.granted_at,
    role_stands(g.id, '{}') OR g.role NOT IN ('admin', 'coordinator') OR g.until_at IS NOT NULL AS stands
FROM role_grant g JOIN user_account u ON u.id = g.user_id JOIN organisation o ON o.id = g.organisation_id
WHERE g.id = :id FOR NO KEY UPDATE OF g;
