-- A revocation is asked for by one person and approved by another, or withdrawn; it is of an active grant.

CREATE OR REPLACE FUNCTION check_revocation() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.approved_at IS NOT NULL OR NEW.withdrawn_at IS NOT NULL OR NOT EXISTS (
                SELECT FROM credit_grant WHERE id = NEW.grant_id AND status = 'active') THEN
            PERFORM refuse_credit('grant_revocation_of_active', 'only an active grant is revoked by two');
        END IF;
        RETURN NEW;
    END IF;
    IF (OLD.id, OLD.company_id, OLD.grant_id, OLD.whole, OLD.reason, OLD.asked_by, OLD.asked_at) IS DISTINCT FROM
            (NEW.id, NEW.company_id, NEW.grant_id, NEW.whole, NEW.reason, NEW.asked_by, NEW.asked_at)
            OR OLD.approved_at IS NOT NULL OR OLD.withdrawn_at IS NOT NULL THEN
        PERFORM refuse_credit('grant_revocation_fixed', 'a revocation keeps its content and ends once');
    END IF;
    IF NEW.approved_by = person_behind(OLD.asked_by) THEN
        PERFORM refuse_credit('grant_revocation_approver_is_not_asker', 'another person approves');
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER grant_revocation_10_check BEFORE INSERT OR UPDATE ON grant_revocation
    FOR EACH ROW EXECUTE FUNCTION check_revocation();
CREATE OR REPLACE TRIGGER grant_revocation_00_kept BEFORE DELETE ON grant_revocation
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE FUNCTION check_revoked_lines() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM new_line JOIN grant_revocation ON grant_revocation.id = new_line.revocation_id
            WHERE grant_revocation.whole OR grant_revocation.approved_at IS NOT NULL
            OR grant_revocation.withdrawn_at IS NOT NULL) THEN
        PERFORM refuse_credit('revoked_line_of_open', 'people are named when a revocation is asked for');
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER revoked_line_10_check AFTER INSERT ON revoked_line REFERENCING NEW TABLE AS new_line
    FOR EACH STATEMENT EXECUTE FUNCTION check_revoked_lines();
CREATE OR REPLACE TRIGGER revoked_line_00_fixed BEFORE UPDATE OR DELETE ON revoked_line
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
