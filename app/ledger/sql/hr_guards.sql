-- The HR role grants credit and does nothing else. A transfer out of a lot would tell by its refusal how much of the lot
-- is left, that is used; so the check comes before balances are looked at.

CREATE OR REPLACE FUNCTION ledger.refuse_unless_lots() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
BEGIN
    IF NEW.kind <> 'lot' THEN
        RAISE EXCEPTION 'this role opens lots only' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION ledger.refuse_unless_grants() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    IF EXISTS (SELECT FROM new_transfer n
            LEFT JOIN account f ON f.id = n.from_account_id AND f.kind = 'company_account'
            LEFT JOIN account t ON t.id = n.to_account_id AND t.kind = 'lot'
            WHERE f.id IS NULL OR t.id IS NULL OR n.hold_id IS NOT NULL OR n.reverses_id IS NOT NULL) THEN
        RAISE EXCEPTION 'this role moves credit from a company to lots only' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END $$;

REVOKE ALL ON FUNCTION ledger.refuse_unless_lots, ledger.refuse_unless_grants FROM PUBLIC;

CREATE OR REPLACE TRIGGER account_05_hr BEFORE INSERT ON ledger.account FOR EACH ROW
    WHEN (current_user = 'beatrice_hr') EXECUTE FUNCTION ledger.refuse_unless_lots();
CREATE OR REPLACE TRIGGER transfer_25_hr AFTER INSERT ON ledger.transfer REFERENCING NEW TABLE AS new_transfer
    FOR EACH STATEMENT WHEN (current_user = 'beatrice_hr') EXECUTE FUNCTION ledger.refuse_unless_grants();
