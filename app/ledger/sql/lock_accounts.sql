-- The application has no UPDATE on account, hence cannot lock its rows itself.

CREATE OR REPLACE FUNCTION ledger.lock_accounts(ids uuid[])
RETURNS TABLE (account_id uuid, posted_cents bigint, held_cents bigint)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
    SELECT a.id, a.posted_cents, a.held_cents FROM account a
    WHERE a.id = ANY (ids) AND a.guarded ORDER BY a.id FOR NO KEY UPDATE
$$;

REVOKE ALL ON FUNCTION ledger.lock_accounts FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT EXECUTE ON FUNCTION ledger.lock_accounts TO beatrice_app, beatrice_worker;
