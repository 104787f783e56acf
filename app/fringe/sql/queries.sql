-- Statements of fringe benefits.

-- name: person_years
SELECT employee.company_id, organisation.name AS company_name, employee.id AS employee_id, holder.id AS holder_id,
    asked.tax_year, stored.limit_cents, coalesce(stored.with_children, false) AS with_children,
    coalesce(stored.held_cents, 0) AS held_cents, coalesce(stored.used_cents, 0) AS used_cents,
    coalesce(stored.external_cents, 0) AS external_cents, stored.tested_at
FROM employee JOIN organisation ON organisation.id = employee.company_id
CROSS JOIN LATERAL (SELECT fringe_holder(employee.company_id, employee.id) AS id) holder
CROSS JOIN LATERAL (
    SELECT unnest(CAST(:years AS integer[])) AS tax_year
    UNION
    SELECT past.tax_year FROM fringe_year past
    WHERE :every AND past.company_id = employee.company_id AND past.employee_id = holder.id
) asked
LEFT JOIN fringe_year stored ON stored.company_id = employee.company_id AND stored.employee_id = holder.id
    AND stored.tax_year = asked.tax_year
WHERE employee.user_id = :user_id
ORDER BY asked.tax_year, employee.company_id, employee.id;

-- name: open_year
-- A year that was tested keeps its limit.
INSERT INTO fringe_year (company_id, employee_id, tax_year, limit_cents, with_children, created_at)
VALUES (:company_id, :holder_id, :tax_year, :limit_cents, :with_children, :created_at)
ON CONFLICT (company_id, employee_id, tax_year) DO UPDATE
    SET limit_cents = excluded.limit_cents, with_children = excluded.with_children
    WHERE fringe_year.tested_at IS NULL AND (fringe_year.limit_cents, fringe_year.with_children)
        IS DISTINCT FROM (excluded.limit_cents, excluded.with_children);

-- name: benefits
SELECT benefit.id, benefit.employee_id, employee.external_id, employee.given_name, employee.family_name,
    benefit.tax_year, benefit.amount_cents, benefit.created_at
FROM fringe_benefit benefit
JOIN employee ON employee.company_id = benefit.company_id AND employee.id = benefit.employee_id
WHERE benefit.company_id = :company_id
    AND (CAST(:employee_id AS uuid) IS NULL OR benefit.employee_id = :employee_id)
    AND (CAST(:tax_year AS integer) IS NULL OR benefit.tax_year = :tax_year);

-- name: untested_since
SELECT min(tax_year) FROM fringe_year WHERE tested_at IS NULL AND tax_year < :this_year;

-- name: untested
SELECT year.company_id, year.employee_id, year.tax_year, (
        SELECT every.user_id FROM employee own
        JOIN employee every ON every.company_id = own.company_id AND every.fiscal_code_index = own.fiscal_code_index
        WHERE own.company_id = year.company_id AND own.id = year.employee_id AND every.user_id IS NOT NULL
        ORDER BY every.id DESC LIMIT 1) AS user_id
FROM fringe_year year
WHERE year.tested_at IS NULL AND year.tax_year < :before
ORDER BY year.tax_year, year.company_id, year.employee_id LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED;

-- name: test
UPDATE fringe_year SET limit_cents = given.limit_cents, with_children = given.with_children,
    tested_at = given.tested_at
FROM unnest(CAST(:companies AS uuid[]), CAST(:employees AS uuid[]), CAST(:years AS integer[]),
    CAST(:limits AS bigint[]), CAST(:with_children AS boolean[]), CAST(:tested_at AS timestamptz[]))
    AS given (company_id, employee_id, tax_year, limit_cents, with_children, tested_at)
WHERE fringe_year.company_id = given.company_id AND fringe_year.employee_id = given.employee_id
    AND fringe_year.tax_year = given.tax_year;

-- name: unreported
SELECT year.company_id, year.employee_id, (
        SELECT every.id FROM employee own
        JOIN employee every ON every.company_id = own.company_id AND every.fiscal_code_index = own.fiscal_code_index
        WHERE own.company_id = year.company_id AND own.id = year.employee_id
        ORDER BY every.hired_on DESC, every.id DESC LIMIT 1) AS payslip_id,
    year.tax_year, year.taxable_cents, year.reported_cents
FROM fringe_year year
WHERE year.taxable_cents <> year.reported_cents
ORDER BY year.tax_year, year.company_id, year.employee_id LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED;

-- name: reported
UPDATE fringe_year SET reported_cents = given.taxable_cents
FROM unnest(CAST(:companies AS uuid[]), CAST(:employees AS uuid[]), CAST(:years AS integer[]),
    CAST(:taxable AS bigint[])) AS given (company_id, employee_id, tax_year, taxable_cents)
WHERE fringe_year.company_id = given.company_id AND fringe_year.employee_id = given.employee_id
    AND fringe_year.tax_year = given.tax_year;

-- name: employee
SELECT id, external_id, given_name, family_name FROM employee WHERE company_id = :company_id AND id = :id;

-- name: verify_years
-- A year's sums are those of what was held, used and posted.
WITH batch AS MATERIALIZED (
    SELECT DISTINCT employee_id AS key FROM fringe_year WHERE employee_id >= :start ORDER BY employee_id LIMIT :size
), judged AS (
    SELECT batch.key, CASE WHEN (stored.held_cents, stored.used_cents) <> (uses.held, uses.used) THEN 'fringe_uses'
            WHEN stored.external_cents <> posted.cents THEN 'fringe_benefits' END AS problem,
        stored.held_cents + stored.used_cents + stored.external_cents AS stored,
        uses.held + uses.used + posted.cents AS recomputed
    FROM batch JOIN fringe_year stored ON stored.employee_id = batch.key
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(held_cents), 0)::bigint AS held, coalesce(sum(used_cents), 0)::bigint AS used
        FROM fringe_use WHERE fringe_use.company_id = stored.company_id AND fringe_use.employee_id = stored.employee_id
            AND fringe_use.tax_year = stored.tax_year
    ) uses
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(amount_cents), 0)::bigint AS cents FROM fringe_benefit benefit
        WHERE benefit.company_id = stored.company_id AND benefit.tax_year = stored.tax_year
            AND fringe_holder(benefit.company_id, benefit.employee_id) = stored.employee_id
    ) posted
), differing AS (
    SELECT * FROM judged WHERE problem IS NOT NULL ORDER BY key LIMIT :limit
)
SELECT (SELECT count(*) FROM batch) AS size, (SELECT key FROM batch ORDER BY key DESC LIMIT 1) AS last,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('table', 'fringe_year', 'id', key, 'problem', problem,
        'stored', stored, 'recomputed', recomputed) ORDER BY key), '[]') FROM differing) AS differences;
