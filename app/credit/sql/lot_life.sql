-- A lot's life as commands see it: `last_day` is a deadline kept as data, so a lot is over before any sweep ran.

CREATE OR REPLACE VIEW lot_life WITH (security_invoker = true) AS
    SELECT lot.id, lot.company_id, lot.employee_id, employee.user_id, lot.programme_id, lot.grant_id, lot.kind,
        lot.amount_cents, lot.valid_from, lot.expires_on, lot.expired_at,
        CASE WHEN programme.leavers_rule = 'zero_at_leaving' AND employee.ended_on < lot.expires_on
            THEN employee.ended_on ELSE lot.expires_on END AS last_day,
        programme.name AS programme_name, programme.source, programme.rule_codes, programme.categories,
        programme.validity_basis, programme.relatives_reading, programme.fee_funding, programme.expired_credit_to
    FROM lot
    JOIN programme ON programme.id = lot.programme_id
    JOIN employee ON employee.id = lot.employee_id;

REVOKE ALL ON lot_life FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT SELECT ON lot_life TO beatrice_app, beatrice_worker;
