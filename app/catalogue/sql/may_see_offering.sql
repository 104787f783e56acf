-- Who may see and book an offering that is not for everybody: search, slots and quotes all ask here.
-- In two parts: what is true of a person on a day is read once, what follows for an offering is a plain expression, so
-- that the planner sees through it and a search does not ask row by row.

CREATE OR REPLACE FUNCTION circle_of(person_id uuid, on_day date, OUT employed boolean, OUT allied_providers uuid[])
LANGUAGE sql STABLE AS $$
    WITH employer AS (
        SELECT e.company_id FROM employee e
        WHERE e.user_id = person_id AND is_employed(e.hired_on, e.ended_on, on_day)
    )
    SELECT EXISTS (SELECT FROM employer), ARRAY(
        SELECT DISTINCT theirs.organisation_id
        FROM employer
        JOIN alliance_membership mine ON mine.organisation_id = employer.company_id
            AND mine.joined_on <= on_day AND (mine.ended_on IS NULL OR mine.ended_on > on_day)
        JOIN alliance_membership theirs ON theirs.alliance_id = mine.alliance_id
            AND theirs.joined_on <= on_day AND (theirs.ended_on IS NULL OR theirs.ended_on > on_day))
$$;

-- `companies` means companies that the provider chose, which are not kept yet: until then any present employment will do.
CREATE OR REPLACE FUNCTION may_see_offering(
    audience text, provider_id uuid, employed boolean, allied_providers uuid[]
) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT audience = 'public' OR audience = 'companies' AND employed
        OR audience = 'alliance' AND provider_id = ANY (allied_providers)
$$;

REVOKE ALL ON FUNCTION circle_of, may_see_offering FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT EXECUTE ON FUNCTION circle_of, may_see_offering TO beatrice_app;
