-- An account begins as a request, is decided once by another person, and may be stopped until money goes there. Who brought
-- somebody into an organisation is no other person for what that one asks; nor is who works for it.

CREATE OR REPLACE FUNCTION check_bank_account() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    refused text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        refused := CASE WHEN NEW.status <> 'pending' OR NEW.requested_by IS NULL OR NEW.effective_at < NEW.requested_at
            THEN 'bank_account_begins_pending' END;
    ELSIF (OLD.id, OLD.organisation_id, OLD.iban, OLD.requested_by, OLD.requested_at)
            IS DISTINCT FROM (NEW.id, NEW.organisation_id, NEW.iban, NEW.requested_by, NEW.requested_at)
            OR NEW.effective_at < OLD.effective_at THEN
        refused := 'bank_account_fixed';
    ELSIF NOT (OLD.status = 'pending' AND NEW.status IN ('approved', 'rejected')
            OR OLD.status = 'approved' AND NEW.status = 'rejected' AND NEW.decided_at < OLD.effective_at) THEN
        refused := 'bank_account_transition';
    ELSIF NEW.status = 'approved' AND (NEW.decided_by IS NULL OR EXISTS (
            SELECT FROM organisation WHERE id = NEW.organisation_id AND created_by = NEW.decided_by)) THEN
        refused := 'bank_account_approver_is_not_creator';
    ELSIF NEW.status = 'approved' AND NEW.decided_by <> NEW.requested_by AND EXISTS (
            SELECT FROM role_grant WHERE organisation_id = NEW.organisation_id AND user_id = NEW.decided_by
                AND role IN ('manager', 'staff', 'admin')
                AND (until_at IS NULL OR until_at > greatest(from_at, NEW.decided_at))) THEN
        refused := 'bank_account_approver_is_apart';
    ELSIF NEW.status = 'approved' AND needs_second_word() AND EXISTS (
            SELECT FROM role_grant AS asker CROSS JOIN LATERAL roles_behind(asker.id, '{}') AS behind
            WHERE asker.organisation_id = NEW.organisation_id AND asker.user_id = NEW.requested_by
                AND behind.granted_by = NEW.decided_by) THEN
        refused := 'bank_account_approver_is_apart';
    END IF;
    IF refused IS NOT NULL THEN
        RAISE EXCEPTION 'where money goes is asked for by one person and approved by another'
            USING ERRCODE = '23514', CONSTRAINT = refused;
    END IF;
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION check_bank_account FROM PUBLIC;
CREATE OR REPLACE TRIGGER bank_account_check BEFORE INSERT OR UPDATE ON bank_account
    FOR EACH ROW EXECUTE FUNCTION check_bank_account();

CREATE OR REPLACE TRIGGER bank_account_no_delete BEFORE DELETE ON bank_account
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER bank_account_no_truncate BEFORE TRUNCATE ON bank_account
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
