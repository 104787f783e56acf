-- A person's year of credit and own money, for the tax return. Days are Rome's: from and to are its midnights.

-- name: moved_in_year
-- What came to a person's lots and left them otherwise than by paying: both ends of what only went from lot to lot cancel.
SELECT moved.reason, sum(moved.amount_cents)::bigint AS amount_cents
FROM lot_owner owner
CROSS JOIN LATERAL (
    SELECT transfer.reason, transfer.amount_cents FROM ledger.transfer
    WHERE transfer.to_account_id = owner.lot_id AND transfer.hold_id IS NULL
        AND (transfer.reverses_id IS NULL OR transfer.reason = 'restored')
        AND transfer.event_at >= :from_at AND transfer.event_at < :to_at
    UNION ALL
    SELECT transfer.reason, -transfer.amount_cents FROM ledger.transfer
    WHERE transfer.from_account_id = owner.lot_id AND transfer.hold_id IS NULL AND transfer.reverses_id IS NULL
        AND transfer.event_at >= :from_at AND transfer.event_at < :to_at
) AS moved
WHERE owner.user_id = :user_id
GROUP BY moved.reason;

-- name: used_in_year
-- What credit paid for units, less what came back, by rule; a fee is no use. A leg names its unit and lot, whichever hold
-- it had in between.
SELECT leg.rule_code, paid.is_fee, sum(paid.amount_cents)::bigint AS amount_cents
FROM lot_owner owner
CROSS JOIN LATERAL (
    SELECT transfer.hold_id, transfer.reason = 'fee' AS is_fee, transfer.amount_cents FROM ledger.transfer
    WHERE transfer.from_account_id = owner.lot_id AND transfer.hold_id IS NOT NULL
        AND transfer.event_at >= :from_at AND transfer.event_at < :to_at
    UNION ALL
    SELECT undone.hold_id, undone.reason = 'fee', -back.amount_cents FROM ledger.transfer back
    JOIN ledger.transfer undone ON undone.id = back.reverses_id AND undone.hold_id IS NOT NULL
    WHERE back.to_account_id = owner.lot_id AND back.event_at >= :from_at AND back.event_at < :to_at
) AS paid
JOIN ledger.hold ON hold.id = paid.hold_id
JOIN care.leg ON leg.unit_id = hold.cause_id AND leg.lot_id = hold.account_id
WHERE owner.user_id = :user_id
GROUP BY leg.rule_code, paid.is_fee
HAVING sum(paid.amount_cents) <> 0
ORDER BY leg.rule_code;

-- name: own_money_in_year
-- What a person owes providers for units of these days, by provider, kind of care and who received it.
SELECT organisation.name AS provider_name, organisation.tax_code AS provider_tax_code, offering.category,
    beneficiary.given_name, beneficiary.family_name, unit.status IN ('no_show', 'cancelled_late') AS is_fee,
    sum(unit.own_money_due_cents)::bigint AS amount_cents
FROM care.booking
JOIN care.unit ON unit.provider_id = booking.provider_id AND unit.booking_id = booking.id
JOIN offering ON offering.provider_id = booking.provider_id AND offering.id = booking.offering_id
JOIN organisation ON organisation.id = booking.provider_id
JOIN care.beneficiary ON beneficiary.id = booking.beneficiary_id
WHERE booking.user_id = :user_id AND unit.starts_at >= :from_at AND unit.starts_at < :to_at
    AND unit.status IN ('delivered', 'completed', 'no_show', 'cancelled_late') AND unit.own_money_due_cents > 0
GROUP BY organisation.id, offering.category, beneficiary.id, unit.status IN ('no_show', 'cancelled_late')
ORDER BY organisation.name, organisation.id, offering.category, beneficiary.given_name, beneficiary.id;
