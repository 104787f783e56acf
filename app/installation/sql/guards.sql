-- A database says what it is once; the clock of production is real time.

CREATE OR REPLACE FUNCTION refuse_moved_clock() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    -- Whoever moves the clock at this moment is waited for.
    IF (SELECT c.offset_interval FROM clock_offset c FOR SHARE) <> '0' THEN
        RAISE EXCEPTION 'the clock of this database was moved: it stays a sandbox'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'installation_clock_real';
    END IF;
    RETURN NEW;
END $$;

REVOKE ALL ON FUNCTION refuse_moved_clock FROM PUBLIC;

CREATE OR REPLACE TRIGGER installation_05_clock BEFORE INSERT ON installation FOR EACH ROW
    WHEN (NEW.mode = 'production') EXECUTE FUNCTION refuse_moved_clock();

CREATE OR REPLACE FUNCTION refuse_another_installation() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'what a database is never changes' USING ERRCODE = 'insufficient_privilege';
END $$;

REVOKE ALL ON FUNCTION refuse_another_installation FROM PUBLIC;

CREATE OR REPLACE TRIGGER installation_append_only BEFORE UPDATE OR DELETE ON installation
    FOR EACH ROW EXECUTE FUNCTION refuse_another_installation();
CREATE OR REPLACE TRIGGER installation_no_truncate BEFORE TRUNCATE ON installation
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_another_installation();

CREATE OR REPLACE FUNCTION refuse_clock_of_production() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM installation WHERE mode = 'production') THEN
        RAISE EXCEPTION 'the clock of production does not move' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;

REVOKE ALL ON FUNCTION refuse_clock_of_production FROM PUBLIC;

CREATE OR REPLACE TRIGGER clock_offset_05_sandbox BEFORE INSERT OR UPDATE ON clock_offset FOR EACH ROW
    EXECUTE FUNCTION refuse_clock_of_production();
