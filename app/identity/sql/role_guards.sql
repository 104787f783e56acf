-- Guards of roles.

-- On which side a role stands: an administrator's follows from the organisation, which no expression over a row can see.
-- A provider's makes keys that read its bookings; the operator's people read disputes, and in the audit trail who booked.

CREATE OR REPLACE FUNCTION side_of_role() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    NEW.side := CASE
        WHEN NEW.role IN ('hr', 'hr_approver', 'payroll') THEN 'employer'
        WHEN NEW.role IN ('manager', 'staff', 'coordinator', 'care_manager', 'operator', 'finance') THEN 'care'
        WHEN NEW.role = 'admin' THEN (
            SELECT CASE WHEN 'company' = ANY (kinds) THEN 'employer' WHEN 'provider' = ANY (kinds) THEN 'care' END
            FROM organisation WHERE id = NEW.scope_id) END;
    RETURN NEW;
END $$;

REVOKE ALL ON FUNCTION side_of_role FROM PUBLIC;

CREATE OR REPLACE TRIGGER role_grant_10_side BEFORE INSERT ON role_grant
    FOR EACH ROW EXECUTE FUNCTION side_of_role();

-- A role begins before its time only when another person confirms it, an approving one when that person has it.

CREATE OR REPLACE FUNCTION refuse_early_role() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.confirmed_by IS NULL OR NEW.role IN ('hr', 'hr_approver', 'operator', 'finance') AND NOT EXISTS (
        SELECT FROM role_grant g WHERE g.user_id = NEW.confirmed_by AND g.role = NEW.role
            AND g.scope_kind = NEW.scope_kind AND g.scope_id IS NOT DISTINCT FROM NEW.scope_id
            AND tstzrange(g.from_at, g.until_at) @> NEW.from_at)
    THEN
        RAISE EXCEPTION 'a role begins before its time only when confirmed'
            USING ERRCODE = '23514', CONSTRAINT = 'role_grant_early_when_confirmed';
    END IF;
    RETURN NEW;
END $$;

REVOKE ALL ON FUNCTION refuse_early_role FROM PUBLIC;

CREATE OR REPLACE TRIGGER role_grant_20_begin BEFORE UPDATE OF from_at ON role_grant FOR EACH ROW
    WHEN (NEW.from_at < OLD.from_at) EXECUTE FUNCTION refuse_early_role();

-- Who drafts and who approves are two people: on one login both only with a reason.

CREATE OR REPLACE FUNCTION refuse_roles_of_two() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    -- Two roles given at the same time wait for each other here.
    PERFORM FROM user_account WHERE id = NEW.user_id FOR NO KEY UPDATE;
    IF EXISTS (
        SELECT FROM role_grant g
        WHERE g.user_id = NEW.user_id AND tstzrange(g.from_at, g.until_at) && tstzrange(NEW.from_at, NEW.until_at)
            AND CASE
                WHEN NEW.role = 'hr' THEN g.role IN ('hr_approver', 'payroll') AND g.scope_id = NEW.scope_id
                WHEN NEW.role IN ('hr_approver', 'payroll') THEN g.role = 'hr' AND g.scope_id = NEW.scope_id
                -- There is one operator, and the platform is its.
                ELSE g.role IN ('operator', 'finance') AND g.role <> NEW.role END
            AND (TG_OP = 'INSERT' OR g.reason IS NULL))
    THEN
        RAISE EXCEPTION 'roles of two people on one login need a reason'
            USING ERRCODE = '23514', CONSTRAINT = 'role_grant_two_people';
    END IF;
    RETURN NEW;
END $$;

REVOKE ALL ON FUNCTION refuse_roles_of_two FROM PUBLIC;

CREATE OR REPLACE TRIGGER role_grant_40_two_people BEFORE INSERT ON role_grant FOR EACH ROW
    WHEN (NEW.reason IS NULL AND NEW.role IN ('hr', 'hr_approver', 'payroll', 'operator', 'finance'))
    EXECUTE FUNCTION refuse_roles_of_two();
CREATE OR REPLACE TRIGGER role_grant_41_two_people BEFORE UPDATE OF from_at, until_at ON role_grant FOR EACH ROW
    WHEN (NEW.reason IS NULL AND NEW.role IN ('hr', 'hr_approver', 'payroll', 'operator', 'finance')
        AND (NEW.from_at < OLD.from_at OR coalesce(NEW.until_at, 'infinity') > coalesce(OLD.until_at, 'infinity')))
    EXECUTE FUNCTION refuse_roles_of_two();
