-- Statements of approval and payment, and a provider's lines.

-- name: locked_run
SELECT cutoff_on, status, content_sha256, created_by FROM settlement_run WHERE id = :run_id FOR NO KEY UPDATE;

-- name: to_pay
SELECT payout.settlement_id, payout.amount_cents, settlement.pay_on, provider.payable_account_id,
    provider.in_transit_account_id
FROM payout JOIN settlement ON settlement.id = payout.settlement_id
JOIN provider ON provider.organisation_id = payout.provider_id
WHERE payout.run_id = :run_id ORDER BY payout.provider_id;

-- name: payouts
SELECT payout.settlement_id, payout.provider_id, settlement.year || '/' || settlement.sequence AS number,
    payout.end_to_end_id, payout.creditor_name, payout.iban, payout.creditor_street, payout.creditor_street_number,
    payout.creditor_postcode, payout.creditor_town, payout.creditor_country, payout.amount_cents
FROM payout JOIN settlement ON settlement.id = payout.settlement_id
WHERE payout.run_id = :run_id ORDER BY payout.provider_id;

-- name: lines
SELECT unit_id, kind, service_on, gross_cents, fee_cents, fee_vat_cents, subsidy_cents, net_cents
FROM settlement_line WHERE provider_id = :provider_id AND settlement_id = :settlement_id
ORDER BY service_on, unit_id, kind, payable_id;

-- name: fee_bounds
SELECT fee_cap_bps(CAST(:provider_id AS uuid), :valid_from) AS cap_bps, first_fee_day(:now) AS first_day;

-- name: run_settlements
-- Marks say what differs from the provider's last payout that somebody approved: `new` where there was none.
SELECT settlement.id, settlement.provider_id, settlement.year || '/' || settlement.sequence AS number,
    settlement.status, payout.creditor_name AS payee_name, payout.iban, payout.creditor_street AS street,
    payout.creditor_street_number AS street_number, payout.creditor_postcode AS postcode, payout.creditor_town AS town,
    payout.creditor_country AS country, settlement.gross_cents, settlement.fee_cents, settlement.fee_vat_cents,
    payout.amount_cents AS payout_cents, settlement.content_sha256,
    CASE WHEN last.id IS NULL THEN ARRAY['new'] ELSE array_remove(ARRAY[
        CASE WHEN last.creditor_name <> payout.creditor_name THEN 'name' END,
        CASE WHEN last.iban <> payout.iban THEN 'iban' END,
        CASE WHEN (last.creditor_street, last.creditor_street_number, last.creditor_postcode, last.creditor_town,
                last.creditor_country) IS DISTINCT FROM (payout.creditor_street, payout.creditor_street_number,
                payout.creditor_postcode, payout.creditor_town, payout.creditor_country) THEN 'address' END], NULL)
        END AS changed
FROM settlement JOIN payout ON payout.settlement_id = settlement.id
LEFT JOIN LATERAL (
    SELECT earlier.* FROM payout AS earlier
    WHERE earlier.provider_id = settlement.provider_id AND earlier.run_id <> settlement.run_id
        AND earlier.created_at <= payout.created_at AND earlier.status NOT IN ('prepared', 'cancelled')
    ORDER BY earlier.created_at DESC, earlier.id DESC LIMIT 1
) AS last ON true
WHERE settlement.run_id = :run_id AND (CAST(:provider_id AS uuid) IS NULL OR settlement.provider_id = :provider_id)
    AND (CAST(:words AS text) IS NULL OR payout.creditor_name ILIKE :words);

-- name: left_out
SELECT left_out.provider_id, organisation.name AS provider_name, left_out.reason, left_out.due_cents
FROM settlement_left_out AS left_out JOIN organisation ON organisation.id = left_out.provider_id
WHERE left_out.run_id = :run_id AND (CAST(:reasons AS text[]) IS NULL OR left_out.reason = ANY (:reasons));

-- name: fees_of_run
-- What the run took from the providers' accounts.
SELECT transfer.id FROM settlement JOIN ledger.transfer ON transfer.cause_id = settlement.id
WHERE settlement.run_id = :run_id AND transfer.reason IN ('settlement_fee', 'settlement_fee_vat') ORDER BY transfer.id;

-- name: free_payables
-- Their lines are cancelled: they wait for the next run.
UPDATE payable SET settlement_id = NULL
FROM settlement_line AS line JOIN settlement ON settlement.id = line.settlement_id
WHERE settlement.run_id = :run_id AND line.cancelled AND payable.id = line.payable_id
    AND payable.settlement_id = settlement.id;

-- name: cancel_lines
UPDATE settlement_line SET cancelled = true
FROM settlement WHERE settlement.run_id = :run_id AND settlement_line.provider_id = settlement.provider_id
    AND settlement_line.settlement_id = settlement.id;

-- name: operator_name
SELECT name FROM organisation WHERE 'operator' = ANY (kinds);

-- name: more_time
SELECT set_config('statement_timeout', '60s', true);
