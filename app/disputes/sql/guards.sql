-- A dispute is opened with its units frozen, decided once, by nobody who works for the provider, and what it says was
-- given back was.

CREATE OR REPLACE FUNCTION care.dispute_decided_once() RETURNS trigger
LANGUAGE plpgsql SET search_path = care, pg_temp AS $$
BEGIN
    IF OLD.status <> 'open' OR NEW.status = 'open'
            OR (OLD.id, OLD.booking_id, OLD.user_id, OLD.provider_id, OLD.sealed_reason, OLD.contested_cents,
                OLD.created_at, OLD.decide_by)
            IS DISTINCT FROM (NEW.id, NEW.booking_id, NEW.user_id, NEW.provider_id, NEW.sealed_reason,
                NEW.contested_cents, NEW.created_at, NEW.decide_by) THEN
        RAISE EXCEPTION 'a dispute is decided once, and nothing else of it changes'
            USING ERRCODE = '23514', CONSTRAINT = 'dispute_decided_once';
    END IF;
    IF EXISTS (SELECT FROM public.role_grant g WHERE g.organisation_id = NEW.provider_id AND g.user_id = NEW.decided_by
            AND (g.until_at IS NULL OR g.until_at > greatest(g.from_at, NEW.decided_at))) THEN
        RAISE EXCEPTION 'who works for the provider does not decide'
            USING ERRCODE = '23514', CONSTRAINT = 'dispute_decided_apart';
    END IF;
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION care.dispute_decided_once FROM PUBLIC;
CREATE OR REPLACE TRIGGER dispute_decided_once BEFORE UPDATE ON care.dispute
    FOR EACH ROW EXECUTE FUNCTION care.dispute_decided_once();

-- At the end of the transaction: the units may be frozen, and get their money back, before or after the dispute's row.
CREATE OR REPLACE FUNCTION care.dispute_is_its_units() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = care, pg_temp AS $$
DECLARE
    of_dispute uuid := coalesce(to_jsonb(NEW) ->> 'dispute_id', to_jsonb(NEW) ->> 'id');
    units integer;
    frozen integer;
    refunded bigint;
BEGIN
    SELECT count(*), count(*) FILTER (WHERE unit.disputed), coalesce(sum(unit.refunded_cents), 0)
    INTO units, frozen, refunded
    FROM dispute_unit JOIN unit ON unit.id = dispute_unit.unit_id
    WHERE dispute_unit.booking_id = NEW.booking_id AND dispute_unit.dispute_id = of_dispute;
    IF units = 0 OR EXISTS (SELECT FROM dispute WHERE id = of_dispute AND (
            frozen <> CASE WHEN status = 'open' THEN units ELSE 0 END OR refunded <> coalesce(refund_cents, 0))) THEN
        RAISE EXCEPTION 'units are frozen while their dispute is open, and get back what was decided'
            USING ERRCODE = '23514', CONSTRAINT = 'dispute_is_its_units';
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION care.dispute_is_its_units FROM PUBLIC;
DROP TRIGGER IF EXISTS dispute_is_its_units ON care.dispute;
CREATE CONSTRAINT TRIGGER dispute_is_its_units AFTER INSERT OR UPDATE ON care.dispute
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION care.dispute_is_its_units();

DROP TRIGGER IF EXISTS dispute_is_its_units ON care.dispute_unit;
CREATE CONSTRAINT TRIGGER dispute_is_its_units AFTER INSERT ON care.dispute_unit
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION care.dispute_is_its_units();

CREATE OR REPLACE TRIGGER dispute_no_delete BEFORE DELETE ON care.dispute
    FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
CREATE OR REPLACE TRIGGER dispute_no_truncate BEFORE TRUNCATE ON care.dispute
    FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();
CREATE OR REPLACE TRIGGER dispute_unit_append_only BEFORE UPDATE OR DELETE ON care.dispute_unit
    FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
CREATE OR REPLACE TRIGGER dispute_unit_no_truncate BEFORE TRUNCATE ON care.dispute_unit
    FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();
