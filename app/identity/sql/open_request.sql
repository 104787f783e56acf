-- One statement answers: who is this token, which roles has it here, what time is it, is this request a replay.

CREATE OR REPLACE FUNCTION open_request(
    p_token_hash bytea, p_real_now timestamptz, p_scope_kind text, p_scope_id uuid, p_key text, p_fingerprint bytea,
    p_address text, p_request_id uuid,
    OUT clock_offset interval, OUT principal_kind text, OUT principal_id uuid, OUT locale text,
    OUT organisation_id uuid, OUT kinds text[], OUT roles text[], OUT scopes text[],
    OUT key_state text, OUT sealed_answer bytea, OUT proved_at timestamptz, OUT second_factor boolean,
    OUT session_id uuid
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    v_fingerprint bytea;
    v_last_used_at timestamptz;
    v_maker uuid;
BEGIN
    SELECT c.offset_interval INTO clock_offset FROM clock_offset c;
    key_state := 'none';
    IF p_token_hash IS NOT NULL THEN
        SELECT 'user', u.id, u.locale, s.last_used_at, s.proved_at, s.second_factor, s.id
        INTO principal_kind, principal_id, locale, v_last_used_at, proved_at, second_factor, session_id
        FROM session_token s JOIN user_account u ON u.id = s.user_id
        WHERE s.token_hash = p_token_hash AND s.revoked_at IS NULL AND s.expires_at > p_real_now
          AND (s.idle_limit IS NULL OR s.last_used_at + s.idle_limit > p_real_now OR NOT EXISTS (
              -- Only who works here is logged out when she goes away.
              SELECT FROM role_grant g WHERE g.user_id = u.id AND tstzrange(g.from_at, g.until_at) @> p_real_now));
        IF FOUND THEN
            -- When it was used, to the minute: nobody waits for the row, and few requests write it.
            IF v_last_used_at <= p_real_now - interval '1 minute' THEN
                UPDATE session_token SET last_used_at = p_real_now WHERE token_hash = (
                    SELECT s.token_hash FROM session_token s WHERE s.token_hash = p_token_hash
                    FOR NO KEY UPDATE SKIP LOCKED);
            END IF;
        ELSE
            SELECT 'api_key', k.id, k.organisation_id, k.scopes, k.created_by
            INTO principal_kind, principal_id, organisation_id, scopes, v_maker
            FROM api_key k
            WHERE k.token_hash = p_token_hash AND k.revoked_at IS NULL AND k.expires_at > p_real_now;
        END IF;
    END IF;
    IF principal_kind IS NULL THEN
        RETURN;
    END IF;
    IF principal_kind = 'api_key' THEN
        -- When it was used, to the hour: nobody waits for the row, and hardly a request writes it.
        UPDATE api_key SET last_used_at = p_real_now WHERE id = (
            SELECT k.id FROM api_key k
            WHERE k.id = principal_id AND (k.last_used_at IS NULL OR k.last_used_at <= p_real_now - interval '1 hour')
            FOR NO KEY UPDATE SKIP LOCKED);
        -- A key holds no role: in its own organisation it does what its scopes say and its maker may still do.
        IF p_scope_kind = 'organisation' AND organisation_id = p_scope_id THEN
            SELECT array_agg(r.role) INTO roles FROM roles_in(v_maker, 'organisation', p_scope_id, p_real_now) r
            WHERE r.role <> 'registrar';
        END IF;
    ELSIF p_scope_kind IS NOT NULL THEN
        SELECT array_agg(DISTINCT r.role), min(r.organisation_id::text)::uuid INTO roles, organisation_id
        FROM roles_in(principal_id, p_scope_kind, p_scope_id, p_real_now) r;
    END IF;
    PERFORM seal_principal(principal_kind, principal_id, organisation_id, session_id, p_address, p_request_id,
        p_real_now, p_real_now + clock_offset);
    IF p_scope_kind = 'organisation' AND roles IS NOT NULL THEN
        SELECT o.kinds INTO kinds FROM organisation o WHERE o.id = p_scope_id;
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
