-- Statements about employments, always inside one company but for a person's own.

-- name: employments_of
SELECT e.id AS employee_id, e.company_id, o.name AS company_name, c.relatives_reading, e.category, e.hired_on,
    e.ended_on
FROM employee e JOIN company c ON c.organisation_id = e.company_id JOIN organisation o ON o.id = e.company_id
WHERE e.user_id = :user_id ORDER BY e.hired_on, e.id;

-- name: employees
SELECT id, user_id, email, given_name, family_name, sealed_fiscal_code, fiscal_code_index, external_id, category,
    hired_on, ended_on, contract, contract_ends_on, probation_ends_on, unpaid_leave, agreement_code, version
FROM employee
WHERE company_id = :company_id
    AND (CAST(:external_id AS text) IS NULL OR external_id = :external_id)
    AND (CAST(:category AS text) IS NULL OR category = :category)
    AND (CAST(:statuses AS text[]) IS NULL OR CASE WHEN user_id IS NOT NULL THEN 'active'
        WHEN email IS NOT NULL THEN 'invited' ELSE 'not_invited' END = ANY (:statuses))
    AND (CAST(:has_left AS boolean) IS NULL OR (ended_on IS NOT NULL AND ended_on < :today) = :has_left)
    AND (CAST(:words AS text) IS NULL OR given_name || ' ' || family_name || ' ' || given_name ILIKE :words
        OR external_id ILIKE :words OR user_id IS NULL AND email ILIKE :words OR fiscal_code_index = :index)
    -- Of what HR itself changed: nothing else may be told apart by it.
    AND (CAST(:updated_since AS timestamptz) IS NULL OR coalesce(updated_at, created_at) >= :updated_since);

-- name: exported
-- Everybody who works here or has left, as a file is brought in: by name.
SELECT id, user_id, email, given_name, family_name, sealed_fiscal_code, fiscal_code_index, external_id, category,
    hired_on, ended_on, contract, contract_ends_on, probation_ends_on, unpaid_leave, agreement_code, version
FROM employee
WHERE company_id = :company_id AND (:leavers OR ended_on IS NULL OR ended_on >= :today)
ORDER BY family_name, given_name, id;

-- name: employee_categories
SELECT category, count(*) AS employee_count FROM employee
WHERE company_id = :company_id AND hired_on <= :today AND (ended_on IS NULL OR ended_on >= :today)
GROUP BY category;

-- name: lock_to_invite
SELECT id, user_id, email, given_name, family_name, sealed_fiscal_code, fiscal_code_index, external_id, category,
    hired_on, ended_on, contract, contract_ends_on, probation_ends_on, unpaid_leave, agreement_code, version
FROM employee WHERE company_id = :company_id AND id = ANY (CAST(:ids AS uuid[])) ORDER BY id FOR NO KEY UPDATE;

-- name: employee
SELECT id, user_id, email, given_name, family_name, sealed_fiscal_code, fiscal_code_index, external_id, category,
    hired_on, ended_on, contract, contract_ends_on, probation_ends_on, unpaid_leave, agreement_code, version
FROM employee WHERE company_id = :company_id AND id = :id;

-- name: lock_employee
SELECT id, user_id, email, given_name, family_name, sealed_fiscal_code, fiscal_code_index, external_id, category,
    hired_on, ended_on, contract, contract_ends_on, probation_ends_on, unpaid_leave, agreement_code, version
FROM employee WHERE company_id = :company_id AND id = :id FOR NO KEY UPDATE;

-- name: lock_matching
-- Every employment that a file could mean or collide with.
SELECT id, user_id, email, given_name, family_name, sealed_fiscal_code, fiscal_code_index, external_id, category,
    hired_on, ended_on, contract, contract_ends_on, probation_ends_on, unpaid_leave, agreement_code, version
FROM employee
WHERE company_id = :company_id
    AND (fiscal_code_index = ANY (CAST(:indexes AS bytea[]))
        OR ended_on IS NULL AND external_id = ANY (CAST(:external_ids AS text[])))
ORDER BY id FOR NO KEY UPDATE;

-- name: insert_employees
INSERT INTO employee (company_id, created_at, ended_noted_at, id, email, given_name, family_name, sealed_fiscal_code,
    fiscal_code_index, external_id, category, hired_on, ended_on, contract, contract_ends_on, probation_ends_on,
    unpaid_leave, agreement_code)
SELECT :company_id, CAST(:created_at AS timestamptz),
    CASE WHEN given.ended_on IS NOT NULL THEN CAST(:created_at AS timestamptz) END,
    given.*
FROM unnest(CAST(:id AS uuid[]), CAST(:email AS text[]), CAST(:given_name AS text[]), CAST(:family_name AS text[]),
    CAST(:sealed_fiscal_code AS bytea[]), CAST(:fiscal_code_index AS bytea[]), CAST(:external_id AS text[]),
    CAST(:category AS text[]), CAST(:hired_on AS date[]), CAST(:ended_on AS date[]), CAST(:contract AS text[]),
    CAST(:contract_ends_on AS date[]), CAST(:probation_ends_on AS date[]), CAST(:unpaid_leave AS jsonb[]),
    CAST(:agreement_code AS text[]))
    AS given (id, email, given_name, family_name, sealed_fiscal_code, fiscal_code_index, external_id, category,
        hired_on, ended_on, contract, contract_ends_on, probation_ends_on, unpaid_leave, agreement_code);

-- name: update_employees
-- When an end was noted or taken back counts for credit that ends with the employment.
UPDATE employee SET version = employee.version + 1, email = given.email, given_name = given.given_name,
    family_name = given.family_name, sealed_fiscal_code = given.sealed_fiscal_code,
    fiscal_code_index = given.fiscal_code_index, external_id = given.external_id, category = given.category,
    hired_on = given.hired_on, ended_on = given.ended_on, contract = given.contract,
    contract_ends_on = given.contract_ends_on, probation_ends_on = given.probation_ends_on,
    unpaid_leave = given.unpaid_leave, agreement_code = given.agreement_code,
    updated_at = :noted_at, ended_noted_at = CASE WHEN given.ended_on IS DISTINCT FROM employee.ended_on THEN :noted_at
        ELSE employee.ended_noted_at END
FROM unnest(CAST(:id AS uuid[]), CAST(:email AS text[]), CAST(:given_name AS text[]), CAST(:family_name AS text[]),
    CAST(:sealed_fiscal_code AS bytea[]), CAST(:fiscal_code_index AS bytea[]), CAST(:external_id AS text[]),
    CAST(:category AS text[]), CAST(:hired_on AS date[]), CAST(:ended_on AS date[]), CAST(:contract AS text[]),
    CAST(:contract_ends_on AS date[]), CAST(:probation_ends_on AS date[]), CAST(:unpaid_leave AS jsonb[]),
    CAST(:agreement_code AS text[]))
    AS given (id, email, given_name, family_name, sealed_fiscal_code, fiscal_code_index, external_id, category,
        hired_on, ended_on, contract, contract_ends_on, probation_ends_on, unpaid_leave, agreement_code)
WHERE employee.company_id = :company_id AND employee.id = given.id;

-- name: lock_invitations
SELECT id FROM invitation
WHERE organisation_id = :company_id AND ended_at IS NULL
    AND CASE WHEN CAST(:employee_id AS uuid) IS NULL THEN employee_id IS NOT NULL ELSE employee_id = :employee_id END
ORDER BY id FOR NO KEY UPDATE;

-- name: lock_imports
-- One import of a company at a time, so that two equal files do not both create.
SELECT pg_advisory_xact_lock(hashtextextended('employee_import ' || CAST(:company_id AS text), 0));

-- name: lock_to_link
SELECT company_id, user_id, given_name, family_name, sealed_fiscal_code, fiscal_code_index
FROM employee WHERE id = :id FOR NO KEY UPDATE;
