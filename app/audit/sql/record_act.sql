-- The one writer of the audit trail: callable inside the statement that stores a command's answer.

CREATE OR REPLACE FUNCTION record_act(
    entry_id uuid, who_kind text, who uuid, for_organisation uuid, what text, kind_of_object text, id_of_object uuid,
    happened_at timestamptz
) RETURNS uuid LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    INSERT INTO audit_entry (id, actor_kind, actor_id, organisation_id, action, object_kind, object_id, created_at)
    VALUES (entry_id, who_kind, who, for_organisation, what, kind_of_object, id_of_object, happened_at) RETURNING id
$$;
REVOKE ALL ON FUNCTION record_act FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT EXECUTE ON FUNCTION record_act TO beatrice_app, beatrice_hr, beatrice_worker;
