-- Guards of roles.

-- On which side a role stands: an administrator's follows from the organisation, which no expression over a row can see.

CREATE OR REPLACE FUNCTION side_of_role() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    NEW.side := CASE
        WHEN NEW.role IN ('hr', 'hr_approver', 'payroll') THEN 'employer'
        WHEN NEW.role IN ('manager', 'staff', 'coordinator', 'care_manager') THEN 'care'
        WHEN NEW.role = 'admin' AND EXISTS (
            SELECT FROM organisation WHERE id = NEW.scope_id AND 'company' = ANY (kinds)) THEN 'employer' END;
    RETURN NEW;
END $$;

REVOKE ALL ON FUNCTION side_of_role FROM PUBLIC;

CREATE OR REPLACE TRIGGER role_grant_10_side BEFORE INSERT ON role_grant
    FOR EACH ROW EXECUTE FUNCTION side_of_role();

-- A role begins before its time only when another person confirms it.

CREATE OR REPLACE FUNCTION refuse_early_role() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'a role begins before its time only when confirmed'
        USING ERRCODE = '23514', CONSTRAINT = 'role_grant_early_when_confirmed';
END $$;

REVOKE ALL ON FUNCTION refuse_early_role FROM PUBLIC;

CREATE OR REPLACE TRIGGER role_grant_20_begin BEFORE UPDATE OF from_at ON role_grant FOR EACH ROW
    WHEN (NEW.from_at < OLD.from_at AND NEW.confirmed_by IS NULL) EXECUTE FUNCTION refuse_early_role();
