-- A lot's life, said once. `last_day` is a deadline kept as data, so a lot is over before any sweep ran: nothing is paid
-- from it on a day after `usable_until`, which is none once its rest has left. It ends early when the employment's end or
-- a revocation came before its expiry. Its credit goes back to its source, or to the fund of the alliance that its
-- company joined first.

CREATE OR REPLACE VIEW lot_life WITH (security_invoker = true) AS
    SELECT lot.id, lot.source_id, coalesce(lot.user_id, employee.user_id) AS user_id, lot.company_id, lot.employee_id,
        lot.grant_id, lot.kind, lot.grace_of, lot.amount_cents, lot.valid_from, lot.expires_on, lot.ended_at,
        final.last_day,
        CASE WHEN lot.ended_at IS NULL THEN final.last_day ELSE '-infinity' END AS usable_until,
        CASE WHEN lot.ended_at IS NULL THEN final.last_day < lot.expires_on
            ELSE (lot.ended_at AT TIME ZONE 'Europe/Rome')::date <= lot.expires_on END AS ended_early,
        source.name AS source_name, source.programme_source, source.rule_codes, source.categories,
        source.validity_basis, source.relatives_reading, source.fee_funding, source.expired_credit_to,
        source.funded_by_account_id, source.returns_to_account_id,
        (SELECT alliance.solidarity_account_id FROM alliance_membership member
            JOIN alliance ON alliance.id = member.alliance_id
            WHERE member.organisation_id = lot.company_id AND member.role = 'company' AND member.ended_on IS NULL
            ORDER BY member.joined_on, member.id LIMIT 1) AS solidarity_account_id,
        lot.grace_until
    FROM lot
    JOIN credit_source source ON source.id = lot.source_id
    LEFT JOIN employee ON employee.id = lot.employee_id
    CROSS JOIN LATERAL (
        SELECT CASE WHEN source.leavers_rule = 'zero_at_leaving' AND employee.ended_on < lot.expires_on
            THEN employee.ended_on ELSE lot.expires_on END AS last_day
    ) final;

REVOKE ALL ON lot_life FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT SELECT ON lot_life TO beatrice_app, beatrice_worker;

-- Whose a lot is, for whoever looks from the person: each half is found by its own index.
CREATE OR REPLACE VIEW lot_owner WITH (security_invoker = true) AS
    SELECT lot.id AS lot_id, lot.user_id FROM lot WHERE lot.user_id IS NOT NULL
    UNION ALL
    SELECT lot.id, employee.user_id FROM employee
    JOIN lot ON lot.company_id = employee.company_id AND lot.employee_id = employee.id
    WHERE employee.user_id IS NOT NULL;

REVOKE ALL ON lot_owner FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT SELECT ON lot_owner TO beatrice_app, beatrice_worker;
