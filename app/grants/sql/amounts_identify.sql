-- Whether the sum of what comes back from a grant could tell who used it. It could where the company chooses amounts or
-- people freely: so each amount goes to many, and is large enough to buy a service. A programme that covers only some
-- rule codes or categories reaches as many, because each of its grants does. Where nothing returns to the company
-- nothing is told.

CREATE OR REPLACE FUNCTION amounts_identify(
    of_source_id uuid, of_employee_ids uuid[], amounts bigint[], on_day date
) RETURNS boolean LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT may_return_to_company(source.expired_credit_to, source.leavers_rule) AND EXISTS (
        SELECT FROM unnest(of_employee_ids, amounts) AS line (employee_id, amount_cents)
        JOIN employee ON employee.id = line.employee_id
        GROUP BY line.amount_cents
        HAVING line.amount_cents < least_line_cents(programme.company_id, on_day)
            OR count(DISTINCT employee.fiscal_code_index) < least_people(programme.company_id, on_day))
    FROM credit_source source JOIN programme ON programme.id = source.id WHERE source.id = of_source_id
$$;

REVOKE ALL ON FUNCTION amounts_identify FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT EXECUTE ON FUNCTION amounts_identify TO beatrice_app, beatrice_hr, beatrice_worker;
