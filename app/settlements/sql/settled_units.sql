-- Every change of a unit that money left for would have to change a settlement.

CREATE OR REPLACE FUNCTION care.refuse_change_once_settled() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM settlement_line WHERE unit_id = OLD.id) THEN
        RAISE EXCEPTION 'a settled unit never changes'
            USING ERRCODE = '23514', CONSTRAINT = 'unit_settled_never_changes';
    END IF;
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION care.refuse_change_once_settled FROM PUBLIC;
CREATE OR REPLACE TRIGGER unit_settled_never_changes BEFORE UPDATE ON care.unit FOR EACH ROW
    WHEN (OLD.payable_at IS NOT NULL) EXECUTE FUNCTION care.refuse_change_once_settled();
