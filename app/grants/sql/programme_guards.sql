-- Credit keeps the rules under which it was granted.

CREATE OR REPLACE FUNCTION check_programme() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF (to_jsonb(OLD) - 'name' - 'version') IS DISTINCT FROM (to_jsonb(NEW) - 'name' - 'version') AND (
            (OLD.id, OLD.company_id, OLD.created_at) IS DISTINCT FROM (NEW.id, NEW.company_id, NEW.created_at)
            OR EXISTS (SELECT FROM credit_grant WHERE company_id = OLD.company_id AND programme_id = OLD.id)) THEN
        PERFORM refuse_credit('programme_fixed', 'a programme that grants use keeps its rules');
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER programme_10_check BEFORE UPDATE ON programme
    FOR EACH ROW EXECUTE FUNCTION check_programme();
