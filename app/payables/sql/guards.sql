-- A payable is its transfer and never changes, but that it is settled once at a time and blocked while it waits. It waits
-- again when the line that settled it is cancelled, which settlements guard.

CREATE OR REPLACE FUNCTION payable_is_its_transfer() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (
        SELECT FROM new_payable
        LEFT JOIN ledger.transfer ON transfer.id = new_payable.transfer_id
            AND transfer.amount_cents = abs(new_payable.gross_cents) AND transfer.event_at = new_payable.payable_at
        LEFT JOIN ledger.account ON account.kind = 'provider_payable' AND account.owner_id = new_payable.payee_id
            AND account.id = CASE WHEN new_payable.gross_cents > 0 THEN transfer.to_account_id
                ELSE transfer.from_account_id END
        WHERE account.id IS NULL OR new_payable.settlement_id IS NOT NULL) THEN
        RAISE EXCEPTION 'a payable begins unsettled and has the amount, payee and instant of its transfer'
            USING ERRCODE = '23514', CONSTRAINT = 'payable_is_its_transfer';
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION payable_is_its_transfer FROM PUBLIC;
CREATE OR REPLACE TRIGGER payable_is_its_transfer AFTER INSERT ON payable REFERENCING NEW TABLE AS new_payable
    FOR EACH STATEMENT EXECUTE FUNCTION payable_is_its_transfer();

CREATE OR REPLACE TRIGGER payable_append_only BEFORE UPDATE ON payable FOR EACH ROW
    WHEN (OLD.settlement_id IS NOT NULL AND (NEW.settlement_id IS NOT NULL OR NEW.blocked)
        OR (OLD.id, OLD.payee_id, OLD.source_kind, OLD.source_id, OLD.kind, OLD.sequence, OLD.gross_cents,
            OLD.vat_code, OLD.category, OLD.service_on, OLD.payable_at, OLD.funding_line, OLD.transfer_id,
            OLD.created_at)
        IS DISTINCT FROM (NEW.id, NEW.payee_id, NEW.source_kind, NEW.source_id, NEW.kind, NEW.sequence,
            NEW.gross_cents, NEW.vat_code, NEW.category, NEW.service_on, NEW.payable_at, NEW.funding_line,
            NEW.transfer_id, NEW.created_at))
    EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER payable_no_delete BEFORE DELETE ON payable
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER payable_no_truncate BEFORE TRUNCATE ON payable
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
