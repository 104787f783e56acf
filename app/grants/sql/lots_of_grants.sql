-- A lot that is a line of a grant: made when the grant is active, ended with it, and good for as long as its programme.

CREATE OR REPLACE FUNCTION check_granted_lots() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM new_lot
            LEFT JOIN grant_line line ON line.grant_id = new_lot.grant_id
                AND line.employee_id = new_lot.employee_id AND line.amount_cents = new_lot.amount_cents
            LEFT JOIN credit_grant ON credit_grant.id = line.grant_id AND credit_grant.status = 'active'
                AND credit_grant.programme_id = new_lot.source_id
            WHERE new_lot.kind = 'grant' AND credit_grant.id IS NULL) THEN
        PERFORM refuse_credit('lot_of_active_grant', 'a lot is the line of an active grant');
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION check_granted_lots FROM PUBLIC;
CREATE OR REPLACE TRIGGER lot_20_granted AFTER INSERT ON lot REFERENCING NEW TABLE AS new_lot
    FOR EACH STATEMENT EXECUTE FUNCTION check_granted_lots();

CREATE OR REPLACE FUNCTION check_revoked_lot() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM grant_revocation revocation
            WHERE revocation.grant_id = NEW.grant_id AND revocation.approved_at = NEW.revoked_at AND (revocation.whole
                OR EXISTS (SELECT FROM revoked_line line
                    WHERE line.revocation_id = revocation.id AND line.employee_id = NEW.employee_id))) THEN
        PERFORM refuse_credit('lot_revoked_grant', 'two people have not revoked this credit');
    END IF;
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION check_revoked_lot FROM PUBLIC;
CREATE OR REPLACE TRIGGER lot_20_revoked BEFORE UPDATE ON lot
    FOR EACH ROW WHEN (NEW.revoked_at IS DISTINCT FROM OLD.revoked_at) EXECUTE FUNCTION check_revoked_lot();

CREATE OR REPLACE FUNCTION check_extended_lot() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM programme WHERE id = NEW.source_id AND lot_expires_on = NEW.expires_on) THEN
        PERFORM refuse_credit('lot_fixed', 'the last day of granted credit is its programme''s');
    END IF;
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION check_extended_lot FROM PUBLIC;
CREATE OR REPLACE TRIGGER lot_20_extended BEFORE UPDATE ON lot
    FOR EACH ROW WHEN (NEW.expires_on IS DISTINCT FROM OLD.expires_on) EXECUTE FUNCTION check_extended_lot();
