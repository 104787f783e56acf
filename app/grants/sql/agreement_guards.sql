-- What an agreement gives for a year a person gets once, also who was hired again: said once, for whoever asks what is
-- still due and for the guard. A line counts from its approval on and until two people have revoked it.

CREATE OR REPLACE VIEW agreement_line WITH (security_invoker = true) AS
    SELECT programme.company_id, programme.agreement_code, programme.agreement_year, employee.fiscal_code_index,
        line.grant_id, line.employee_id, line.amount_cents
    FROM programme
    JOIN credit_grant ON credit_grant.company_id = programme.company_id AND credit_grant.programme_id = programme.id
    JOIN grant_line line ON line.company_id = credit_grant.company_id AND line.grant_id = credit_grant.id
    JOIN employee ON employee.company_id = line.company_id AND employee.id = line.employee_id
    WHERE programme.agreement_code IS NOT NULL AND credit_grant.status IN ('awaiting_funds', 'active')
        AND NOT EXISTS (SELECT FROM revoked_line revoked
            JOIN grant_revocation asked ON asked.id = revoked.revocation_id AND asked.approved_at IS NOT NULL
            WHERE revoked.grant_id = line.grant_id AND revoked.employee_id = line.employee_id);
REVOKE ALL ON agreement_line FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT SELECT ON agreement_line TO beatrice_app, beatrice_hr, beatrice_worker;

CREATE OR REPLACE FUNCTION check_agreement_once() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    of_programme programme;
BEGIN
    SELECT * INTO of_programme FROM programme WHERE id = NEW.programme_id;
    IF of_programme.agreement_code IS NULL THEN
        RETURN NULL;
    END IF;
    IF EXISTS (SELECT FROM agreement_line WHERE company_id = NEW.company_id
            AND agreement_code = of_programme.agreement_code AND agreement_year = of_programme.agreement_year
            GROUP BY fiscal_code_index HAVING count(*) > 1 AND bool_or(grant_id = NEW.id)) THEN
        PERFORM refuse_credit('credit_grant_agreement_once', 'an agreement gives its credit once a year');
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION check_agreement_once FROM PUBLIC;
CREATE OR REPLACE TRIGGER credit_grant_80_agreement AFTER UPDATE OF status ON credit_grant
    FOR EACH ROW WHEN (OLD.status = 'draft' AND NEW.status IN ('awaiting_funds', 'active'))
    EXECUTE FUNCTION check_agreement_once();
