-- A mandate is given by a company that belongs to the alliance, keeps what it says, and ends once.

CREATE OR REPLACE FUNCTION check_mandate() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM alliance_membership WHERE alliance_id = NEW.alliance_id
                AND organisation_id = NEW.company_id AND role = 'company' AND ended_on IS NULL) THEN
            PERFORM refuse_credit('approval_mandate_of_member', 'the alliance of a mandate is one of the company''s');
        END IF;
    ELSIF (to_jsonb(OLD) - 'ended_at') IS DISTINCT FROM (to_jsonb(NEW) - 'ended_at') OR OLD.ended_at IS NOT NULL THEN
        PERFORM refuse_credit('approval_mandate_fixed', 'a mandate keeps what it says and ends once');
    END IF;
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION check_mandate FROM PUBLIC;
CREATE OR REPLACE TRIGGER approval_mandate_10_check BEFORE INSERT OR UPDATE ON approval_mandate
    FOR EACH ROW EXECUTE FUNCTION check_mandate();
CREATE OR REPLACE TRIGGER approval_mandate_00_kept BEFORE DELETE ON approval_mandate
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
