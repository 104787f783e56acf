-- Credit keeps the rules under which it was given. The HR role changes sources of its company's programmes, but reads no
-- lot: so the check has its owner's rights, and is made after the programme's own.

CREATE OR REPLACE FUNCTION check_source() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF (to_jsonb(OLD) - 'name') IS DISTINCT FROM (to_jsonb(NEW) - 'name') AND (
            (OLD.id, OLD.kind, OLD.funded_by_account_id, OLD.returns_to_account_id, OLD.created_at) IS DISTINCT FROM
            (NEW.id, NEW.kind, NEW.funded_by_account_id, NEW.returns_to_account_id, NEW.created_at)
            OR EXISTS (SELECT FROM lot WHERE source_id = OLD.id)) THEN
        PERFORM refuse_credit('credit_source_fixed', 'a source of credit keeps its rules once there is credit');
    END IF;
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION check_source FROM PUBLIC;
CREATE OR REPLACE TRIGGER credit_source_20_check BEFORE UPDATE ON credit_source
    FOR EACH ROW EXECUTE FUNCTION check_source();

-- A programme pays from its company's account and gives back through the account of returns, never straight; no other
-- source touches either. The HR role writes sources but reads no account.
CREATE OR REPLACE FUNCTION check_new_source() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF (CASE NEW.kind WHEN 'programme' THEN NOT EXISTS (SELECT FROM company
            WHERE company.account_id = NEW.funded_by_account_id AND company.returns_account_id = NEW.returns_to_account_id)
        ELSE EXISTS (SELECT FROM company
            WHERE company.account_id IN (NEW.funded_by_account_id, NEW.returns_to_account_id)
            OR company.returns_account_id IN (NEW.funded_by_account_id, NEW.returns_to_account_id)) END) THEN
        PERFORM refuse_credit('credit_source_accounts', 'a programme is funded by its company and returns to its returns');
    END IF;
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION check_new_source FROM PUBLIC;
CREATE OR REPLACE TRIGGER credit_source_20_new BEFORE INSERT ON credit_source
    FOR EACH ROW EXECUTE FUNCTION check_new_source();
