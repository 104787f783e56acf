-- A programme keeps its rules from its first grant on, also before there is credit: what was approved is what is made.
-- Its last day may still move later, which takes nothing from anybody.

CREATE OR REPLACE FUNCTION check_programme() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    -- What its company calls it and notes of it binds nobody; put away, it takes no new grants.
    free text[] := ARRAY['name', 'external_id', 'metadata', 'version', 'archived_at'];
BEGIN
    IF (to_jsonb(NEW) ->> 'lot_expires_on')::date > (to_jsonb(OLD) ->> 'lot_expires_on')::date THEN
        free := free || 'lot_expires_on'::text;
    END IF;
    IF (to_jsonb(OLD) - free) IS DISTINCT FROM (to_jsonb(NEW) - free) AND (
            OLD.id IS DISTINCT FROM NEW.id OR OLD.created_at IS DISTINCT FROM NEW.created_at
            OR to_jsonb(OLD) -> 'company_id' IS DISTINCT FROM to_jsonb(NEW) -> 'company_id'
            OR EXISTS (SELECT FROM credit_grant JOIN programme ON programme.company_id = credit_grant.company_id
                AND programme.id = credit_grant.programme_id WHERE programme.id = OLD.id)) THEN
        PERFORM refuse_credit('programme_fixed', 'a programme that grants use keeps its rules');
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER programme_10_check BEFORE UPDATE ON programme
    FOR EACH ROW EXECUTE FUNCTION check_programme();
CREATE OR REPLACE TRIGGER credit_source_10_programme BEFORE UPDATE ON credit_source
    FOR EACH ROW EXECUTE FUNCTION check_programme();
