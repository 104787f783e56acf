-- Who calls, sealed for the length of one transaction: what the database role of company routes may record about a
-- request is what the first statement of that request found out, not what a later statement claims. The seal is a
-- transaction-local setting that anybody may overwrite and nobody else can make: its secret is the owner's, and it holds
-- for one backend and one transaction only.

CREATE OR REPLACE FUNCTION principal_mac(payload text) RETURNS text
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT encode(sha256(secret || sha256(secret || convert_to(
        pg_backend_pid()::text || ' ' || extract(epoch FROM transaction_timestamp())::text || ' ' || payload, 'UTF8'))),
        'hex')
    FROM principal_secret
$$;
REVOKE ALL ON FUNCTION principal_mac FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;

CREATE OR REPLACE FUNCTION seal_principal(
    kind text, principal uuid, for_organisation uuid, in_session uuid, from_address text, request uuid,
    really_at timestamptz, business_at timestamptz
) RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    payload text := jsonb_build_object('kind', kind, 'id', principal, 'organisation_id', for_organisation,
        'session_id', in_session, 'address', from_address, 'request_id', request, 'really_at', really_at,
        'business_at', business_at)::text;
    known jsonb := sealed_principal();
BEGIN
    -- The first statement of a request runs before the role is set. Whoever opens again in that role changes nothing.
    IF acting_role() = 'beatrice_hr' AND (known ->> 'kind', known ->> 'id', known ->> 'organisation_id')
        IS NOT DISTINCT FROM (kind, principal::text, for_organisation::text) THEN
        RETURN;
    END IF;
    PERFORM set_config('beatrice.principal', principal_mac(payload) || payload, true);
END $$;
REVOKE ALL ON FUNCTION seal_principal FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;

CREATE OR REPLACE FUNCTION sealed_principal() RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
DECLARE
    sealed text := current_setting('beatrice.principal', true);
BEGIN
    IF sealed IS NULL OR length(sealed) < 66 OR left(sealed, 64) <> principal_mac(substr(sealed, 65)) THEN
        RETURN NULL;
    END IF;
    RETURN substr(sealed, 65)::jsonb;
END $$;
REVOKE ALL ON FUNCTION sealed_principal FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;

-- The role that a statement runs in, also inside a function that runs as its owner.
CREATE OR REPLACE FUNCTION acting_role() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE current_setting('role') WHEN 'none' THEN session_user::text ELSE current_setting('role') END
$$;
REVOKE ALL ON FUNCTION acting_role FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;

-- In the role of company routes nothing is recorded but about the request that was opened, by whom the seal names.
CREATE OR REPLACE FUNCTION principal_of_hr() RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
DECLARE
    sealed jsonb := sealed_principal();
BEGIN
    IF sealed IS NULL OR sealed ->> 'id' IS NULL OR sealed ->> 'organisation_id' IS NULL THEN
        RAISE EXCEPTION 'no request was opened in this transaction' USING ERRCODE = '42501';
    END IF;
    RETURN sealed;
END $$;
REVOKE ALL ON FUNCTION principal_of_hr FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
