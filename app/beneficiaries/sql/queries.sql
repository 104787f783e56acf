-- Statements about beneficiaries, always of one person.

-- name: beneficiaries
SELECT id, relation, given_name, family_name, sealed_fiscal_code, istat_code, sealed_access_notes, sealed_details, version
FROM care.beneficiary
WHERE user_id = :user_id AND ended_at IS NULL;

-- name: beneficiary
SELECT id, relation, given_name, family_name, sealed_fiscal_code, istat_code, sealed_access_notes, sealed_details, version
FROM care.beneficiary WHERE user_id = :user_id AND id = :id AND ended_at IS NULL;

-- name: lock_beneficiary
SELECT id, relation, given_name, family_name, sealed_fiscal_code, istat_code, sealed_access_notes, sealed_details, version
FROM care.beneficiary WHERE user_id = :user_id AND id = :id AND ended_at IS NULL FOR NO KEY UPDATE;

-- name: ensure_self
INSERT INTO care.beneficiary
    (id, user_id, relation, given_name, family_name, sealed_fiscal_code, sealed_details, created_at)
VALUES (:id, :user_id, 'self', :given_name, :family_name, :sealed_fiscal_code, :sealed_details, :created_at)
ON CONFLICT (user_id) WHERE relation = 'self' DO NOTHING;
