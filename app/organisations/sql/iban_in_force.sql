-- The one answer to where an organisation's money goes: the youngest approved account whose wait is over.

CREATE OR REPLACE FUNCTION iban_in_force(p_organisation_id uuid, p_at timestamptz) RETURNS text
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT iban FROM bank_account
    WHERE organisation_id = p_organisation_id AND status = 'approved' AND effective_at <= p_at
    ORDER BY effective_at DESC, requested_at DESC, id DESC LIMIT 1
$$;
REVOKE ALL ON FUNCTION iban_in_force FROM PUBLIC;
GRANT EXECUTE ON FUNCTION iban_in_force TO beatrice_app, beatrice_worker;
