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
