-- What a company reads of its own acts: money in and out, what was given to how many, what a programme says of a leaver.
-- Nothing here knows of lots: neither what is left of them nor what was used.

-- name: balance_before
SELECT (SELECT coalesce(sum(amount_cents), 0) FROM top_up
        WHERE company_id = :company_id AND status = 'confirmed' AND resolved_at < :at)::bigint
    - (SELECT coalesce(sum(total_cents), 0) FROM credit_grant
        WHERE company_id = :company_id AND activated_at < :at)::bigint
    + (SELECT coalesce(sum(amount_cents), 0) FROM company_return
        WHERE company_id = :company_id AND midnight_of(returned_on) < :at)::bigint;

-- name: statement
SELECT entry.id, entry.kind, entry.reference, entry.amount_cents, entry.happened_at FROM (
    SELECT id, CAST('top_up' AS text) AS kind, payment_reference AS reference, amount_cents, resolved_at AS happened_at
    FROM top_up WHERE company_id = :company_id AND status = 'confirmed'
    UNION ALL
    SELECT credit_grant.id, 'grant', source.name, -credit_grant.total_cents, credit_grant.activated_at
    FROM credit_grant JOIN credit_source source ON source.id = credit_grant.programme_id
    WHERE credit_grant.company_id = :company_id AND credit_grant.activated_at IS NOT NULL
    UNION ALL
    SELECT id, 'returns', NULL, amount_cents, midnight_of(returned_on) FROM company_return
    WHERE company_id = :company_id
) entry
WHERE entry.happened_at >= :first AND entry.happened_at < :before
ORDER BY entry.happened_at, entry.id;

-- name: programmes_given
-- Those that lived in the period, or gave in it; whom a grant named counts once in a programme, whatever came of it.
SELECT programme.id, source.name, source.programme_source AS source, programme.employee_category,
    programme.lot_expires_on, programme.archived_at, coalesce(given.granted_cents, 0)::bigint AS granted_cents,
    coalesce(given.grant_count, 0)::bigint AS grant_count, coalesce(given.employee_count, 0)::bigint AS employee_count
FROM programme JOIN credit_source source ON source.id = programme.id
LEFT JOIN (
    SELECT credit_grant.programme_id, sum(line.amount_cents) AS granted_cents,
        count(DISTINCT credit_grant.id) AS grant_count, count(DISTINCT line.employee_id) AS employee_count
    FROM credit_grant JOIN grant_line line ON line.company_id = credit_grant.company_id AND line.grant_id = credit_grant.id
    WHERE credit_grant.company_id = :company_id
        AND credit_grant.activated_at >= :first AND credit_grant.activated_at < :before
    GROUP BY credit_grant.programme_id
) given ON given.programme_id = programme.id
WHERE programme.company_id = :company_id AND (given.programme_id IS NOT NULL
    OR programme.created_at < :before AND programme.lot_expires_on >= :first_day)
ORDER BY programme.lot_expires_on, programme.id;

-- name: people_given
SELECT count(DISTINCT line.employee_id) FROM credit_grant
JOIN grant_line line ON line.company_id = credit_grant.company_id AND line.grant_id = credit_grant.id
WHERE credit_grant.company_id = :company_id
    AND credit_grant.activated_at >= :first AND credit_grant.activated_at < :before;

-- name: programmes_of_employee
-- What gave somebody credit that by its dates still lives, less what two people revoked.
SELECT programme.id, source.name, source.leavers_rule, source.expired_credit_to, programme.lot_expires_on
FROM programme JOIN credit_source source ON source.id = programme.id
WHERE programme.company_id = :company_id AND programme.lot_expires_on >= :today AND EXISTS (
    SELECT FROM credit_grant
    JOIN grant_line line ON line.company_id = credit_grant.company_id AND line.grant_id = credit_grant.id
    WHERE credit_grant.company_id = :company_id AND credit_grant.programme_id = programme.id
        AND credit_grant.activated_at IS NOT NULL AND line.employee_id = :employee_id AND NOT EXISTS (
            SELECT FROM grant_revocation revocation
            WHERE revocation.company_id = :company_id AND revocation.grant_id = credit_grant.id
                AND revocation.approved_at IS NOT NULL AND (revocation.whole OR EXISTS (
                    SELECT FROM revoked_line WHERE revocation_id = revocation.id AND employee_id = :employee_id))))
ORDER BY programme.lot_expires_on, programme.id;

-- name: all_lines
SELECT line.employee_id, employee.external_id, employee.given_name, employee.family_name, line.amount_cents
FROM grant_line line JOIN employee ON employee.company_id = line.company_id AND employee.id = line.employee_id
WHERE line.company_id = :company_id AND line.grant_id = :grant_id
ORDER BY employee.family_name, employee.given_name, line.employee_id;

-- name: lines_to_fill
-- Who works in a programme's category today, for a list of sums.
SELECT id AS employee_id, external_id, given_name, family_name, CAST(NULL AS bigint) AS amount_cents FROM employee
WHERE company_id = :company_id AND is_employed(hired_on, ended_on, :today) AND category = :category
ORDER BY family_name, given_name, id;
