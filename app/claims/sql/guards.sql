-- A claim goes only the ways of its states, a document gives no more than it has, a file stays with its claim.

CREATE OR REPLACE FUNCTION care.refuse_claim(guard text, message text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', message USING ERRCODE = 'check_violation', CONSTRAINT = guard;
END $$;
REVOKE ALL ON FUNCTION care.refuse_claim FROM PUBLIC;
GRANT EXECUTE ON FUNCTION care.refuse_claim TO beatrice_app;

CREATE OR REPLACE FUNCTION care.claim_begins() RETURNS trigger
LANGUAGE plpgsql SET search_path = care, pg_temp AS $$
BEGIN
    IF NEW.status <> 'submitted' OR NEW.run_id IS NOT NULL OR NEW.appealed_at IS NOT NULL
            OR num_nonnulls(NEW.sealed_question, NEW.sealed_answer) > 0
            OR NOT EXISTS (SELECT FROM beneficiary WHERE id = NEW.beneficiary_id AND user_id = NEW.user_id) THEN
        PERFORM care.refuse_claim('claim_begins_submitted', 'a claim begins as submitted, for somebody of its person');
    END IF;
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION care.claim_begins FROM PUBLIC;
CREATE OR REPLACE TRIGGER claim_begins BEFORE INSERT ON care.claim
    FOR EACH ROW EXECUTE FUNCTION care.claim_begins();

CREATE OR REPLACE FUNCTION care.claim_moves() RETURNS trigger
LANGUAGE plpgsql SET search_path = care, pg_temp AS $$
DECLARE
    way text := OLD.status || '>' || NEW.status;
    may_change text[] := CASE way
        WHEN 'submitted>needs_info' THEN ARRAY['sealed_question']
        WHEN 'needs_info>submitted' THEN ARRAY['sealed_answer']
        WHEN 'submitted>approved' THEN ARRAY['decided_at', 'decided_by', 'sealed_decision']
        WHEN 'submitted>rejected' THEN ARRAY['decided_at', 'decided_by', 'sealed_decision']
        WHEN 'submitted>withdrawn' THEN '{}' WHEN 'needs_info>withdrawn' THEN '{}'
        WHEN 'rejected>submitted' THEN ARRAY['appealed_at', 'sealed_appeal', 'first_decided_by']
        WHEN 'approved>approved' THEN ARRAY['run_id']
        WHEN 'approved>paid' THEN ARRAY['paid_at'] END;
BEGIN
    -- The keys change when everything is sealed anew: then words move, and nothing else.
    IF may_change IS NULL AND NEW.status = OLD.status THEN
        may_change := '{}';
    END IF;
    IF may_change IS NULL THEN
        PERFORM care.refuse_claim('claim_transition', 'a claim does not go this way');
    END IF;
    may_change := may_change || ARRAY['status', 'sealed_details', 'sealed_payee']
        || CASE WHEN NEW.status = OLD.status
            THEN ARRAY['sealed_question', 'sealed_answer', 'sealed_decision', 'sealed_appeal'] ELSE '{}' END;
    IF to_jsonb(NEW) - may_change IS DISTINCT FROM to_jsonb(OLD) - may_change THEN
        PERFORM care.refuse_claim('claim_immutable', 'what was claimed and decided never changes');
    END IF;
    IF way = 'rejected>submitted' AND (OLD.appealed_at IS NOT NULL OR NEW.first_decided_by IS DISTINCT FROM OLD.decided_by)
            THEN
        PERFORM care.refuse_claim('claim_appealed_once', 'a claim is appealed once');
    END IF;
    IF way = 'approved>paid' AND NOT EXISTS (SELECT FROM claim_run WHERE id = NEW.run_id AND status = 'sent')
            OR way = 'approved>approved' AND OLD.run_id IS NOT NULL AND NEW.run_id IS DISTINCT FROM OLD.run_id
                AND (NEW.run_id IS NOT NULL
                    OR NOT EXISTS (SELECT FROM claim_run WHERE id = OLD.run_id AND status = 'cancelled')) THEN
        PERFORM care.refuse_claim('claim_follows_its_run', 'a claim is paid and freed with its run');
    END IF;
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION care.claim_moves FROM PUBLIC;
CREATE OR REPLACE TRIGGER claim_moves BEFORE UPDATE ON care.claim
    FOR EACH ROW EXECUTE FUNCTION care.claim_moves();

-- At the end of the transaction, because document, claim and holds are written one after the other.
CREATE OR REPLACE FUNCTION care.claim_adds_up() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = care, pg_temp AS $$
DECLARE
    of_document uuid := coalesce(to_jsonb(NEW) ->> 'document_id', to_jsonb(NEW) ->> 'id');
BEGIN
    IF EXISTS (SELECT FROM claim_document document WHERE document.id = of_document AND document.claimed_cents <> (
            SELECT coalesce(sum(claim.amount_cents), 0) FROM claim
            WHERE claim.document_id = of_document AND claim.status NOT IN ('rejected', 'withdrawn'))) THEN
        PERFORM care.refuse_claim('claim_document_is_sum', 'what is claimed of a document is the sum of its claims');
    END IF;
    IF TG_TABLE_NAME = 'claim' AND EXISTS (
            SELECT FROM claim CROSS JOIN LATERAL (
                SELECT coalesce(sum(leg.amount_cents), 0) AS cents,
                    count(*) FILTER (WHERE ended.kind IS DISTINCT FROM CASE
                        WHEN claim.status IN ('submitted', 'needs_info') THEN NULL
                        WHEN claim.status IN ('approved', 'paid') THEN 'captured' ELSE 'released' END) AS otherwise
                FROM claim_leg leg LEFT JOIN ledger.hold_end ended ON ended.hold_id = leg.hold_id
                WHERE leg.claim_id = claim.id AND leg.attempt = CASE WHEN claim.appealed_at IS NULL THEN 1 ELSE 2 END
            ) AS legs
            WHERE claim.id = (to_jsonb(NEW) ->> 'id')::uuid
                AND (legs.cents <> claim.amount_cents OR legs.otherwise > 0)) THEN
        PERFORM care.refuse_claim('claim_is_its_holds', 'what a claim asks for is held, paid or freed as its state says');
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION care.claim_adds_up FROM PUBLIC;
DROP TRIGGER IF EXISTS claim_adds_up ON care.claim;
CREATE CONSTRAINT TRIGGER claim_adds_up AFTER INSERT OR UPDATE ON care.claim
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION care.claim_adds_up();
DROP TRIGGER IF EXISTS claim_document_adds_up ON care.claim_document;
CREATE CONSTRAINT TRIGGER claim_document_adds_up AFTER INSERT OR UPDATE ON care.claim_document
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION care.claim_adds_up();

CREATE OR REPLACE FUNCTION care.claim_leg_is_its_hold() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = care, public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (
            SELECT FROM ledger.hold JOIN ledger.account payee ON payee.id = hold.payee_account_id
            JOIN lot_owner owner ON owner.lot_id = hold.account_id
            JOIN claim ON claim.id = NEW.claim_id AND claim.user_id = owner.user_id
            WHERE hold.id = NEW.hold_id AND hold.account_id = NEW.lot_id AND hold.amount_cents = NEW.amount_cents
                AND hold.cause_id = NEW.claim_id AND payee.kind = 'claims_payable') THEN
        PERFORM care.refuse_claim('claim_leg_is_its_hold', 'a leg is a hold on a lot of the claim''s person');
    END IF;
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION care.claim_leg_is_its_hold FROM PUBLIC;
CREATE OR REPLACE TRIGGER claim_leg_is_its_hold BEFORE INSERT ON care.claim_leg
    FOR EACH ROW EXECUTE FUNCTION care.claim_leg_is_its_hold();

CREATE OR REPLACE FUNCTION care.claim_document_stays() RETURNS trigger
LANGUAGE plpgsql SET search_path = care, pg_temp AS $$
BEGIN
    IF (OLD.id, OLD.total_cents, OLD.public_cents, OLD.created_at)
            IS DISTINCT FROM (NEW.id, NEW.total_cents, NEW.public_cents, NEW.created_at) THEN
        PERFORM care.refuse_claim('claim_document_immutable', 'a document says what it said');
    END IF;
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION care.claim_document_stays FROM PUBLIC;
CREATE OR REPLACE TRIGGER claim_document_stays BEFORE UPDATE ON care.claim_document
    FOR EACH ROW EXECUTE FUNCTION care.claim_document_stays();

CREATE OR REPLACE FUNCTION care.claim_file_stays() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = care, pg_temp AS $$
BEGIN
    IF OLD.claim_id IS NOT NULL AND (TG_OP = 'DELETE' OR NEW.claim_id IS DISTINCT FROM OLD.claim_id) THEN
        PERFORM care.refuse_claim('claim_file_stays', 'a file stays with its claim');
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    IF (OLD.id, OLD.user_id, OLD.media_type, OLD.size_bytes, OLD.created_at)
            IS DISTINCT FROM (NEW.id, NEW.user_id, NEW.media_type, NEW.size_bytes, NEW.created_at)
            OR NEW.claim_id IS NOT NULL
                AND NOT EXISTS (SELECT FROM claim WHERE id = NEW.claim_id AND user_id = NEW.user_id) THEN
        PERFORM care.refuse_claim('claim_file_of_its_person', 'a file belongs to a claim of who uploaded it');
    END IF;
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION care.claim_file_stays FROM PUBLIC;
CREATE OR REPLACE TRIGGER claim_file_stays BEFORE UPDATE OR DELETE ON care.claim_file
    FOR EACH ROW EXECUTE FUNCTION care.claim_file_stays();

CREATE OR REPLACE TRIGGER claim_no_delete BEFORE DELETE ON care.claim
    FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
CREATE OR REPLACE TRIGGER claim_no_truncate BEFORE TRUNCATE ON care.claim
    FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();
CREATE OR REPLACE TRIGGER claim_document_no_delete BEFORE DELETE ON care.claim_document
    FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
CREATE OR REPLACE TRIGGER claim_document_no_truncate BEFORE TRUNCATE ON care.claim_document
    FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();
CREATE OR REPLACE TRIGGER claim_leg_append_only BEFORE UPDATE OR DELETE ON care.claim_leg
    FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
CREATE OR REPLACE TRIGGER claim_leg_no_truncate BEFORE TRUNCATE ON care.claim_leg
    FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();
CREATE OR REPLACE TRIGGER claim_file_no_truncate BEFORE TRUNCATE ON care.claim_file
    FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();
