-- An admission ends once and never begins again: who comes back is admitted anew.

CREATE OR REPLACE FUNCTION check_alliance_membership() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF OLD.ended_on IS NOT NULL
        OR (OLD.id, OLD.alliance_id, OLD.organisation_id, OLD.role, OLD.joined_on)
            IS DISTINCT FROM (NEW.id, NEW.alliance_id, NEW.organisation_id, NEW.role, NEW.joined_on) THEN
        RAISE EXCEPTION 'an admission ends once; nothing else of it changes'
            USING ERRCODE = '23514', CONSTRAINT = 'alliance_membership_ends_once';
    END IF;
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION check_alliance_membership FROM PUBLIC;
CREATE OR REPLACE TRIGGER alliance_membership_check BEFORE UPDATE ON alliance_membership
    FOR EACH ROW EXECUTE FUNCTION check_alliance_membership();
