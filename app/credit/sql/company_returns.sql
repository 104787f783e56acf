-- What comes back to a company tells it nothing: it is collected on an account that HR cannot read and posted as one sum
-- a period, over the credit of many. Only people count who could have used it: whoever had no login left all of it, as
-- the company knows, and nine of those would hide nothing of a tenth. The terms are settings of the company's; Python asks
-- for them here. As their owner, because the role of company routes reads no settings.

CREATE OR REPLACE FUNCTION least_people(of_company uuid, on_day date) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT value FROM setting_in_force('least_people', on_day, of_company)
$$;

CREATE OR REPLACE FUNCTION least_line_cents(of_company uuid, on_day date) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT value FROM setting_in_force('least_line_cents', on_day, of_company)
$$;

CREATE OR REPLACE FUNCTION midnight_of(on_day date) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
    SELECT on_day::timestamp AT TIME ZONE 'Europe/Rome'
$$;

-- The first day of the quarter in which an instant lies.
CREATE OR REPLACE FUNCTION quarter_of(instant timestamptz) RETURNS date LANGUAGE sql IMMUTABLE AS $$
    SELECT date_trunc('quarter', instant AT TIME ZONE 'Europe/Rome')::date
$$;

-- Whether a company's sum may be posted on a day: the first of a quarter, or of a half-year. What was in force on the last
-- day of the period decides, of the number of people too: nothing that is said later changes what was right then.
CREATE OR REPLACE FUNCTION is_returns_day(of_company uuid, on_day date) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT on_day = quarter_of(midnight_of(on_day)) AND (extract(month FROM on_day) IN (1, 7)
        OR (SELECT value FROM setting_in_force('returns_quarters', on_day - 1, of_company)) = 1)
$$;

-- The day on which is posted what came back at an instant; a period's last midnight is still its own.
CREATE OR REPLACE FUNCTION returns_day(of_company uuid, instant timestamptz) RETURNS date
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT CASE WHEN is_returns_day(of_company, next.day) THEN next.day ELSE (next.day + interval '3 months')::date END
    FROM (SELECT CASE WHEN midnight_of(quarter_of(instant)) = instant THEN quarter_of(instant)
        ELSE (quarter_of(instant) + interval '3 months')::date END AS day) AS next
$$;

REVOKE ALL ON FUNCTION least_people, least_line_cents, midnight_of, quarter_of, is_returns_day, returns_day
    FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT EXECUTE ON FUNCTION least_people, least_line_cents, midnight_of, quarter_of, is_returns_day, returns_day
    TO beatrice_app, beatrice_hr, beatrice_worker;

CREATE OR REPLACE FUNCTION check_returns() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    restored bigint;
    given_back bigint;
BEGIN
    IF EXISTS (SELECT FROM new_transfer n JOIN company ON company.returns_account_id = n.to_account_id
            LEFT JOIN lot ON lot.id = n.from_account_id AND lot.company_id = company.organisation_id
            WHERE lot.id IS NULL OR n.hold_id IS NOT NULL OR n.reverses_id IS NOT NULL) THEN
        PERFORM refuse_credit('company_returns_from_lots', 'only credit of its own people comes back to a company');
    END IF;
    INSERT INTO returned_credit (transfer_id, company_id, came_back_at, was_usable)
        SELECT n.id, company.organisation_id, n.event_at, employee.user_id IS NOT NULL
        FROM new_transfer n JOIN company ON company.returns_account_id = n.to_account_id
        JOIN lot ON lot.id = n.from_account_id LEFT JOIN employee ON employee.id = lot.employee_id;
    IF EXISTS (SELECT FROM new_transfer n JOIN company ON company.returns_account_id = n.from_account_id
            WHERE n.reverses_id IS NULL AND NOT EXISTS (SELECT FROM company_return posted
                WHERE posted.id = n.id AND posted.company_id = company.organisation_id
                AND posted.amount_cents = n.amount_cents AND n.to_account_id = company.account_id
                AND n.reason = 'returns' AND n.event_at = midnight_of(posted.returned_on))) THEN
        PERFORM refuse_credit('company_returns_as_one_sum', 'what came back is posted as one sum a period');
    END IF;
    -- Restored is what was not posted, and all of it; the row lock lets only one of posting and restoring happen.
    SELECT count(*) INTO restored FROM new_transfer n
        JOIN company ON company.returns_account_id = n.from_account_id WHERE n.reverses_id IS NOT NULL;
    IF restored > 0 THEN
        DELETE FROM returned_credit part USING new_transfer n, ledger.transfer original
            WHERE part.transfer_id = n.reverses_id AND part.return_id IS NULL
            AND original.id = n.reverses_id AND original.amount_cents = n.amount_cents;
        GET DIAGNOSTICS given_back = ROW_COUNT;
        IF given_back <> restored THEN
            PERFORM refuse_credit('company_returns_restored', 'what was posted to the company does not come back');
        END IF;
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER transfer_50_returns AFTER INSERT ON ledger.transfer REFERENCING NEW TABLE AS new_transfer
    FOR EACH STATEMENT EXECUTE FUNCTION check_returns();

CREATE OR REPLACE FUNCTION refuse_return_of_few(of_return_id uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    found record;
BEGIN
    SELECT posted.amount_cents, posted.returned_on, posted.company_id, sum(transfer.amount_cents) AS parts_cents,
        max(part.came_back_at) AS last_at, bool_and(part.company_id = posted.company_id) AS own,
        count(DISTINCT employee.user_id) FILTER (WHERE part.was_usable) AS people
    INTO found FROM company_return posted
    LEFT JOIN returned_credit part ON part.return_id = posted.id
    LEFT JOIN ledger.transfer ON transfer.id = part.transfer_id
    LEFT JOIN lot ON lot.id = transfer.from_account_id
    LEFT JOIN employee ON employee.id = lot.employee_id
    WHERE posted.id = of_return_id GROUP BY posted.id;
    IF found.amount_cents IS DISTINCT FROM found.parts_cents OR NOT found.own THEN
        PERFORM refuse_credit('company_return_adds_up', 'a return is the sum of what came back');
    END IF;
    IF found.people < least_people(found.company_id, found.returned_on - 1) THEN
        PERFORM refuse_credit('company_return_of_many', 'a return is made of the credit of many people');
    END IF;
    IF NOT is_returns_day(found.company_id, found.returned_on)
            OR found.last_at > midnight_of(found.returned_on) THEN
        PERFORM refuse_credit('company_return_on_its_day', 'what came back is posted on the first day of a period');
    END IF;
END $$;

CREATE OR REPLACE FUNCTION check_company_return() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM refuse_return_of_few(NEW.id);
    RETURN NULL;
END $$;
DROP TRIGGER IF EXISTS company_return_90_whole ON company_return;
CREATE CONSTRAINT TRIGGER company_return_90_whole AFTER INSERT ON company_return DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION check_company_return();
CREATE OR REPLACE TRIGGER company_return_00_fixed BEFORE UPDATE OR DELETE ON company_return
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE FUNCTION check_returned_credit() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF OLD.return_id IS NOT NULL OR TG_OP = 'UPDATE' AND (NEW.return_id IS NULL
            OR (OLD.transfer_id, OLD.company_id, OLD.came_back_at, OLD.was_usable) IS DISTINCT FROM
            (NEW.transfer_id, NEW.company_id, NEW.came_back_at, NEW.was_usable)) THEN
        PERFORM refuse_credit('returned_credit_posted_once', 'what came back is posted once');
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE OR REPLACE TRIGGER returned_credit_10_check BEFORE UPDATE OR DELETE ON returned_credit
    FOR EACH ROW EXECUTE FUNCTION check_returned_credit();

CREATE OR REPLACE FUNCTION check_returned_credits() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM refuse_return_of_few(part.return_id) FROM (SELECT DISTINCT return_id FROM new_part) part;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER returned_credit_20_whole AFTER UPDATE ON returned_credit REFERENCING NEW TABLE AS new_part
    FOR EACH STATEMENT EXECUTE FUNCTION check_returned_credits();

REVOKE ALL ON FUNCTION check_returns, refuse_return_of_few, check_company_return, check_returned_credits
    FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
