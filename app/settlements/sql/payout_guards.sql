-- A payout is what a settlement owes, fixed with its run, paid once that is approved.

CREATE OR REPLACE FUNCTION payout_is_owed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.status <> 'prepared' OR NOT EXISTS (
        SELECT FROM settlement JOIN settlement_run ON settlement_run.id = settlement.run_id
        WHERE settlement.id = NEW.settlement_id AND settlement.run_id = NEW.run_id
            AND settlement.payout_cents = NEW.amount_cents AND settlement_run.status = 'closed') THEN
        RAISE EXCEPTION 'a payout pays what a closed run owes'
            USING ERRCODE = '23514', CONSTRAINT = 'payout_is_owed';
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION payout_is_owed FROM PUBLIC;
CREATE OR REPLACE TRIGGER payout_is_owed AFTER INSERT ON payout
    FOR EACH ROW EXECUTE FUNCTION payout_is_owed();

CREATE OR REPLACE FUNCTION follows_its_run() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM settlement_run WHERE id = NEW.run_id AND status = NEW.status) THEN
        RAISE EXCEPTION 'what a run pays is approved or cancelled with it'
            USING ERRCODE = '23514', CONSTRAINT = TG_TABLE_NAME || '_follows_run';
    END IF;
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION follows_its_run FROM PUBLIC;
CREATE OR REPLACE TRIGGER payout_zz_follows_run BEFORE UPDATE ON payout FOR EACH ROW
    WHEN (NEW.status IN ('approved', 'cancelled') AND NEW.status <> OLD.status) EXECUTE FUNCTION follows_its_run();
CREATE OR REPLACE TRIGGER settlement_zz_follows_run BEFORE UPDATE ON settlement FOR EACH ROW
    WHEN (NEW.status = 'cancelled' AND NEW.status <> OLD.status) EXECUTE FUNCTION follows_its_run();

CREATE OR REPLACE FUNCTION settlement_line_moves() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF to_jsonb(NEW) - 'cancelled' IS DISTINCT FROM to_jsonb(OLD) - 'cancelled' OR OLD.cancelled OR NOT NEW.cancelled
        OR NOT EXISTS (SELECT FROM settlement WHERE id = NEW.settlement_id AND status = 'cancelled') THEN
        RAISE EXCEPTION 'a line never changes; it is cancelled with its settlement'
            USING ERRCODE = '23514', CONSTRAINT = 'settlement_line_immutable';
    END IF;
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION settlement_line_moves FROM PUBLIC;
CREATE OR REPLACE TRIGGER settlement_line_moves BEFORE UPDATE ON settlement_line
    FOR EACH ROW EXECUTE FUNCTION settlement_line_moves();
