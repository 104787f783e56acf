-- One statement answers: who is this token, which roles has it here, what time is it, is this request a replay.

CREATE OR REPLACE FUNCTION open_request(
    p_token_hash bytea, p_real_now timestamptz, p_organisation_id uuid, p_alliance_id uuid, p_operator boolean,
    p_key text, p_fingerprint bytea,
    OUT clock_offset interval, OUT principal_kind text, OUT principal_id uuid, OUT locale text,
    OUT organisation_id uuid, OUT kinds text[], OUT roles text[], OUT scopes text[],
    OUT key_state text, OUT sealed_answer bytea
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    v_fingerprint bytea;
BEGIN
    SELECT c.offset_interval INTO clock_offset FROM clock_offset c;
    key_state := 'none';
    IF p_token_hash IS NOT NULL THEN
        SELECT 'user', u.id, u.locale INTO principal_kind, principal_id, locale
        FROM session_token s JOIN user_account u ON u.id = s.user_id
        WHERE s.token_hash = p_token_hash AND s.revoked_at IS NULL AND s.expires_at > p_real_now;
        IF NOT FOUND THEN
            SELECT 'api_key', k.id, k.organisation_id, k.scopes INTO principal_kind, principal_id, organisation_id, scopes
            FROM api_key k
            WHERE k.token_hash = p_token_hash AND k.revoked_at IS NULL
              AND (k.expires_at IS NULL OR k.expires_at > p_real_now);
        END IF;
    END IF;
    IF principal_kind IS NULL THEN
        RETURN;
    END IF;
    IF principal_kind = 'api_key' THEN
        IF organisation_id = p_organisation_id THEN
            roles := ARRAY['api_key'];
            SELECT o.kinds INTO kinds FROM organisation o WHERE o.id = p_organisation_id;
        END IF;
    ELSIF p_organisation_id IS NOT NULL THEN
        organisation_id := p_organisation_id;
        SELECT array_agg(m.role) INTO roles FROM membership m
        WHERE m.user_id = principal_id AND m.organisation_id = p_organisation_id AND m.ended_at IS NULL;
        SELECT o.kinds INTO kinds FROM organisation o WHERE o.id = p_organisation_id;
        -- The operator enters organisations in the register: it may bring in their first administrators, no more.
        IF roles IS NULL AND p_operator AND kinds IS NOT NULL AND EXISTS (
            SELECT FROM membership m JOIN organisation o ON o.id = m.organisation_id AND 'operator' = ANY (o.kinds)
            WHERE m.user_id = principal_id AND m.ended_at IS NULL AND m.role = 'operator') THEN
            roles := ARRAY['registrar'];
        END IF;
    ELSIF p_alliance_id IS NOT NULL THEN
        SELECT array_agg(DISTINCT m.role), min(m.organisation_id::text)::uuid INTO roles, organisation_id
        FROM alliance a JOIN membership m ON m.user_id = principal_id AND m.ended_at IS NULL
        WHERE a.id = p_alliance_id
          AND (m.organisation_id = a.lead_organisation_id AND m.role IN ('coordinator', 'care_manager')
               OR m.role = 'observer' AND EXISTS (
                   SELECT 1 FROM alliance_membership am WHERE am.alliance_id = a.id
                   AND am.organisation_id = m.organisation_id AND am.ended_on IS NULL));
        kinds := ARRAY['alliance'];
    ELSIF p_operator THEN
        SELECT array_agg(m.role), min(m.organisation_id::text)::uuid, ARRAY['operator']
        INTO roles, organisation_id, kinds
        FROM membership m JOIN organisation o ON o.id = m.organisation_id AND 'operator' = ANY (o.kinds)
        WHERE m.user_id = principal_id AND m.ended_at IS NULL AND m.role IN ('operator', 'finance');
    END IF;
    IF p_key IS NOT NULL THEN
        -- Answered keys need no lock; an unanswered one is looked up again once locked, for it may be answered by then.
        FOR v_attempt IN 1..2 LOOP
            SELECT k.fingerprint, k.sealed_answer INTO v_fingerprint, sealed_answer
            FROM idempotency_key k WHERE k.principal_id = open_request.principal_id AND k.key = p_key;
            IF FOUND THEN
                key_state := CASE WHEN v_fingerprint = p_fingerprint THEN 'answered' ELSE 'reused' END;
                RETURN;
            END IF;
            key_state := 'new';
            IF v_attempt = 1
                AND NOT pg_try_advisory_xact_lock(hashtextextended(principal_id::text || ' ' || p_key, 0)) THEN
                key_state := 'in_use';
                RETURN;
            END IF;
        END LOOP;
    END IF;
END $$;

REVOKE ALL ON FUNCTION open_request FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT EXECUTE ON FUNCTION open_request TO beatrice_app, beatrice_hr;
