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

-- In production an approving role waits for a day from the moment it was given; only the first person of an organisation
-- is HR or operates at once.

CREATE OR REPLACE FUNCTION refuse_approver_at_will() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM installation WHERE mode = 'production') AND (
        NEW.role NOT IN ('hr', 'operator') OR NEW.scope_kind <> 'organisation' OR EXISTS (
            SELECT FROM role_grant g WHERE g.organisation_id = NEW.scope_id AND g.user_id <> NEW.user_id)) THEN
        RAISE EXCEPTION 'an approving role waits for a day'
            USING ERRCODE = '23514', CONSTRAINT = 'role_grant_approver_waits';
    END IF;
    RETURN NEW;
END $$;

REVOKE ALL ON FUNCTION refuse_approver_at_will FROM PUBLIC;

CREATE OR REPLACE TRIGGER role_grant_30_approver BEFORE INSERT ON role_grant FOR EACH ROW
    WHEN (NEW.role IN ('hr', 'hr_approver', 'operator', 'finance')
        AND (NEW.confirmed_by IS NOT NULL OR NEW.from_at < NEW.granted_at + interval '24 hours'))
    EXECUTE FUNCTION refuse_approver_at_will();
