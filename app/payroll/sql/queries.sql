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
