-- A fee rule is drafted by one person and approved by another, never beyond the cap, never for days gone by.

-- The most that the platform takes of what a provider is owed, fixed parts and minimum included.
CREATE OR REPLACE FUNCTION fee_cap_bps(of_provider uuid, on_day date) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT value FROM setting_in_force('fee_cap_bps', on_day, of_provider)
$$;

-- The first day that a rule made at this instant may be about: after the day itself, and not settled yet.
CREATE OR REPLACE FUNCTION first_fee_day(p_at timestamptz) RETURNS date LANGUAGE sql STABLE AS $$
    SELECT greatest((p_at AT TIME ZONE 'Europe/Rome')::date, max(cutoff_on)) + 1
    FROM settlement_run WHERE status <> 'cancelled'
$$;
REVOKE ALL ON FUNCTION fee_cap_bps, first_fee_day FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT EXECUTE ON FUNCTION fee_cap_bps, first_fee_day TO beatrice_app, beatrice_worker;

CREATE OR REPLACE FUNCTION check_fee_rule() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    decided text[] := ARRAY['status', 'approved_by', 'approved_at'];
    refused text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        refused := CASE WHEN NEW.status <> 'draft' OR NEW.created_by IS NULL THEN 'fee_rule_begins_draft'
            WHEN NEW.percent_bps > fee_cap_bps(NEW.provider_id, NEW.valid_from) THEN 'fee_rule_capped'
            WHEN NEW.valid_from < first_fee_day(NEW.created_at) THEN 'fee_rule_not_retroactive' END;
    ELSE
        refused := CASE WHEN to_jsonb(NEW) - decided IS DISTINCT FROM to_jsonb(OLD) - decided THEN 'fee_rule_fixed'
            WHEN OLD.status <> 'draft' OR NEW.status <> 'approved' OR NEW.approved_by IS NULL
                THEN 'fee_rule_transition'
            WHEN NEW.valid_from < first_fee_day(NEW.approved_at) THEN 'fee_rule_not_retroactive' END;
    END IF;
    IF refused IS NOT NULL THEN
        RAISE EXCEPTION 'a fee rule is drafted by one and approved by another person, within the cap, for days to come'
            USING ERRCODE = '23514', CONSTRAINT = refused;
    END IF;
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION check_fee_rule FROM PUBLIC;
CREATE OR REPLACE TRIGGER fee_rule_check BEFORE INSERT OR UPDATE ON fee_rule
    FOR EACH ROW EXECUTE FUNCTION check_fee_rule();
