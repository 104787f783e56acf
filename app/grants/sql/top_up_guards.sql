-- A top-up is announced once and resolved once; above what one person may confirm alone, by two.

-- The limit of one person (a setting): for one company within `top_up_period`, so that many small ones are no way round it.
-- Nobody confirms alone what a company got that she entered herself: with its first people she would make credit of nothing.
CREATE OR REPLACE FUNCTION top_up_period() RETURNS interval LANGUAGE sql IMMUTABLE RETURN interval '7 days';

CREATE OR REPLACE FUNCTION top_up_needs_two(
    p_company_id uuid, p_amount_cents bigint, p_at timestamptz, p_by uuid
) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT needs_second_word() AND EXISTS (SELECT FROM organisation WHERE id = p_company_id AND created_by = p_by)
        OR p_amount_cents + coalesce(sum(amount_cents), 0) > (
        SELECT value FROM setting_in_force('top_up_limit_cents', (p_at AT TIME ZONE 'Europe/Rome')::date, p_company_id))
    FROM top_up WHERE company_id = p_company_id AND status = 'confirmed' AND second_confirmed_by IS NULL
        AND resolved_at > p_at - top_up_period()
$$;
REVOKE ALL ON FUNCTION top_up_period, top_up_needs_two FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT EXECUTE ON FUNCTION top_up_period, top_up_needs_two TO beatrice_app, beatrice_worker;

CREATE OR REPLACE FUNCTION check_top_up() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'pending' THEN
            PERFORM refuse_credit('top_up_transition', 'a top-up starts pending');
        END IF;
    ELSIF (OLD.id, OLD.company_id, OLD.amount_cents, OLD.payment_reference, OLD.created_by, OLD.created_at)
            IS DISTINCT FROM
            (NEW.id, NEW.company_id, NEW.amount_cents, NEW.payment_reference, NEW.created_by, NEW.created_at)
            OR OLD.confirmed_by IS NOT NULL
                AND (OLD.confirmed_by, OLD.confirmed_at) IS DISTINCT FROM (NEW.confirmed_by, NEW.confirmed_at) THEN
        PERFORM refuse_credit('top_up_fixed', 'an announced top-up does not change');
    ELSIF OLD.status NOT IN ('pending', 'confirming') OR NEW.status = 'pending'
            OR OLD.status = 'confirming' AND NEW.status = 'confirming' THEN
        PERFORM refuse_credit('top_up_transition', 'a top-up is resolved once');
    ELSIF current_user = 'beatrice_hr' OR NEW.status = 'cancelled' THEN
        IF OLD.status <> 'pending' OR NEW.status <> 'cancelled' THEN
            PERFORM refuse_credit('top_up_transition', 'a company takes back what nobody saw arrive, and no more');
        END IF;
    ELSIF NEW.status = 'confirmed' AND NEW.second_confirmed_by IS NULL
            AND (OLD.status = 'confirming'
                OR top_up_needs_two(NEW.company_id, NEW.amount_cents, NEW.resolved_at, NEW.confirmed_by)) THEN
        PERFORM refuse_credit('top_up_two_people', 'above the limit of one person two confirm');
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER top_up_10_check BEFORE INSERT OR UPDATE ON top_up
    FOR EACH ROW EXECUTE FUNCTION check_top_up();

-- Money comes to a company by a top-up that was confirmed, whole and once, or back from its own returns (check_returns),
-- and leaves it as credit of its people only.
CREATE OR REPLACE FUNCTION check_company_money() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (
            SELECT FROM new_transfer n JOIN company ON company.account_id = n.to_account_id
            LEFT JOIN top_up ON top_up.id = n.cause_id AND top_up.company_id = company.organisation_id
                AND top_up.status = 'confirmed' AND top_up.amount_cents = n.amount_cents
            WHERE n.from_account_id <> company.returns_account_id AND (top_up.id IS NULL OR n.reason <> 'top_up'
                OR n.reverses_id IS NOT NULL OR n.hold_id IS NOT NULL)) THEN
        PERFORM refuse_credit('company_money_by_top_up', 'money comes to a company by a confirmed top-up');
    END IF;
    IF EXISTS (
            SELECT FROM new_transfer n JOIN company ON company.account_id = n.from_account_id
            LEFT JOIN lot ON lot.id = n.to_account_id AND lot.company_id = company.organisation_id
            WHERE lot.id IS NULL) THEN
        PERFORM refuse_credit('company_money_into_lots', 'money leaves a company as credit of its people');
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION check_company_money FROM PUBLIC;
CREATE OR REPLACE TRIGGER transfer_60_company_money AFTER INSERT ON ledger.transfer REFERENCING NEW TABLE AS new_transfer
    FOR EACH STATEMENT EXECUTE FUNCTION check_company_money();
