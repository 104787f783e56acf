-- The only writers of the sums of a year: credit that is held, used or freed, and what payroll posts. A year's row is
-- locked after accounts and slots, and several in the order of their keys.

-- Of a person's employments at one company the first stands for all: the limit is the person's, not the contract's.
CREATE OR REPLACE FUNCTION fringe_holder(of_company uuid, of_employee uuid) RETURNS uuid LANGUAGE sql STABLE AS $$
    SELECT every.id FROM employee own
    JOIN employee every ON every.company_id = own.company_id AND every.fiscal_code_index = own.fiscal_code_index
    WHERE own.company_id = of_company AND own.id = of_employee ORDER BY every.id LIMIT 1
$$;
REVOKE ALL ON FUNCTION fringe_holder FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT EXECUTE ON FUNCTION fringe_holder TO beatrice_app, beatrice_worker;

-- Sets what things hold and use. Where `refusing`, what makes a year larger must have room: what is booked does, while
-- what became of it (a no-show that was one after all) is a fact. The detail says how much is left.
CREATE OR REPLACE FUNCTION set_fringe_uses(
    ids uuid[], company_ids uuid[], employee_ids uuid[], tax_years integer[], held bigint[], used bigint[],
    refusing boolean, happened_at timestamptz
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    change record;
    left_cents bigint;
BEGIN
    FOR change IN
        WITH given AS (
            SELECT * FROM unnest(ids, company_ids, employee_ids, tax_years, held, used)
                AS row (id, company_id, employee_id, tax_year, held_cents, used_cents)
        )
        SELECT company_id, employee_id, tax_year, sum(held_cents)::bigint AS held_cents,
            sum(used_cents)::bigint AS used_cents
        FROM (
            SELECT company_id, employee_id, tax_year, held_cents, used_cents FROM given
            UNION ALL
            SELECT before.company_id, before.employee_id, before.tax_year, -before.held_cents, -before.used_cents
            FROM fringe_use before WHERE before.id = ANY (ids)
        ) AS moved GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    LOOP
        INSERT INTO fringe_year (company_id, employee_id, tax_year, created_at)
            VALUES (change.company_id, change.employee_id, change.tax_year, happened_at) ON CONFLICT DO NOTHING;
        UPDATE fringe_year SET held_cents = fringe_year.held_cents + change.held_cents,
            used_cents = fringe_year.used_cents + change.used_cents
            WHERE company_id = change.company_id AND employee_id = change.employee_id AND tax_year = change.tax_year
            RETURNING coalesce(limit_cents, 0) - fringe_year.held_cents - fringe_year.used_cents - external_cents
            INTO left_cents;
        IF refusing AND left_cents < 0 AND change.held_cents + change.used_cents > 0 THEN
            RAISE EXCEPTION 'the year has no room for more fringe benefits'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'fringe_year_limit',
                    DETAIL = greatest(0, left_cents + change.held_cents + change.used_cents);
        END IF;
    END LOOP;
    INSERT INTO fringe_use (id, company_id, employee_id, tax_year, held_cents, used_cents)
        SELECT * FROM unnest(ids, company_ids, employee_ids, tax_years, held, used)
        ON CONFLICT (id) DO UPDATE SET company_id = excluded.company_id, employee_id = excluded.employee_id,
            tax_year = excluded.tax_year, held_cents = excluded.held_cents, used_cents = excluded.used_cents;
END $$;
REVOKE ALL ON FUNCTION set_fringe_uses FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;

-- What payroll posts is a fact: it counts whatever the limit says.
CREATE OR REPLACE FUNCTION count_fringe_benefit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    holder uuid := fringe_holder(NEW.company_id, NEW.employee_id);
BEGIN
    INSERT INTO fringe_year (company_id, employee_id, tax_year, external_cents, created_at)
        VALUES (NEW.company_id, holder, NEW.tax_year, 0, NEW.created_at) ON CONFLICT DO NOTHING;
    UPDATE fringe_year SET external_cents = external_cents + NEW.amount_cents
        WHERE company_id = NEW.company_id AND employee_id = holder AND tax_year = NEW.tax_year;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION count_fringe_benefit FROM PUBLIC;
CREATE OR REPLACE TRIGGER fringe_benefit_20_counted AFTER INSERT ON fringe_benefit
    FOR EACH ROW EXECUTE FUNCTION count_fringe_benefit();
CREATE OR REPLACE TRIGGER fringe_benefit_00_fixed BEFORE UPDATE OR DELETE ON fringe_benefit
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
