-- The one writer of the audit trail: callable inside the statement that stores a command's answer.

CREATE OR REPLACE FUNCTION record_act(
    entry_id uuid, who_kind text, who uuid, for_organisation uuid, what text, kind_of_object text, id_of_object uuid,
    happened_at timestamptz, really_at timestamptz, in_session uuid, from_address text, request uuid,
    refused_with text, how_often integer, what_was_shown uuid[]
) RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    sealed jsonb;
BEGIN
    IF acting_role() = 'beatrice_hr' THEN
        sealed := principal_of_hr();
        IF (who_kind, who) IS DISTINCT FROM (sealed ->> 'kind', (sealed ->> 'id')::uuid) THEN
            RAISE EXCEPTION 'an act is recorded of who calls' USING ERRCODE = '42501';
        END IF;
        for_organisation := sealed ->> 'organisation_id';
        happened_at := sealed ->> 'business_at';
        really_at := sealed ->> 'really_at';
        in_session := sealed ->> 'session_id';
        from_address := sealed ->> 'address';
        request := sealed ->> 'request_id';
    END IF;
    INSERT INTO audit_entry (
        id, actor_kind, actor_id, organisation_id, action, object_kind, object_id, created_at, recorded_at, session_id,
        address, request_id, refusal, times, shown)
    VALUES (entry_id, who_kind, who, for_organisation, what, kind_of_object, id_of_object, happened_at, really_at,
        in_session, from_address, request, refused_with, how_often, what_was_shown);
    RETURN entry_id;
END $$;
REVOKE ALL ON FUNCTION record_act FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT EXECUTE ON FUNCTION record_act TO beatrice_app, beatrice_hr, beatrice_worker;
