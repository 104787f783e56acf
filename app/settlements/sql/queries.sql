-- Statements of approval and payment, and a provider's lines.

-- name: locked_run
SELECT cutoff_on, status, content_sha256, created_by FROM settlement_run WHERE id = :run_id FOR NO KEY UPDATE;

-- name: payees
SELECT settlement.id AS settlement_id, settlement.provider_id,
    settlement.year || '/' || settlement.sequence AS number, settlement.payout_cents, settlement.pay_on,
    organisation.name, organisation.iban, organisation.street, organisation.street_number, organisation.postcode,
    organisation.town, organisation.country, provider.payable_account_id, provider.in_transit_account_id
FROM settlement JOIN organisation ON organisation.id = settlement.provider_id
JOIN provider ON provider.organisation_id = settlement.provider_id
WHERE settlement.run_id = :run_id ORDER BY settlement.provider_id;

-- name: new_payouts
INSERT INTO payout (id, run_id, settlement_id, provider_id, end_to_end_id, creditor_name, iban, creditor_street,
    creditor_street_number, creditor_postcode, creditor_town, creditor_country, amount_cents, created_at)
SELECT given.id, :run_id, given.settlement_id, given.provider_id, given.end_to_end_id, given.creditor_name, given.iban,
    given.street, given.number, given.postcode, given.town, given.country, given.amount_cents, :created_at
FROM unnest(CAST(:id AS uuid[]), CAST(:settlement_id AS uuid[]), CAST(:provider_id AS uuid[]),
    CAST(:end_to_end_id AS text[]), CAST(:creditor_name AS text[]), CAST(:iban AS text[]),
    CAST(:creditor_street AS text[]), CAST(:creditor_street_number AS text[]), CAST(:creditor_postcode AS text[]),
    CAST(:creditor_town AS text[]), CAST(:creditor_country AS text[]), CAST(:amount_cents AS bigint[]))
    AS given (id, settlement_id, provider_id, end_to_end_id, creditor_name, iban, street, number, postcode, town,
        country, amount_cents);

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
