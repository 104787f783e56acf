-- A lot starts with its whole amount, stays with its owner and source, and ends once, not before its day; what was
-- granted may be given more days as long as its own are not over.

CREATE OR REPLACE FUNCTION check_new_lots() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM new_lot LEFT JOIN ledger.account ON account.id = new_lot.id AND account.kind = 'lot'
            WHERE account.id IS NULL OR account.posted_cents <> 0 OR new_lot.ended_at IS NOT NULL) THEN
        PERFORM refuse_credit('lot_starts_empty', 'a lot starts with an empty account of its own');
    END IF;
    IF EXISTS (SELECT FROM new_lot LEFT JOIN lot origin ON origin.id = new_lot.grace_of
                AND (origin.source_id, origin.user_id, origin.company_id, origin.employee_id, origin.grant_id)
                IS NOT DISTINCT FROM
                (new_lot.source_id, new_lot.user_id, new_lot.company_id, new_lot.employee_id, new_lot.grant_id)
            WHERE new_lot.kind = 'grace' AND origin.id IS NULL) THEN
        PERFORM refuse_credit('lot_grace_of_same', 'a grace lot stays with its owner and source');
    END IF;
    IF EXISTS (SELECT FROM new_lot JOIN credit_source source ON source.id = new_lot.source_id
            WHERE new_lot.kind <> 'grace' AND (new_lot.kind = 'grant') <> (source.kind = 'programme')) THEN
        PERFORM refuse_credit('lot_kind_of_source', 'a programme gives by grant, other sources by award');
    END IF;
    IF EXISTS (SELECT FROM new_lot JOIN lot origin ON origin.id = new_lot.grace_of
            WHERE new_lot.grace_until > origin.grace_until) THEN
        PERFORM refuse_credit('lot_grace_never_chains', 'grace of grace keeps the last day of the first');
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
DECLARE
    free CONSTANT text[] := ARRAY['ended_at', 'revoked_at', 'expires_on', 'reminders'];
BEGIN
    IF (to_jsonb(OLD) - free) IS DISTINCT FROM (to_jsonb(NEW) - free)
            OR NEW.expires_on <> OLD.expires_on AND (NEW.expires_on < OLD.expires_on OR OLD.kind <> 'grant'
                OR OLD.revoked_at IS NOT NULL
                OR (OLD.ended_at AT TIME ZONE 'Europe/Rome')::date > OLD.expires_on)
            OR OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at THEN
        PERFORM refuse_credit('lot_fixed', 'a lot keeps its amount, owner and validity');
    END IF;
    IF OLD.ended_at IS NOT NULL AND NEW.ended_at IS DISTINCT FROM OLD.ended_at AND NOT (
            NEW.ended_at IS NULL AND NEW.revoked_at IS NULL AND EXISTS (SELECT FROM lot_life WHERE id = NEW.id
                AND ended_early AND last_day >= (OLD.ended_at AT TIME ZONE 'Europe/Rome')::date)) THEN
        PERFORM refuse_credit('lot_expires_once', 'a lot ends once, unless the leaving that ended it is taken back');
    END IF;
    IF NEW.ended_at IS NOT NULL AND OLD.ended_at IS NULL AND NEW.revoked_at IS NULL
            AND NOT EXISTS (SELECT FROM lot_life WHERE id = NEW.id
            AND last_day < (NEW.ended_at AT TIME ZONE 'Europe/Rome')::date) THEN
        PERFORM refuse_credit('lot_not_expired_early', 'a lot lives until the midnight after its last day');
    END IF;
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION check_changed_lot FROM PUBLIC;
CREATE OR REPLACE TRIGGER lot_10_changed BEFORE UPDATE ON lot
    FOR EACH ROW EXECUTE FUNCTION check_changed_lot();
CREATE OR REPLACE TRIGGER lot_00_kept BEFORE DELETE ON lot FOR EACH ROW EXECUTE FUNCTION refuse_change();
