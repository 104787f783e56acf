-- What was settled never changes. Only states move, along these pairs; the rest of a row is compared as a whole.

CREATE OR REPLACE FUNCTION settlement_moves() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    approval text[] := CASE WHEN TG_TABLE_NAME = 'settlement_run' AND OLD.status = 'closed'
        THEN ARRAY['approved_by', 'approved_at', 'approved_sha256', 'debtor_name', 'debtor_iban', 'execution_on',
            'payment_file_sha256', 'cancelled_by', 'cancelled_at']
        WHEN TG_TABLE_NAME = 'settlement_run' AND OLD.status = 'approved' THEN ARRAY['sent_at'] ELSE '{}' END;
BEGIN
    IF to_jsonb(NEW) - 'status' - approval IS DISTINCT FROM to_jsonb(OLD) - 'status' - approval THEN
        RAISE EXCEPTION 'rows of % never change', TG_TABLE_NAME
            USING ERRCODE = '23514', CONSTRAINT = TG_TABLE_NAME || '_immutable';
    END IF;
    IF TG_TABLE_NAME || ':' || OLD.status || '>' || NEW.status NOT IN (
        'settlement_run:closed>approved', 'settlement_run:closed>cancelled', 'settlement_run:approved>sent',
        'settlement_run:sent>reconciled',
        'settlement:issued>approved', 'settlement:issued>cancelled', 'settlement:approved>paying',
        'settlement:paying>paid', 'settlement:paying>returned',
        'payout:prepared>approved', 'payout:prepared>cancelled', 'payout:approved>paying', 'payout:paying>paid',
        'payout:paying>returned') THEN
        RAISE EXCEPTION '% does not go from % to %', TG_TABLE_NAME, OLD.status, NEW.status
            USING ERRCODE = '23514', CONSTRAINT = TG_TABLE_NAME || '_transition';
    END IF;
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION settlement_moves FROM PUBLIC;
CREATE OR REPLACE TRIGGER settlement_run_moves BEFORE UPDATE ON settlement_run
    FOR EACH ROW EXECUTE FUNCTION settlement_moves();
CREATE OR REPLACE TRIGGER settlement_moves BEFORE UPDATE ON settlement
    FOR EACH ROW EXECUTE FUNCTION settlement_moves();
CREATE OR REPLACE TRIGGER payout_moves BEFORE UPDATE ON payout
    FOR EACH ROW EXECUTE FUNCTION settlement_moves();
CREATE OR REPLACE TRIGGER settlement_left_out_no_change BEFORE UPDATE OR DELETE ON settlement_left_out
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER settlement_left_out_no_truncate BEFORE TRUNCATE ON settlement_left_out
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();


CREATE OR REPLACE TRIGGER settlement_run_no_delete BEFORE DELETE ON settlement_run
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER settlement_run_no_truncate BEFORE TRUNCATE ON settlement_run
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER settlement_counter_no_delete BEFORE DELETE ON settlement_counter
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER settlement_counter_no_truncate BEFORE TRUNCATE ON settlement_counter
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER settlement_no_delete BEFORE DELETE ON settlement
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER settlement_no_truncate BEFORE TRUNCATE ON settlement
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER settlement_line_no_delete BEFORE DELETE ON settlement_line
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER settlement_line_no_truncate BEFORE TRUNCATE ON settlement_line
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER payout_no_delete BEFORE DELETE ON payout
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER payout_no_truncate BEFORE TRUNCATE ON payout
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
