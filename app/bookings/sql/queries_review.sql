-- Deciding again what credit may pay, when facts or rules have changed.

-- name: to_review
-- What a person has booked for somebody and is still to come, in the order in which it must be locked.
SELECT id FROM care.booking
WHERE user_id = :user_id AND beneficiary_id = :beneficiary_id AND status IN ('requested', 'confirmed', 'in_progress')
ORDER BY id;

-- name: decided_otherwise
-- Bookings that were last decided with other rules than those in force. Two ranges, so that the index helps.
SELECT id, user_id, provider_id, beneficiary_id FROM care.booking
WHERE status IN ('requested', 'confirmed', 'in_progress') AND (rules_digest < :digest OR rules_digest > :digest)
ORDER BY id LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED;

-- name: any_decided_otherwise
SELECT EXISTS (SELECT FROM care.booking
    WHERE status IN ('requested', 'confirmed', 'in_progress') AND (rules_digest < :digest OR rules_digest > :digest));

-- name: review
-- Flag units, or take the flag from them (no deadline).
WITH reviewed AS (
    UPDATE care.unit SET needs_review = given.review_by IS NOT NULL, review_by = given.review_by
    FROM unnest(CAST(:units AS uuid[]), CAST(:review_bys AS timestamptz[])) AS given (id, review_by)
    WHERE unit.id = given.id AND unit.booking_id = :booking_id
), touched AS (
    UPDATE care.booking SET version = version + 1 WHERE id = :booking_id RETURNING provider_id
)
SELECT record_event(:event_id, 'booking.changed', 'booking', :booking_id, ARRAY[provider_id], :at) FROM touched;

-- name: recode
-- Credit pays still, under another rule.
UPDATE care.leg SET rule_code = given.rule_code
FROM unnest(CAST(:legs AS uuid[]), CAST(:rule_codes AS text[])) AS given (id, rule_code) WHERE leg.id = given.id;

-- name: mark_decided
UPDATE care.booking SET rules_digest = :digest WHERE id = ANY (CAST(:ids AS uuid[])) AND rules_digest <> :digest;

-- name: pay_own_money
WITH paid AS MATERIALIZED (
    SELECT care.pay_with_own_money(CAST(:units AS uuid[]), CAST(:legs AS uuid[])) AS units
), touched AS (
    UPDATE care.booking SET version = version + 1 FROM paid WHERE id = :booking_id AND paid.units > 0
    RETURNING provider_id
)
SELECT record_event(:event_id, 'booking.changed', 'booking', :booking_id, ARRAY[provider_id], :at) FROM touched;

-- name: unresolved
SELECT booking.id, booking.user_id, booking.provider_id, booking.beneficiary_id FROM care.booking WHERE booking.id IN (
    SELECT unit.booking_id FROM care.unit WHERE unit.review_by <= :until ORDER BY unit.review_by, unit.id LIMIT :limit)
ORDER BY booking.id FOR NO KEY UPDATE SKIP LOCKED;
