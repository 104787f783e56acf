-- A lot is the line of an active grant, or follows another lot, and ends once, not before its day.

CREATE OR REPLACE FUNCTION check_new_lots() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM new_lot LEFT JOIN ledger.account ON account.id = new_lot.id AND account.kind = 'lot'
            WHERE account.id IS NULL OR account.posted_cents <> 0 OR new_lot.expired_at IS NOT NULL) THEN
        PERFORM refuse_credit('lot_starts_empty', 'a lot starts with an empty account of its own');
    END IF;
    IF EXISTS (SELECT FROM new_lot
            LEFT JOIN grant_line line ON line.lot_id = new_lot.id AND line.grant_id = new_lot.grant_id
                AND line.employee_id = new_lot.employee_id AND line.amount_cents = new_lot.amount_cents
            LEFT JOIN credit_grant ON credit_grant.id = line.grant_id AND credit_grant.status = 'active'
                AND credit_grant.programme_id = new_lot.programme_id
            WHERE new_lot.kind = 'grant' AND credit_grant.id IS NULL) THEN
        PERFORM refuse_credit('lot_of_active_grant', 'a lot is the line of an active grant');
    END IF;
    IF EXISTS (SELECT FROM new_lot LEFT JOIN lot origin ON origin.id = new_lot.grace_of
                AND (origin.company_id, origin.employee_id, origin.programme_id, origin.grant_id)
                = (new_lot.company_id, new_lot.employee_id, new_lot.programme_id, new_lot.grant_id)
            WHERE new_lot.kind = 'grace' AND origin.id IS NULL) THEN
        PERFORM refuse_credit('lot_grace_of_same', 'a grace lot stays with its person and programme');
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION check_new_lots FROM PUBLIC;
CREATE OR REPLACE TRIGGER lot_10_new AFTER INSERT ON lot REFERENCING NEW TABLE AS new_lot
    FOR EACH STATEMENT EXECUTE FUNCTION check_new_lots();

CREATE OR REPLACE FUNCTION check_grace_funded() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM ledger.transfer WHERE to_account_id = NEW.id) THEN
        PERFORM refuse_credit('lot_funded', 'a lot holds its amount from the start');
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION check_grace_funded FROM PUBLIC;
DROP TRIGGER IF EXISTS lot_90_funded ON lot;
CREATE CONSTRAINT TRIGGER lot_90_funded AFTER INSERT ON lot DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.kind <> 'grant') EXECUTE FUNCTION check_grace_funded();

CREATE OR REPLACE FUNCTION check_changed_lot() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF (to_jsonb(OLD) - 'expired_at') IS DISTINCT FROM (to_jsonb(NEW) - 'expired_at') THEN
        PERFORM refuse_credit('lot_fixed', 'a lot keeps its amount, owner and validity');
    END IF;
    IF OLD.expired_at IS NOT NULL AND NEW.expired_at IS DISTINCT FROM OLD.expired_at THEN
        PERFORM refuse_credit('lot_expires_once', 'a lot ends once');
    END IF;
    IF NEW.expired_at IS NOT NULL AND (NEW.expired_at AT TIME ZONE 'Europe/Rome')::date <= NEW.expires_on
            AND NOT EXISTS (SELECT FROM credit_grant WHERE id = NEW.grant_id AND status = 'revoked')
            AND NOT EXISTS (SELECT FROM lot_life WHERE id = NEW.id
                AND last_day < (NEW.expired_at AT TIME ZONE 'Europe/Rome')::date) THEN
        PERFORM refuse_credit('lot_not_expired_early', 'a lot lives until the midnight after its last day');
    END IF;
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION check_changed_lot FROM PUBLIC;
CREATE OR REPLACE TRIGGER lot_10_changed BEFORE UPDATE ON lot
    FOR EACH ROW EXECUTE FUNCTION check_changed_lot();
CREATE OR REPLACE TRIGGER lot_00_kept BEFORE DELETE ON lot FOR EACH ROW EXECUTE FUNCTION refuse_change();
