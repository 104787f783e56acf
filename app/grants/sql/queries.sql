-- Statements of the company's side: top-ups, programmes, grants. Those that name :company_id find nothing of others.

-- name: company_money
SELECT account.posted_cents - account.held_cents AS balance_cents,
    put_in.cents - company_returned(:company_id) AS granted_cents, put_in.awaiting_cents
FROM ledger.company_balance(:company_id, false) AS account, (
    SELECT coalesce(sum(total_cents) FILTER (WHERE activated_at IS NOT NULL), 0)::bigint AS cents,
        coalesce(sum(total_cents) FILTER (WHERE status = 'awaiting_funds'), 0)::bigint AS awaiting_cents
    FROM credit_grant WHERE company_id = :company_id
) AS put_in;

-- name: operator_top_ups
SELECT top_up.id, top_up.company_id, organisation.name AS company_name, top_up.status, top_up.amount_cents,
    top_up.payment_reference, top_up.created_at, top_up.resolved_at
FROM top_up JOIN organisation ON organisation.id = top_up.company_id
WHERE top_up.id < :after AND (CAST(:status AS text) IS NULL OR top_up.status = :status)
ORDER BY top_up.id DESC LIMIT :limit;

-- name: lock_top_up
SELECT top_up.id, top_up.company_id, organisation.name AS company_name, top_up.status, top_up.amount_cents,
    top_up.payment_reference, top_up.created_at, top_up.resolved_at
FROM top_up JOIN organisation ON organisation.id = top_up.company_id
WHERE top_up.id = :id FOR NO KEY UPDATE OF top_up;

-- name: resolve_top_up
UPDATE top_up SET status = :status, resolved_by = :by, resolved_at = :at
FROM organisation WHERE top_up.id = :id AND organisation.id = top_up.company_id
RETURNING top_up.id, top_up.company_id, organisation.name AS company_name, top_up.status, top_up.amount_cents,
    top_up.payment_reference, top_up.created_at, top_up.resolved_at;

-- name: bank_clearing
SELECT id FROM ledger.account WHERE kind = 'bank_clearing_company' AND owner_id IS NULL;

-- name: company_reading
SELECT relatives_reading FROM company WHERE organisation_id = :company_id;

-- name: programme_to_grant
SELECT employee_category, rule_codes, lot_expires_on FROM programme
WHERE company_id = :company_id AND id = :id FOR SHARE;

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

-- name: insert_lines
INSERT INTO grant_line (lot_id, grant_id, company_id, employee_id, amount_cents)
SELECT line.lot_id, :grant_id, :company_id, line.employee_id, line.amount_cents
FROM unnest(CAST(:lot_ids AS uuid[]), CAST(:employee_ids AS uuid[]), CAST(:amounts AS bigint[]))
    AS line (lot_id, employee_id, amount_cents);

-- name: grants
SELECT id, company_id, programme_id, status, total_cents, employee_count, generality_reason, created_at, approved_at,
    activated_at, version,
    (SELECT posted_cents - held_cents FROM ledger.company_balance(:company_id, false)) AS available_cents
FROM credit_grant
WHERE company_id = :company_id AND id < :after AND (CAST(:status AS text) IS NULL OR status = :status)
ORDER BY id DESC LIMIT :limit;

-- name: grant
SELECT id, company_id, programme_id, status, total_cents, employee_count, generality_reason, created_at, approved_at,
    activated_at, version,
    (SELECT posted_cents - held_cents FROM ledger.company_balance(:company_id, false)) AS available_cents
FROM credit_grant WHERE company_id = :company_id AND id = :id;

-- name: lock_grant
SELECT id, company_id, programme_id, status, total_cents, employee_count, generality_reason, created_at, approved_at,
    activated_at, version,
    (SELECT posted_cents - held_cents FROM ledger.company_balance(:company_id, false)) AS available_cents,
    created_by, person_behind(created_by) AS maker_id,
    (SELECT lot_expires_on FROM programme WHERE programme.id = credit_grant.programme_id) AS lot_expires_on
FROM credit_grant WHERE company_id = :company_id AND id = :id FOR NO KEY UPDATE;

-- name: waiting_grants
SELECT id, company_id, programme_id, status, total_cents, employee_count, generality_reason, created_at, approved_at,
    activated_at, version,
    (SELECT posted_cents - held_cents FROM ledger.company_balance(:company_id, false)) AS available_cents
FROM credit_grant WHERE company_id = :company_id AND status = 'awaiting_funds'
    AND (SELECT lot_expires_on FROM programme WHERE programme.id = credit_grant.programme_id) >= :today
ORDER BY approved_at, id FOR NO KEY UPDATE;

-- name: move_grant
UPDATE credit_grant SET status = :status, version = version + 1,
    approved_by = coalesce(approved_by, :approved_by), approved_at = coalesce(approved_at, :approved_at),
    activated_at = coalesce(activated_at, :activated_at)
WHERE company_id = :company_id AND id = :id
RETURNING id, company_id, programme_id, status, total_cents, employee_count, generality_reason, created_at, approved_at,
    activated_at, version,
    (SELECT posted_cents - held_cents FROM ledger.company_balance(:company_id, false)) AS available_cents;

-- name: open_lot_accounts
INSERT INTO ledger.account (id, kind, owner_id, created_at)
SELECT lot_id, 'lot', lot_id, :at FROM grant_line
WHERE company_id = :company_id AND grant_id = :grant_id ORDER BY lot_id;

-- name: insert_lots
INSERT INTO lot (id, company_id, employee_id, programme_id, grant_id, amount_cents, valid_from, expires_on, created_at)
SELECT line.lot_id, line.company_id, line.employee_id, programme.id, line.grant_id, line.amount_cents,
    :valid_from, programme.lot_expires_on, :at
FROM grant_line line JOIN programme ON programme.company_id = line.company_id AND programme.id = :programme_id
WHERE line.company_id = :company_id AND line.grant_id = :grant_id ORDER BY line.lot_id;

-- name: fund_lots
INSERT INTO ledger.transfer (id, from_account_id, to_account_id, amount_cents, reason, cause_id, event_at, created_at)
SELECT given.id, company.account_id, line.lot_id, line.amount_cents, 'granted', line.grant_id, :at, :at
FROM (
    SELECT grant_line.*, row_number() OVER (ORDER BY lot_id) AS place FROM grant_line
    WHERE company_id = :company_id AND grant_id = :grant_id
) line
JOIN unnest(CAST(:ids AS uuid[])) WITH ORDINALITY AS given (id, place) ON given.place = line.place
JOIN company ON company.organisation_id = line.company_id;

-- name: return_revoked
SELECT return_revoked_lots(:company_id, :grant_id, CAST(:ids AS uuid[]), :on_day, :at, :at);
