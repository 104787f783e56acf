-- The one answer to "which roles has this person here, at this instant": those given in the scope itself, and those that
-- reach it from an organisation: the lead's coordinators and care managers and every member's observers an alliance, the
-- operator's own people the platform. Who operates is registrar wherever she holds no role: a way to an organisation's
-- first members, no more. `organisation_id` is the organisation that one acts for.

CREATE OR REPLACE FUNCTION roles_in(principal uuid, in_kind text, in_id uuid, instant timestamptz)
RETURNS TABLE (role text, organisation_id uuid)
LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    CASE in_kind
    WHEN 'organisation' THEN
        RETURN QUERY SELECT g.role, g.organisation_id FROM role_grant g
        WHERE g.user_id = principal AND g.organisation_id = in_id AND tstzrange(g.from_at, g.until_at) @> instant;
        IF NOT FOUND THEN
            RETURN QUERY SELECT 'registrar', o.id FROM organisation o
            WHERE o.id = in_id AND EXISTS (
                SELECT FROM roles_in(principal, 'platform', NULL, instant) AS here WHERE here.role = 'operator');
        END IF;
    WHEN 'alliance' THEN
        RETURN QUERY SELECT DISTINCT g.role, coalesce(g.organisation_id, a.lead_organisation_id)
        FROM alliance a JOIN role_grant g ON g.user_id = principal AND tstzrange(g.from_at, g.until_at) @> instant
        WHERE a.id = in_id AND (
            g.alliance_id = a.id
            OR g.organisation_id = a.lead_organisation_id AND g.role IN ('coordinator', 'care_manager')
            OR g.role = 'observer' AND EXISTS (
                SELECT FROM alliance_membership m
                WHERE m.alliance_id = a.id AND m.organisation_id = g.organisation_id AND m.ended_on IS NULL));
    WHEN 'network' THEN
        RETURN QUERY SELECT g.role, NULL::uuid FROM role_grant g
        WHERE g.user_id = principal AND g.network_id = in_id AND tstzrange(g.from_at, g.until_at) @> instant;
    WHEN 'platform' THEN
        RETURN QUERY SELECT g.role, o.id
        FROM role_grant g JOIN organisation o ON 'operator' = ANY (o.kinds)
            AND (g.organisation_id = o.id AND g.role IN ('operator', 'finance') OR g.scope_kind = 'platform')
        WHERE g.user_id = principal AND tstzrange(g.from_at, g.until_at) @> instant;
    END CASE;
END $$;

REVOKE ALL ON FUNCTION roles_in FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT EXECUTE ON FUNCTION roles_in TO beatrice_app, beatrice_worker;
