-- The HR role cannot read lots: this answers what came back to a company, never for one person.

CREATE OR REPLACE FUNCTION company_returned(of_company_id uuid) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce(sum(transfer.amount_cents), 0)::bigint
    FROM company JOIN ledger.transfer ON transfer.to_account_id = company.account_id
    WHERE company.organisation_id = of_company_id AND transfer.reason IN ('expired', 'returned')
$$;

REVOKE ALL ON FUNCTION company_returned FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT EXECUTE ON FUNCTION company_returned TO beatrice_app, beatrice_hr, beatrice_worker;
