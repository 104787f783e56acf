-- A key acts for whoever made it: drafting through one's own key does not make one another person.

CREATE OR REPLACE FUNCTION person_behind(actor_id uuid) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce((SELECT created_by FROM api_key WHERE id = actor_id), actor_id)
$$;

REVOKE ALL ON FUNCTION person_behind FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT EXECUTE ON FUNCTION person_behind TO beatrice_app, beatrice_hr, beatrice_worker;
