-- A provider's settlements of a year are numbered one by one, without gaps.

CREATE OR REPLACE FUNCTION settlement_counter_steps() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.last_number = 1 OR TG_OP = 'UPDATE' AND NEW.last_number = OLD.last_number + 1
        AND NEW.provider_id = OLD.provider_id AND NEW.year = OLD.year THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'numbers are given one by one'
        USING ERRCODE = '23514', CONSTRAINT = 'settlement_counter_one_by_one';
END $$;
REVOKE ALL ON FUNCTION settlement_counter_steps FROM PUBLIC;
CREATE OR REPLACE TRIGGER settlement_counter_steps BEFORE INSERT OR UPDATE ON settlement_counter
    FOR EACH ROW EXECUTE FUNCTION settlement_counter_steps();

CREATE OR REPLACE FUNCTION settlement_counter_used() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM settlement WHERE provider_id = NEW.provider_id AND year = NEW.year
            AND sequence = NEW.last_number) THEN
        RAISE EXCEPTION 'settlements are numbered without gaps'
            USING ERRCODE = '23514', CONSTRAINT = 'settlement_number_gapless';
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION settlement_counter_used FROM PUBLIC;
DROP TRIGGER IF EXISTS settlement_counter_used ON settlement_counter;
CREATE CONSTRAINT TRIGGER settlement_counter_used AFTER INSERT OR UPDATE ON settlement_counter
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION settlement_counter_used();
