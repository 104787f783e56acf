-- A grant is drafted by one person and approved by another, is the sum of its lines, and funds all of them.

CREATE OR REPLACE FUNCTION check_grant() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'draft' OR NEW.approved_by IS NOT NULL THEN
            PERFORM refuse_credit('credit_grant_transition', 'a grant starts as a draft');
        END IF;
        IF EXISTS (SELECT FROM programme WHERE id = NEW.programme_id AND archived_at IS NOT NULL) THEN
            PERFORM refuse_credit('credit_grant_of_open_programme', 'a programme that was put away takes no grants');
        END IF;
        RETURN NEW;
    END IF;
    IF (OLD.id, OLD.company_id, OLD.programme_id, OLD.total_cents, OLD.employee_count, OLD.generality_reason,
            OLD.created_by, OLD.created_at) IS DISTINCT FROM
            (NEW.id, NEW.company_id, NEW.programme_id, NEW.total_cents, NEW.employee_count, NEW.generality_reason,
            NEW.created_by, NEW.created_at)
            OR OLD.approved_by IS NOT NULL
                AND (OLD.approved_by, OLD.approved_at) IS DISTINCT FROM (NEW.approved_by, NEW.approved_at)
            OR OLD.activated_at IS NOT NULL AND OLD.activated_at IS DISTINCT FROM NEW.activated_at THEN
        PERFORM refuse_credit('credit_grant_fixed', 'a drafted grant keeps its content, an approval its author');
    END IF;
    IF NEW.approved_by IS NOT NULL AND OLD.approved_by IS NULL AND NEW.approved_by = person_behind(NEW.created_by) THEN
        PERFORM refuse_credit('credit_grant_approver_is_not_maker', 'another person approves');
    END IF;
    IF NEW.status <> OLD.status AND (OLD.status, NEW.status) NOT IN (
            ('draft', 'awaiting_funds'), ('draft', 'active'), ('draft', 'revoked'),
            ('awaiting_funds', 'active'), ('awaiting_funds', 'revoked'), ('active', 'revoked')) THEN
        PERFORM refuse_credit('credit_grant_transition', 'a grant does not move this way');
    END IF;
    IF OLD.status = 'active' AND NEW.status = 'revoked' AND NOT EXISTS (SELECT FROM grant_revocation
            WHERE grant_id = NEW.id AND whole AND approved_at IS NOT NULL) THEN
        PERFORM refuse_credit('credit_grant_revoked_by_two', 'two people revoke an active grant');
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER credit_grant_10_check BEFORE INSERT OR UPDATE ON credit_grant
    FOR EACH ROW EXECUTE FUNCTION check_grant();

CREATE OR REPLACE FUNCTION check_grant_whole() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF (SELECT (count(*), coalesce(sum(amount_cents), 0)) FROM grant_line
            WHERE company_id = NEW.company_id AND grant_id = NEW.id)
            IS DISTINCT FROM (NEW.employee_count::bigint, NEW.total_cents::numeric) THEN
        PERFORM refuse_credit('credit_grant_adds_up', 'a grant is the sum of its lines');
    END IF;
    -- As two sets: line by line it takes the square of the time where nobody has analysed the tables yet.
    IF NEW.status = 'active' AND EXISTS (
            SELECT line.employee_id FROM grant_line line WHERE line.company_id = NEW.company_id AND line.grant_id = NEW.id
            EXCEPT
            SELECT lot.employee_id FROM lot WHERE lot.company_id = NEW.company_id AND lot.grant_id = NEW.id
                AND lot.kind = 'grant' AND EXISTS (SELECT FROM ledger.transfer
                    WHERE transfer.to_account_id = lot.id AND transfer.reason = 'granted')) THEN
        PERFORM refuse_credit('credit_grant_whole', 'an active grant has a funded lot for each line');
    END IF;
    -- When it is drafted and when it is approved: money that arrives later does not ask again.
    IF (TG_OP = 'INSERT' OR OLD.status = 'draft') AND NEW.status <> 'revoked' AND (
            SELECT amounts_identify(NEW.programme_id, array_agg(line.employee_id), array_agg(line.amount_cents),
                (coalesce(NEW.approved_at, NEW.created_at) AT TIME ZONE 'Europe/Rome')::date)
            FROM grant_line line WHERE line.company_id = NEW.company_id AND line.grant_id = NEW.id) THEN
        PERFORM refuse_credit('credit_grant_amounts_identify', 'what comes back from this grant would tell who used it');
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION check_grant_whole FROM PUBLIC;
DROP TRIGGER IF EXISTS credit_grant_90_whole ON credit_grant;
CREATE CONSTRAINT TRIGGER credit_grant_90_whole AFTER INSERT OR UPDATE OF status ON credit_grant
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_grant_whole();

CREATE OR REPLACE FUNCTION check_grant_lines() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM new_line JOIN credit_grant ON credit_grant.id = new_line.grant_id
            WHERE credit_grant.status <> 'draft') THEN
        PERFORM refuse_credit('grant_line_of_draft', 'only a draft takes lines');
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER grant_line_10_check AFTER INSERT ON grant_line REFERENCING NEW TABLE AS new_line
    FOR EACH STATEMENT EXECUTE FUNCTION check_grant_lines();
CREATE OR REPLACE TRIGGER grant_line_00_fixed BEFORE UPDATE OR DELETE ON grant_line
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
