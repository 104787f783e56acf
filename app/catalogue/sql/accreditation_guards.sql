-- A provider is accredited by somebody who neither asked, nor entered it, nor works for it, nor was brought in by who did
-- (identity's role_stands), and within an admission.

CREATE OR REPLACE FUNCTION check_accreditation() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    refused text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        refused := CASE WHEN NEW.status <> 'requested' OR NEW.requested_by IS NULL
            THEN 'accreditation_begins_requested' END;
    ELSIF (OLD.id, OLD.alliance_id, OLD.provider_id, OLD.categories, OLD.valid_from, OLD.requested_by, OLD.requested_at)
            IS DISTINCT FROM (NEW.id, NEW.alliance_id, NEW.provider_id, NEW.categories, NEW.valid_from,
                NEW.requested_by, NEW.requested_at)
            OR NEW.valid_to IS DISTINCT FROM OLD.valid_to
                AND (OLD.status <> 'approved' OR NEW.valid_to IS NULL OR NEW.valid_to > OLD.valid_to) THEN
        refused := 'accreditation_fixed';
    ELSIF OLD.status <> 'requested' THEN
        refused := CASE WHEN (OLD.status, OLD.membership_id, OLD.decided_by, OLD.decided_at)
            IS DISTINCT FROM (NEW.status, NEW.membership_id, NEW.decided_by, NEW.decided_at)
            THEN 'accreditation_transition' END;
    ELSIF NEW.status = 'approved' THEN
        refused := CASE
            WHEN NEW.decided_by IS NULL
                OR EXISTS (SELECT FROM organisation WHERE id = NEW.provider_id AND created_by = NEW.decided_by)
                OR EXISTS (SELECT FROM role_grant WHERE organisation_id = NEW.provider_id
                    AND user_id = NEW.decided_by AND role IN ('manager', 'staff')
                    AND (until_at IS NULL OR until_at > greatest(from_at, NEW.decided_at)))
                THEN 'accreditation_approver_is_apart'
            WHEN NOT EXISTS (SELECT FROM alliance_membership WHERE id = NEW.membership_id AND role = 'provider'
                    AND alliance_id = NEW.alliance_id AND organisation_id = NEW.provider_id AND ended_on IS NULL)
                THEN 'accreditation_needs_admission'
            WHEN NOT EXISTS (SELECT FROM alliance
                JOIN role_grant ON role_grant.user_id = NEW.decided_by AND role_grant.role = 'coordinator'
                    AND (role_grant.alliance_id = alliance.id
                        OR role_grant.organisation_id = alliance.lead_organisation_id)
                JOIN organisation ON organisation.id = NEW.provider_id
                WHERE alliance.id = NEW.alliance_id AND role_grant.until_at IS NULL
                    AND role_stands(role_grant.id, array_remove(ARRAY[organisation.created_by, NEW.requested_by], NULL)))
                THEN 'accreditation_approver_stands' END;
    END IF;
    IF refused IS NOT NULL THEN
        RAISE EXCEPTION 'an accreditation is asked for, and decided once by another person within an admission'
            USING ERRCODE = '23514', CONSTRAINT = refused;
    END IF;
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION check_accreditation FROM PUBLIC;
CREATE OR REPLACE TRIGGER accreditation_check BEFORE INSERT OR UPDATE ON accreditation
    FOR EACH ROW EXECUTE FUNCTION check_accreditation();

CREATE OR REPLACE TRIGGER accreditation_no_delete BEFORE DELETE ON accreditation
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER accreditation_no_truncate BEFORE TRUNCATE ON accreditation
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
