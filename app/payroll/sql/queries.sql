-- Statements of payroll. None of them reads a line's source.

-- name: record
-- Companies in order: each of them is locked, in share mode, by the trigger that places its lines.
INSERT INTO payroll_line (id, company_id, employee_id, tax_year, kind, rule_code, amount_cents, taxable_cents, source_id,
    sequence, event_on, created_at)
SELECT given.*, :created_at
FROM unnest(CAST(:id AS uuid[]), CAST(:company_id AS uuid[]), CAST(:employee_id AS uuid[]), CAST(:tax_year AS int[]),
    CAST(:kind AS text[]), CAST(:rule_code AS text[]), CAST(:amount_cents AS bigint[]), CAST(:taxable_cents AS bigint[]),
    CAST(:source_id AS uuid[]), CAST(:sequence AS int[]), CAST(:event_on AS date[]))
    AS given (id, company_id, employee_id, tax_year, kind, rule_code, amount_cents, taxable_cents, source_id, sequence,
        event_on)
ORDER BY given.company_id, given.id;

-- name: periods
SELECT period, content_sha256, recorded_count, amount_cents, taxable_cents, closed_at
FROM payroll_period WHERE company_id = :company_id
UNION ALL
SELECT period, NULL, count(*)::integer, sum(amount_cents)::bigint, sum(taxable_cents)::bigint, NULL
FROM payroll_line
WHERE company_id = :company_id AND period > coalesce(
    (SELECT max(closed.period) FROM payroll_period closed WHERE closed.company_id = :company_id), '-infinity')
GROUP BY period;

-- name: lines
-- What a payslip needs and no more: one sum for each person, kind, rule and year, never the events behind it.
SELECT line.employee_id, employee.external_id, employee.given_name, employee.family_name, employee.sealed_fiscal_code,
    employee.ended_on, line.kind, line.rule_code, line.tax_year, line.delta_of, count(*)::integer AS recorded_count,
    sum(line.amount_cents)::bigint AS amount_cents, sum(line.taxable_cents)::bigint AS taxable_cents
FROM payroll_line line
JOIN employee ON employee.company_id = line.company_id AND employee.id = line.employee_id
WHERE line.company_id = :company_id AND line.period = :period
GROUP BY line.employee_id, employee.id, line.kind, line.rule_code, line.tax_year, line.delta_of
ORDER BY employee.family_name, employee.given_name, employee.id, line.kind, line.tax_year, line.rule_code NULLS FIRST,
    line.delta_of NULLS FIRST;

-- name: reimbursed
-- A person's own, across employments: what was reimbursed in a tax year, by rule.
SELECT line.kind, line.rule_code, sum(line.amount_cents)::bigint AS amount_cents
FROM payroll_line line
JOIN employee ON employee.company_id = line.company_id AND employee.id = line.employee_id
WHERE employee.user_id = :user_id AND line.tax_year = :tax_year
    AND line.kind IN ('reimbursement_payslip', 'reimbursement_figurative')
GROUP BY line.kind, line.rule_code
ORDER BY line.kind, line.rule_code NULLS FIRST;

-- name: untold
-- Where one person is both, as HR and as payroll, and the staff has not been told: once for each time it was given.
SELECT known.grant_id, known.company_id, organisation.name AS company_name
FROM (
    SELECT CASE WHEN payroll.reason IS NULL THEN hr.id ELSE payroll.id END AS grant_id, hr.scope_id AS company_id
    FROM role_grant hr
    JOIN role_grant payroll ON payroll.user_id = hr.user_id AND payroll.scope_id = hr.scope_id
        AND payroll.scope_kind = 'organisation' AND payroll.role = 'payroll'
        AND coalesce(payroll.until_at, 'infinity') > :real_now
    WHERE hr.role = 'hr' AND hr.scope_kind = 'organisation' AND coalesce(hr.until_at, 'infinity') > :real_now
) AS known
JOIN organisation ON organisation.id = known.company_id
WHERE NOT EXISTS (SELECT FROM payroll_notice WHERE role_grant_id = known.grant_id)
ORDER BY known.grant_id
LIMIT :limit;

-- name: staff
SELECT DISTINCT user_account.email, user_account.locale
FROM employee JOIN user_account ON user_account.id = employee.user_id
WHERE employee.company_id = :company_id AND (employee.ended_on IS NULL OR employee.ended_on >= :today)
ORDER BY user_account.email;

-- name: access
-- A person's employers, and since when and why one person there is both HR and payroll.
SELECT mine.company_id, organisation.name AS company_name, together.since, together.reason
FROM (SELECT DISTINCT company_id FROM employee
    WHERE user_id = :user_id AND (ended_on IS NULL OR ended_on >= :today)) AS mine
JOIN organisation ON organisation.id = mine.company_id
LEFT JOIN LATERAL (
    SELECT greatest(hr.granted_at, payroll.granted_at) AS since, coalesce(payroll.reason, hr.reason) AS reason
    FROM role_grant hr
    JOIN role_grant payroll ON payroll.user_id = hr.user_id AND payroll.scope_id = hr.scope_id
        AND payroll.scope_kind = 'organisation' AND payroll.role = 'payroll'
        AND coalesce(payroll.until_at, 'infinity') > :real_now
    WHERE hr.role = 'hr' AND hr.scope_kind = 'organisation' AND hr.scope_id = mine.company_id
        AND coalesce(hr.until_at, 'infinity') > :real_now
    ORDER BY since LIMIT 1
) AS together ON true
ORDER BY organisation.name, mine.company_id;
