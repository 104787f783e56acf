-- Depth 0 is a statement of a client; the balances are written one level down.

CREATE OR REPLACE FUNCTION ledger.refuse() RETURNS trigger LANGUAGE plpgsql SET search_path = ledger, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'ledger rows never change or vanish'
        USING ERRCODE = 'check_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only',
            SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME;
END $$;

REVOKE ALL ON FUNCTION ledger.refuse FROM PUBLIC;

CREATE OR REPLACE TRIGGER account_00_new_is_empty BEFORE INSERT ON ledger.account FOR EACH ROW
    WHEN (NEW.posted_cents <> 0 OR NEW.held_cents <> 0) EXECUTE FUNCTION ledger.refuse();
CREATE OR REPLACE TRIGGER account_00_no_update BEFORE UPDATE ON ledger.account FOR EACH STATEMENT
    WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION ledger.refuse();
CREATE OR REPLACE TRIGGER account_00_no_delete BEFORE DELETE ON ledger.account
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
CREATE OR REPLACE TRIGGER account_00_no_truncate BEFORE TRUNCATE ON ledger.account
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
CREATE OR REPLACE TRIGGER transfer_00_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.transfer
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
CREATE OR REPLACE TRIGGER hold_00_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.hold
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
CREATE OR REPLACE TRIGGER hold_end_00_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.hold_end
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
CREATE OR REPLACE TRIGGER verification_00_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.verification
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
