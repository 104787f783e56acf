-- A line has the month of its event, or the first open one after it; a closed month gets no line and never changes.

-- Who records holds the company's months open (in share mode), who closes one waits for nobody: it is refused meanwhile.
CREATE OR REPLACE FUNCTION payroll_months(of_company uuid) RETURNS bigint
LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
    SELECT hashtextextended('payroll ' || of_company, 0)
$$;
REVOKE ALL ON FUNCTION payroll_months FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;

CREATE OR REPLACE FUNCTION place_payroll_line() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    own CONSTANT date := NEW.event_on - (extract(day FROM NEW.event_on)::integer - 1);
    last_closed date;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(payroll_months(NEW.company_id));
    SELECT max(period) INTO last_closed FROM payroll_period WHERE company_id = NEW.company_id;
    NEW.period := greatest(own, (last_closed + interval '1 month')::date);
    NEW.delta_of := nullif(own, NEW.period);
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION place_payroll_line FROM PUBLIC;
CREATE OR REPLACE TRIGGER payroll_line_place BEFORE INSERT ON payroll_line
    FOR EACH ROW EXECUTE FUNCTION place_payroll_line();
CREATE OR REPLACE TRIGGER payroll_line_append_only BEFORE UPDATE OR DELETE ON payroll_line
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER payroll_line_no_truncate BEFORE TRUNCATE ON payroll_line
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE FUNCTION close_payroll_period() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    found record;
    last_closed date;
BEGIN
    IF NOT pg_try_advisory_xact_lock(payroll_months(NEW.company_id)) THEN
        RAISE EXCEPTION 'lines are being recorded' USING ERRCODE = '55P03';
    END IF;
    SELECT max(period) INTO last_closed FROM payroll_period WHERE company_id = NEW.company_id;
    IF NEW.period <= last_closed OR EXISTS (
        SELECT FROM payroll_line WHERE company_id = NEW.company_id AND period < NEW.period
            AND period > coalesce(last_closed, '-infinity')) THEN
        RAISE EXCEPTION 'periods are closed in their order'
            USING ERRCODE = '23514', CONSTRAINT = 'payroll_period_in_order';
    END IF;
    IF NEW.period > (NEW.closed_at AT TIME ZONE 'Europe/Rome')::date THEN
        RAISE EXCEPTION 'a period is not closed before it begins'
            USING ERRCODE = '23514', CONSTRAINT = 'payroll_period_has_begun';
    END IF;
    SELECT count(*) AS recorded, coalesce(sum(amount_cents), 0) AS amount, coalesce(sum(taxable_cents), 0) AS taxable
    INTO found FROM payroll_line WHERE company_id = NEW.company_id AND period = NEW.period;
    IF (NEW.recorded_count, NEW.amount_cents, NEW.taxable_cents) <> (found.recorded, found.amount, found.taxable) THEN
        RAISE EXCEPTION 'a period is closed with all its lines'
            USING ERRCODE = '23514', CONSTRAINT = 'payroll_period_whole';
    END IF;
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION close_payroll_period FROM PUBLIC;
CREATE OR REPLACE TRIGGER payroll_period_close BEFORE INSERT ON payroll_period
    FOR EACH ROW EXECUTE FUNCTION close_payroll_period();
-- Only other keys of the server seal the content anew.
CREATE OR REPLACE TRIGGER payroll_period_no_change BEFORE UPDATE ON payroll_period FOR EACH ROW
    WHEN (to_jsonb(OLD) - 'sealed_content' IS DISTINCT FROM to_jsonb(NEW) - 'sealed_content')
    EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER payroll_period_no_delete BEFORE DELETE ON payroll_period
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER payroll_period_no_truncate BEFORE TRUNCATE ON payroll_period
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
