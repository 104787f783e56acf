-- A run of payments to people: what was closed is what is approved, by another person, and sent.

CREATE OR REPLACE FUNCTION care.claim_run_moves() RETURNS trigger
LANGUAGE plpgsql SET search_path = care, pg_temp AS $$
DECLARE
    may_change text[] := CASE OLD.status || '>' || NEW.status
        WHEN 'closed>approved' THEN ARRAY['approved_by', 'approved_at', 'debtor_name', 'debtor_iban', 'execution_on',
            'payment_file_sha256']
        WHEN 'closed>cancelled' THEN ARRAY['cancelled_by', 'cancelled_at']
        WHEN 'approved>sent' THEN ARRAY['sent_at'] END;
BEGIN
    IF may_change IS NULL THEN
        PERFORM care.refuse_claim('claim_run_transition', 'a run of payments does not go this way');
    END IF;
    may_change := may_change || ARRAY['status'];
    IF to_jsonb(NEW) - may_change IS DISTINCT FROM to_jsonb(OLD) - may_change THEN
        PERFORM care.refuse_claim('claim_run_immutable', 'a run pays what it was closed with');
    END IF;
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION care.claim_run_moves FROM PUBLIC;
CREATE OR REPLACE TRIGGER claim_run_moves BEFORE UPDATE ON care.claim_run
    FOR EACH ROW EXECUTE FUNCTION care.claim_run_moves();

-- At the end of the transaction: a run has its claims for as long as it stands, and pays all of them at once.
CREATE OR REPLACE FUNCTION care.claim_run_adds_up() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = care, pg_temp AS $$
DECLARE
    of_run uuid := coalesce(to_jsonb(NEW) ->> 'run_id', to_jsonb(NEW) ->> 'id');
BEGIN
    IF EXISTS (
            SELECT FROM claim_run run CROSS JOIN LATERAL (
                SELECT count(*) AS count, coalesce(sum(amount_cents), 0) AS cents,
                    count(*) FILTER (WHERE status <> CASE WHEN run.status = 'sent' THEN 'paid' ELSE 'approved' END)
                        AS otherwise
                FROM claim WHERE claim.run_id = run.id
            ) AS claims
            WHERE run.id = of_run AND (
                claims.count <> CASE WHEN run.status = 'cancelled' THEN 0 ELSE run.claim_count END
                OR claims.cents <> CASE WHEN run.status = 'cancelled' THEN 0 ELSE run.total_cents END
                OR claims.otherwise > 0)) THEN
        PERFORM care.refuse_claim('claim_run_is_sum', 'a run is the sum of its claims');
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION care.claim_run_adds_up FROM PUBLIC;
DROP TRIGGER IF EXISTS claim_run_adds_up ON care.claim_run;
CREATE CONSTRAINT TRIGGER claim_run_adds_up AFTER INSERT OR UPDATE ON care.claim_run
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION care.claim_run_adds_up();
DROP TRIGGER IF EXISTS claim_of_run_adds_up ON care.claim;
CREATE CONSTRAINT TRIGGER claim_of_run_adds_up AFTER UPDATE ON care.claim
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.run_id IS NOT NULL)
    EXECUTE FUNCTION care.claim_run_adds_up();

CREATE OR REPLACE TRIGGER claim_run_no_delete BEFORE DELETE ON care.claim_run
    FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
CREATE OR REPLACE TRIGGER claim_run_no_truncate BEFORE TRUNCATE ON care.claim_run
    FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();
