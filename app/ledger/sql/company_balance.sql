-- The HR role has no SELECT on account, because a lot's balance tells of the use of care.

CREATE OR REPLACE FUNCTION ledger.company_balance(company_id uuid, for_update boolean)
RETURNS TABLE (account_id uuid, posted_cents bigint, held_cents bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
BEGIN
    IF for_update THEN
        PERFORM 1 FROM account a WHERE a.kind = 'company_account' AND a.owner_id = company_id FOR NO KEY UPDATE;
    END IF;
    RETURN QUERY SELECT a.id, a.posted_cents, a.held_cents FROM account a
        WHERE a.kind = 'company_account' AND a.owner_id = company_id;
END $$;

REVOKE ALL ON FUNCTION ledger.company_balance FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT EXECUTE ON FUNCTION ledger.company_balance TO beatrice_app, beatrice_worker, beatrice_hr;
