-- What is owed for a unit: once settled, a change of the unit's state or money would have to change a settlement; while
-- it is disputed, what is not yet settled waits. What a dispute gives back of a settled unit is an item of its own. The
-- lock makes a change wait for a run that is settling it.

CREATE OR REPLACE FUNCTION care.refuse_change_once_settled() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    disputes CONSTANT text[] := ARRAY['disputed', 'dispute_decided_at', 'refunded_cents'];
BEGIN
    PERFORM FROM payable WHERE source_kind = 'unit' AND source_id = OLD.id ORDER BY id FOR NO KEY UPDATE;
    IF to_jsonb(OLD) - disputes IS DISTINCT FROM to_jsonb(NEW) - disputes
            AND EXISTS (SELECT FROM payable WHERE source_kind = 'unit' AND source_id = OLD.id AND settlement_id IS NOT NULL)
    THEN
        RAISE EXCEPTION 'a settled unit never changes'
            USING ERRCODE = '23514', CONSTRAINT = 'unit_settled_never_changes';
    END IF;
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION care.refuse_change_once_settled FROM PUBLIC;
CREATE OR REPLACE TRIGGER unit_settled_never_changes BEFORE UPDATE ON care.unit FOR EACH ROW
    WHEN (OLD.status IN ('completed', 'cancelled_late', 'no_show')) EXECUTE FUNCTION care.refuse_change_once_settled();

CREATE OR REPLACE FUNCTION care.block_what_is_disputed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE payable SET blocked = NEW.disputed 
    WHERE source_kind = 'unit' AND source_id = NEW.id AND settlement_id IS NULL;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION care.block_what_is_disputed FROM PUBLIC;
CREATE OR REPLACE TRIGGER unit_disputed_blocks AFTER UPDATE ON care.unit FOR EACH ROW
    WHEN (OLD.disputed <> NEW.disputed) EXECUTE FUNCTION care.block_what_is_disputed();
