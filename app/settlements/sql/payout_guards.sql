-- A payout is what an approved run owes.

CREATE OR REPLACE FUNCTION payout_is_approved() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.status <> 'approved' OR NOT EXISTS (
        SELECT FROM settlement JOIN settlement_run ON settlement_run.id = settlement.run_id
        WHERE settlement.id = NEW.settlement_id AND settlement.run_id = NEW.run_id
            AND settlement.payout_cents = NEW.amount_cents AND settlement_run.status = 'approved') THEN
        RAISE EXCEPTION 'a payout pays what an approved run owes'
            USING ERRCODE = '23514', CONSTRAINT = 'payout_is_approved';
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION payout_is_approved FROM PUBLIC;
CREATE OR REPLACE TRIGGER payout_is_approved AFTER INSERT ON payout
    FOR EACH ROW EXECUTE FUNCTION payout_is_approved();
