-- A lot's life, said once. `last_day` is a deadline kept as data, so a lot is over before any sweep ran: nothing is paid
-- from it on a day after `usable_until`, which is none once it is revoked or its rest has left. It ends early when the
-- employment's end or a revocation came before its expiry; leaving counts for at most 31 days before it was noted.
-- A lot that was made of a revoked one at the same moment is revoked with it.
-- Where its credit goes is said here too. The fund is that of the alliance which its company joined first, else the
-- platform's. To the company returns only what may: of a programme that never gives back to it, also revoked credit
-- goes to the fund, because there the company chooses amounts freely.

CREATE OR REPLACE FUNCTION may_return_to_company(expired_credit_to text, leavers_rule text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT expired_credit_to = 'company' OR leavers_rule = 'zero_at_leaving'
$$;
REVOKE ALL ON FUNCTION may_return_to_company FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT EXECUTE ON FUNCTION may_return_to_company TO beatrice_app, beatrice_hr, beatrice_worker;

CREATE OR REPLACE VIEW lot_life WITH (security_invoker = true) AS
    SELECT lot.id, lot.source_id, coalesce(lot.user_id, employee.user_id) AS user_id, lot.company_id, lot.employee_id,
        lot.grant_id, lot.kind, lot.grace_of, lot.amount_cents, lot.valid_from, lot.expires_on, final.revoked_at,
        lot.ended_at, final.last_day,
        CASE WHEN lot.ended_at IS NULL AND final.revoked_at IS NULL THEN final.last_day ELSE '-infinity' END
            AS usable_until,
        CASE WHEN final.revoked_at IS NOT NULL THEN true
            WHEN lot.ended_at IS NULL THEN final.last_day < lot.expires_on
            ELSE (lot.ended_at AT TIME ZONE 'Europe/Rome')::date <= lot.expires_on END AS ended_early,
        source.name AS source_name, source.programme_source, source.rule_codes, source.categories,
        source.validity_basis, source.relatives_reading, source.fee_funding, source.expired_credit_to,
        source.leavers_rule, source.funded_by_account_id,
        CASE WHEN source.kind = 'programme' AND NOT may_return_to_company(source.expired_credit_to, source.leavers_rule)
            THEN fund.account_id ELSE source.returns_to_account_id END AS returned_to_account_id,
        CASE WHEN source.expired_credit_to = 'solidarity_fund' AND lot.company_id IS NOT NULL
            THEN fund.account_id ELSE source.returns_to_account_id END AS expired_to_account_id,
        lot.grace_until
    FROM lot
    JOIN credit_source source ON source.id = lot.source_id
    LEFT JOIN employee ON employee.id = lot.employee_id
    LEFT JOIN lot origin ON origin.id = lot.grace_of
    CROSS JOIN LATERAL (
        SELECT coalesce(lot.revoked_at, origin.revoked_at) AS revoked_at,
            least(lot.expires_on, (coalesce(lot.revoked_at, origin.revoked_at) AT TIME ZONE 'Europe/Rome')::date - 1,
            CASE WHEN source.leavers_rule = 'zero_at_leaving' AND employee.ended_on IS NOT NULL THEN greatest(
                employee.ended_on, (employee.ended_noted_at AT TIME ZONE 'Europe/Rome')::date - 31) END) AS last_day
    ) final
    CROSS JOIN LATERAL (
        SELECT coalesce(
            (SELECT alliance.solidarity_account_id FROM alliance_membership member
                JOIN alliance ON alliance.id = member.alliance_id
                WHERE member.organisation_id = lot.company_id AND member.role = 'company' AND member.ended_on IS NULL
                ORDER BY member.joined_on, member.id LIMIT 1),
            (SELECT account.id FROM ledger.account WHERE account.kind = 'solidarity_fund' AND account.owner_id IS NULL)
        ) AS account_id
    ) fund;

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
