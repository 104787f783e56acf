-- Statements of claims. A claim is locked before its document, that before lots.

-- name: document
-- Makes the document's row or finds it, and locks it either way.
INSERT INTO care.claim_document AS known (id, fingerprint, sealed_identity, total_cents, public_cents, claimed_cents,
    created_at)
VALUES (:id, :fingerprint, :sealed_identity, :total_cents, :public_cents, 0, :created_at)
ON CONFLICT (fingerprint) DO UPDATE SET claimed_cents = known.claimed_cents
RETURNING known.id, known.total_cents, known.public_cents, known.claimed_cents;

-- name: claim_of_document
UPDATE care.claim_document SET claimed_cents = claimed_cents + :amount_cents WHERE id = :id;

-- name: claim
SELECT claim.id, claim.user_id, claim.document_id, claim.beneficiary_id, claim.category, claim.service_on,
    claim.decision, claim.amount_cents, claim.status, claim.sealed_details, claim.sealed_payee, claim.created_at,
    claim.sealed_question, claim.sealed_answer, claim.decided_at, claim.decided_by, claim.sealed_decision,
    claim.appealed_at, claim.sealed_appeal, claim.first_decided_by, claim.run_id, claim.paid_at,
    document.total_cents, document.public_cents, document.claimed_cents AS document_claimed_cents,
    cared.given_name || ' ' || cared.family_name AS beneficiary_name, cared.relation,
    ARRAY(SELECT file.id FROM care.claim_file file WHERE file.claim_id = claim.id ORDER BY file.id) AS file_ids
FROM care.claim
JOIN care.claim_document document ON document.id = claim.document_id
JOIN care.beneficiary cared ON cared.id = claim.beneficiary_id
WHERE claim.id = :id AND (CAST(:user_id AS uuid) IS NULL OR claim.user_id = :user_id);

-- name: claims
SELECT claim.id, claim.user_id, claim.document_id, claim.beneficiary_id, claim.category, claim.service_on,
    claim.decision, claim.amount_cents, claim.status, claim.sealed_details, claim.sealed_payee, claim.created_at,
    claim.sealed_question, claim.sealed_answer, claim.decided_at, claim.decided_by, claim.sealed_decision,
    claim.appealed_at, claim.sealed_appeal, claim.first_decided_by, claim.run_id, claim.paid_at,
    document.total_cents, document.public_cents, document.claimed_cents AS document_claimed_cents,
    cared.given_name || ' ' || cared.family_name AS beneficiary_name, cared.relation,
    ARRAY(SELECT file.id FROM care.claim_file file WHERE file.claim_id = claim.id ORDER BY file.id) AS file_ids
FROM care.claim
JOIN care.claim_document document ON document.id = claim.document_id
JOIN care.beneficiary cared ON cared.id = claim.beneficiary_id
WHERE (CAST(:user_id AS uuid) IS NULL OR claim.user_id = :user_id)
    AND (CAST(:statuses AS text[]) IS NULL OR claim.status = ANY (:statuses));

-- name: lock
SELECT id, user_id, status, document_id, amount_cents, decided_at, decided_by, appealed_at, first_decided_by, run_id
FROM care.claim WHERE id = :id AND (CAST(:user_id AS uuid) IS NULL OR user_id = :user_id) FOR NO KEY UPDATE;

-- name: person_name
SELECT given_name || ' ' || family_name FROM care.beneficiary WHERE user_id = :user_id AND relation = 'self';

-- name: accounts
SELECT (SELECT id FROM ledger.account WHERE kind = 'claims_payable' AND owner_id IS NULL) AS payable_id,
    (SELECT id FROM ledger.account WHERE kind = 'bank_clearing_company' AND owner_id IS NULL) AS bank_id;

-- name: payable
-- What an approved claim waits for; those that are still decided do not.
SELECT claim.id, claim.amount_cents, claim.sealed_payee FROM care.claim
WHERE claim.status = 'approved' AND claim.run_id IS NULL
ORDER BY claim.id LIMIT :limit FOR NO KEY UPDATE;

-- name: payees_of_run
SELECT claim.id, claim.amount_cents, claim.sealed_payee FROM care.claim WHERE claim.run_id = :run_id ORDER BY claim.id;

-- name: inbox
SELECT email, locale FROM user_account WHERE id = ANY (CAST(:user_ids AS uuid[])) ORDER BY id;

-- name: verify_claims
-- A claim's last attempt holds what it asks for, has paid it, or has freed it, as its state says.
WITH batch AS MATERIALIZED (
    SELECT id AS key, * FROM care.claim WHERE id >= :start ORDER BY id LIMIT :size
), judged AS (
    SELECT key, CASE
            WHEN legs.cents IS DISTINCT FROM batch.amount_cents THEN 'legs'
            WHEN legs.strange > 0 THEN 'payee'
            WHEN batch.status IN ('submitted', 'needs_info') AND legs.ended > 0 THEN 'not_held'
            WHEN batch.status IN ('approved', 'paid') AND legs.captured <> batch.amount_cents THEN 'not_paid_in'
            WHEN batch.status IN ('rejected', 'withdrawn') AND legs.released < legs.count THEN 'not_freed'
            WHEN (batch.status = 'paid') <> (paid.cents IS NOT DISTINCT FROM batch.amount_cents) THEN 'payment'
            END AS problem, batch.amount_cents AS stored, coalesce(legs.captured, 0) AS recomputed
    FROM batch CROSS JOIN LATERAL (
        SELECT count(*) AS count, sum(leg.amount_cents)::bigint AS cents, count(ended.hold_id) AS ended,
            count(*) FILTER (WHERE ended.kind = 'released') AS released,
            coalesce(sum(ended.amount_cents) FILTER (WHERE ended.kind = 'captured'), 0)::bigint AS captured,
            count(*) FILTER (WHERE payee.kind <> 'claims_payable' OR hold.account_id <> leg.lot_id
                OR hold.amount_cents <> leg.amount_cents OR hold.cause_id IS DISTINCT FROM key) AS strange
        FROM care.claim_leg leg JOIN ledger.hold ON hold.id = leg.hold_id
        JOIN ledger.account payee ON payee.id = hold.payee_account_id
        LEFT JOIN ledger.hold_end ended ON ended.hold_id = leg.hold_id
        WHERE leg.claim_id = key AND leg.attempt = CASE WHEN batch.appealed_at IS NULL THEN 1 ELSE 2 END
    ) AS legs LEFT JOIN LATERAL (
        SELECT sum(transfer.amount_cents)::bigint AS cents FROM ledger.transfer
        WHERE transfer.cause_id = key AND transfer.reason = 'claim_paid'
    ) AS paid ON true
), differing AS (
    SELECT * FROM judged WHERE problem IS NOT NULL ORDER BY key LIMIT :limit
)
SELECT (SELECT count(*) FROM batch) AS size, (SELECT key FROM batch ORDER BY key DESC LIMIT 1) AS last,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('table', 'claim', 'id', key, 'problem', problem,
        'stored', stored, 'recomputed', recomputed) ORDER BY key), '[]') FROM differing) AS differences;

-- name: verify_documents
-- What is claimed of a document is what its claims ask for that still stand.
WITH batch AS MATERIALIZED (
    SELECT id AS key, * FROM care.claim_document WHERE id >= :start ORDER BY id LIMIT :size
), judged AS (
    SELECT key, CASE WHEN batch.claimed_cents <> claims.cents THEN 'claimed' END AS problem,
        batch.claimed_cents AS stored, claims.cents AS recomputed
    FROM batch CROSS JOIN LATERAL (
        SELECT coalesce(sum(claim.amount_cents), 0)::bigint AS cents FROM care.claim
        WHERE claim.document_id = key AND claim.status NOT IN ('rejected', 'withdrawn')
    ) AS claims
), differing AS (
    SELECT * FROM judged WHERE problem IS NOT NULL ORDER BY key LIMIT :limit
)
SELECT (SELECT count(*) FROM batch) AS size, (SELECT key FROM batch ORDER BY key DESC LIMIT 1) AS last,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('table', 'claim_document', 'id', key, 'problem', problem,
        'stored', stored, 'recomputed', recomputed) ORDER BY key), '[]') FROM differing) AS differences;
