-- A top-up is announced once and resolved once.

CREATE OR REPLACE FUNCTION check_top_up() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'pending' THEN
            PERFORM refuse_credit('top_up_transition', 'a top-up starts pending');
        END IF;
    ELSIF (OLD.id, OLD.company_id, OLD.amount_cents, OLD.payment_reference, OLD.created_by, OLD.created_at)
            IS DISTINCT FROM
            (NEW.id, NEW.company_id, NEW.amount_cents, NEW.payment_reference, NEW.created_by, NEW.created_at) THEN
        PERFORM refuse_credit('top_up_fixed', 'an announced top-up does not change');
    ELSIF OLD.status <> 'pending' THEN
        PERFORM refuse_credit('top_up_transition', 'a top-up is resolved once');
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER top_up_10_check BEFORE INSERT OR UPDATE ON top_up
    FOR EACH ROW EXECUTE FUNCTION check_top_up();
