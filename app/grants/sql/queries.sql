-- Statements of the company's side: top-ups, programmes, grants. Those that name :company_id find nothing of others.

-- name: company_money
SELECT account.posted_cents - account.held_cents AS balance_cents,
    put_in.cents - posted_back.cents AS granted_cents, put_in.awaiting_cents,
    returns_day(:company_id, :now) AS next_returns_on
FROM ledger.company_balance(:company_id, false) AS account, (
    SELECT coalesce(sum(total_cents) FILTER (WHERE activated_at IS NOT NULL), 0)::bigint AS cents,
        coalesce(sum(total_cents) FILTER (WHERE status = 'awaiting_funds'), 0)::bigint AS awaiting_cents
    FROM credit_grant WHERE company_id = :company_id
) AS put_in, (
    SELECT coalesce(sum(amount_cents), 0)::bigint AS cents FROM company_return WHERE company_id = :company_id
) AS posted_back;

-- name: company_entries
-- The company's own movements, each named by what it is: no transfer, no lot.
SELECT entry.id, entry.kind, entry.amount_cents, entry.happened_at FROM (
    SELECT id, CAST('top_up' AS text) AS kind, amount_cents, resolved_at AS happened_at FROM top_up
    WHERE company_id = :company_id AND status = 'confirmed'
    UNION ALL
    SELECT id, 'grant', -total_cents, activated_at FROM credit_grant
    WHERE company_id = :company_id AND activated_at IS NOT NULL
    UNION ALL
    SELECT id, 'returns', amount_cents, midnight_of(returned_on) FROM company_return
    WHERE company_id = :company_id
) entry
WHERE (CAST(:kinds AS text[]) IS NULL OR entry.kind = ANY (:kinds))
    AND (CAST(:happened_from AS timestamptz) IS NULL OR entry.happened_at >= :happened_from)
    AND (CAST(:happened_before AS timestamptz) IS NULL OR entry.happened_at < :happened_before);

-- name: operator_top_ups
SELECT top_up.id, top_up.company_id, organisation.name AS company_name, top_up.status, top_up.amount_cents,
    top_up.payment_reference, top_up.created_at, top_up.resolved_at, top_up.confirmed_by, top_up.second_confirmed_by
FROM top_up JOIN organisation ON organisation.id = top_up.company_id
WHERE (CAST(:statuses AS text[]) IS NULL OR top_up.status = ANY (:statuses))
    AND (CAST(:company_id AS uuid) IS NULL OR top_up.company_id = :company_id)
    AND (CAST(:payment_reference AS text) IS NULL OR top_up.payment_reference = :payment_reference)
    AND (CAST(:announced_from AS timestamptz) IS NULL OR top_up.created_at >= :announced_from)
    AND (CAST(:announced_before AS timestamptz) IS NULL OR top_up.created_at < :announced_before);

-- name: payee_name
SELECT name FROM operator_name() AS name WHERE name IS NOT NULL;

-- name: lock_top_up
SELECT top_up.id, top_up.company_id, organisation.name AS company_name, top_up.status, top_up.amount_cents,
    top_up.payment_reference, top_up.created_at, top_up.resolved_at, top_up.confirmed_by, top_up.second_confirmed_by
FROM top_up JOIN organisation ON organisation.id = top_up.company_id
WHERE top_up.id = :id FOR NO KEY UPDATE OF top_up;

-- name: top_up_needs_two
SELECT top_up_needs_two(:company_id, :amount_cents, :at, :by);

-- name: confirm_top_up_first
UPDATE top_up SET status = 'confirming', confirmed_by = :by, confirmed_at = :at
FROM organisation WHERE top_up.id = :id AND organisation.id = top_up.company_id
RETURNING top_up.id, top_up.company_id, organisation.name AS company_name, top_up.status, top_up.amount_cents,
    top_up.payment_reference, top_up.created_at, top_up.resolved_at, top_up.confirmed_by, top_up.second_confirmed_by;

-- name: confirm_top_up
-- By one person, or by the second one where another has confirmed before.
UPDATE top_up SET status = 'confirmed', resolved_by = :by, resolved_at = :at,
    confirmed_by = coalesce(top_up.confirmed_by, :by), confirmed_at = coalesce(top_up.confirmed_at, :at),
    second_confirmed_by = CASE WHEN top_up.status = 'confirming' THEN CAST(:by AS uuid) END
FROM organisation WHERE top_up.id = :id AND organisation.id = top_up.company_id
RETURNING top_up.id, top_up.company_id, organisation.name AS company_name, top_up.status, top_up.amount_cents,
    top_up.payment_reference, top_up.created_at, top_up.resolved_at, top_up.confirmed_by, top_up.second_confirmed_by;

-- name: return_top_up
UPDATE top_up SET status = 'returned', resolved_by = :by, resolved_at = :at
FROM organisation WHERE top_up.id = :id AND organisation.id = top_up.company_id
RETURNING top_up.id, top_up.company_id, organisation.name AS company_name, top_up.status, top_up.amount_cents,
    top_up.payment_reference, top_up.created_at, top_up.resolved_at, top_up.confirmed_by, top_up.second_confirmed_by;

-- name: lock_own_top_up
SELECT status FROM top_up WHERE company_id = :company_id AND id = :id FOR NO KEY UPDATE;

-- name: bank_clearing
SELECT id FROM ledger.account WHERE kind = 'bank_clearing_company' AND owner_id IS NULL;

-- name: company_terms
SELECT relatives_reading, account_id, returns_account_id FROM company WHERE organisation_id = :company_id;

-- name: programmes
SELECT programme.id, programme.company_id, source.name, source.programme_source AS source, programme.basis,
    programme.basis_reference, programme.employee_category, source.rule_codes, source.categories,
    programme.lot_expires_on, source.validity_basis, source.expired_credit_to, source.leavers_rule, source.fee_funding,
    source.relatives_reading, programme.created_at, programme.version,
    programme.external_id, programme.metadata, programme.archived_at, programme.agreement_code,
    programme.agreement_year, programme.due_by
FROM programme JOIN credit_source source ON source.id = programme.id
WHERE programme.company_id = :company_id AND (CAST(:words AS text) IS NULL OR source.name ILIKE :words)
    AND (CAST(:archived AS boolean) IS NULL OR (programme.archived_at IS NOT NULL) = :archived)
    AND (CAST(:external_id AS text) IS NULL OR programme.external_id = :external_id);

-- name: programme
SELECT programme.id, programme.company_id, source.name, source.programme_source AS source, programme.basis,
    programme.basis_reference, programme.employee_category, source.rule_codes, source.categories,
    programme.lot_expires_on, source.validity_basis, source.expired_credit_to, source.leavers_rule, source.fee_funding,
    source.relatives_reading, programme.created_at, programme.version,
    programme.external_id, programme.metadata, programme.archived_at, programme.agreement_code,
    programme.agreement_year, programme.due_by
FROM programme JOIN credit_source source ON source.id = programme.id
WHERE programme.company_id = :company_id AND programme.id = :id;

-- name: lock_programme
-- Against grants that would use it and against other changes.
SELECT programme.id, programme.company_id, source.name, source.programme_source AS source, programme.basis,
    programme.basis_reference, programme.employee_category, source.rule_codes, source.categories,
    programme.lot_expires_on, source.validity_basis, source.expired_credit_to, source.leavers_rule, source.fee_funding,
    source.relatives_reading, programme.created_at, programme.version,
    programme.external_id, programme.metadata, programme.archived_at, programme.agreement_code,
    programme.agreement_year, programme.due_by
FROM programme JOIN credit_source source ON source.id = programme.id
WHERE programme.company_id = :company_id AND programme.id = :id FOR NO KEY UPDATE OF programme;

-- name: programme_to_grant
SELECT source.name, programme.employee_category, source.rule_codes, programme.lot_expires_on, programme.archived_at,
    programme.agreement_code, programme.agreement_year
FROM programme JOIN credit_source source ON source.id = programme.id
WHERE programme.company_id = :company_id AND programme.id = :id FOR SHARE OF programme;

-- name: employed_in_category
SELECT id FROM employee
WHERE company_id = :company_id AND is_employed(hired_on, ended_on, :today)
    AND category = :category
ORDER BY id;

-- name: category_sizes
SELECT count(*) FILTER (WHERE category = :category) AS in_category, count(*) AS in_company FROM employee
WHERE company_id = :company_id AND is_employed(hired_on, ended_on, :today);

-- name: employees
SELECT id, category, ended_on FROM employee WHERE company_id = :company_id AND id = ANY (CAST(:ids AS uuid[]));

-- name: employee_keys
SELECT id, external_id, fiscal_code_index FROM employee
WHERE company_id = :company_id AND (ended_on IS NULL OR ended_on >= :today)
    AND (external_id = ANY (CAST(:external_ids AS text[])) OR fiscal_code_index = ANY (CAST(:indexes AS bytea[])))
ORDER BY ended_on, id;

-- name: lines
SELECT line.employee_id, employee.external_id, employee.given_name, employee.family_name, line.amount_cents
FROM grant_line line JOIN employee ON employee.company_id = line.company_id AND employee.id = line.employee_id
WHERE line.company_id = :company_id AND line.grant_id = :grant_id
    AND (CAST(:employee_id AS uuid) IS NULL OR line.employee_id = :employee_id);

-- name: insert_lines
INSERT INTO grant_line (grant_id, company_id, employee_id, amount_cents)
SELECT :grant_id, :company_id, line.employee_id, line.amount_cents
FROM unnest(CAST(:employee_ids AS uuid[]), CAST(:amounts AS bigint[])) AS line (employee_id, amount_cents);

-- name: amounts_identify
SELECT amounts_identify(:programme_id, CAST(:employee_ids AS uuid[]), CAST(:amounts AS bigint[]), :on);

-- name: lines_identify
SELECT amounts_identify(:programme_id, array_agg(employee_id), array_agg(amount_cents), :on)
FROM grant_line WHERE company_id = :company_id AND grant_id = :grant_id;

-- name: grants
SELECT id, company_id, programme_id, status, total_cents, employee_count, generality_reason, generality_note, created_at, approved_at,
    activated_at, version, external_id, metadata,
    (SELECT name FROM credit_source WHERE credit_source.id = programme_id) AS programme_name,
    (SELECT posted_cents - held_cents FROM ledger.company_balance(:company_id, false)) AS available_cents
FROM credit_grant
WHERE company_id = :company_id AND (CAST(:statuses AS text[]) IS NULL OR status = ANY (:statuses))
    AND (CAST(:programme_id AS uuid) IS NULL OR programme_id = :programme_id)
    AND (CAST(:external_id AS text) IS NULL OR external_id = :external_id)
    AND (CAST(:drafted_from AS timestamptz) IS NULL OR created_at >= :drafted_from)
    AND (CAST(:drafted_before AS timestamptz) IS NULL OR created_at < :drafted_before);

-- name: grant
SELECT id, company_id, programme_id, status, total_cents, employee_count, generality_reason, generality_note, created_at, approved_at,
    activated_at, version, external_id, metadata,
    (SELECT name FROM credit_source WHERE credit_source.id = programme_id) AS programme_name,
    (SELECT posted_cents - held_cents FROM ledger.company_balance(:company_id, false)) AS available_cents
FROM credit_grant WHERE company_id = :company_id AND id = :id;

-- name: lock_grant
SELECT id, company_id, programme_id, status, total_cents, employee_count, generality_reason, generality_note, created_at, approved_at,
    activated_at, version, external_id, metadata,
    (SELECT name FROM credit_source WHERE credit_source.id = programme_id) AS programme_name,
    (SELECT posted_cents - held_cents FROM ledger.company_balance(:company_id, false)) AS available_cents,
    created_by, person_behind(created_by) AS maker_id,
    (SELECT lot_expires_on FROM programme WHERE programme.id = credit_grant.programme_id) AS lot_expires_on
FROM credit_grant WHERE company_id = :company_id AND id = :id FOR NO KEY UPDATE;

-- name: waiting_grants
SELECT id, company_id, programme_id, status, total_cents, employee_count, generality_reason, generality_note, created_at, approved_at,
    activated_at, version, external_id, metadata,
    (SELECT name FROM credit_source WHERE credit_source.id = programme_id) AS programme_name,
    (SELECT posted_cents - held_cents FROM ledger.company_balance(:company_id, false)) AS available_cents
FROM credit_grant WHERE company_id = :company_id AND status = 'awaiting_funds'
    AND (SELECT lot_expires_on FROM programme WHERE programme.id = credit_grant.programme_id) >= :today
ORDER BY approved_at, id FOR NO KEY UPDATE;

-- name: move_grant
UPDATE credit_grant SET status = :status, version = version + 1,
    approved_by = coalesce(approved_by, :approved_by), approved_at = coalesce(approved_at, :approved_at)
WHERE company_id = :company_id AND id = :id
RETURNING id, company_id, programme_id, status, total_cents, employee_count, generality_reason, generality_note, created_at, approved_at,
    activated_at, version, external_id, metadata,
    (SELECT name FROM credit_source WHERE credit_source.id = programme_id) AS programme_name,
    (SELECT posted_cents - held_cents FROM ledger.company_balance(:company_id, false)) AS available_cents;

-- name: activate_grant
-- With the grant come its lines, for the lots that are made of them, and what its source says of those.
UPDATE credit_grant SET status = 'active', version = version + 1, activated_at = :at,
    approved_by = coalesce(approved_by, :approved_by), approved_at = coalesce(approved_at, :approved_at)
WHERE company_id = :company_id AND id = :id
RETURNING id, company_id, programme_id, status, total_cents, employee_count, generality_reason, generality_note, created_at, approved_at,
    activated_at, version, external_id, metadata,
    (SELECT name FROM credit_source WHERE credit_source.id = programme_id) AS programme_name,
    (SELECT posted_cents - held_cents FROM ledger.company_balance(:company_id, false)) AS available_cents,
    ARRAY(SELECT line.employee_id FROM grant_line line
        WHERE line.company_id = :company_id AND line.grant_id = :id ORDER BY line.employee_id) AS employee_ids,
    ARRAY(SELECT line.amount_cents FROM grant_line line
        WHERE line.company_id = :company_id AND line.grant_id = :id ORDER BY line.employee_id) AS amounts,
    (SELECT source.funded_by_account_id FROM credit_source source WHERE source.id = programme_id) AS funded_by_account_id,
    (SELECT programme.lot_expires_on FROM programme WHERE programme.id = programme_id) AS lot_expires_on;

-- name: open_revocation
SELECT id, whole, asked_by, person_behind(asked_by) AS asker_id,
    ARRAY(SELECT employee_id FROM revoked_line WHERE revocation_id = grant_revocation.id ORDER BY employee_id)
        AS employee_ids
FROM grant_revocation
WHERE company_id = :company_id AND grant_id = :grant_id AND approved_at IS NULL AND withdrawn_at IS NULL
FOR NO KEY UPDATE;

-- name: revocations
SELECT id, whole, reason, asked_at, withdrawn_at, approved_at,
    ARRAY(SELECT employee_id FROM revoked_line WHERE revocation_id = grant_revocation.id ORDER BY employee_id)
        AS employee_ids
FROM grant_revocation
WHERE company_id = :company_id AND grant_id = :grant_id;

-- name: insert_revoked_lines
INSERT INTO revoked_line (revocation_id, grant_id, employee_id)
SELECT :revocation_id, line.grant_id, line.employee_id FROM grant_line line
WHERE line.company_id = :company_id AND line.grant_id = :grant_id
    AND line.employee_id = ANY (CAST(:employee_ids AS uuid[]));

-- name: approve_revocation
UPDATE grant_revocation SET approved_by = :approved_by, approved_at = :at WHERE id = :id;

-- name: withdraw_revocation
UPDATE grant_revocation SET withdrawn_at = :at WHERE id = :id;
