-- Units that no credit can pay any more, because their provider's accreditation or admission ended.

-- name: lapsed_units
-- Only what ended within a week is looked at: whatever ended before was seen to then, and an ended provider's history grows.
SELECT DISTINCT unit.id, unit.booking_id, unit.provider_id, unit.status_at, lapse.lapsed_on
FROM (
    SELECT accreditation.provider_id, least(accreditation.valid_to, admission.ended_on) AS lapsed_on
    FROM accreditation JOIN alliance_membership AS admission ON admission.id = accreditation.membership_id
) AS lapse
JOIN care.unit ON unit.provider_id = lapse.provider_id AND unit.status IN ('requested', 'confirmed')
JOIN care.booking ON booking.id = unit.booking_id
JOIN offering ON offering.id = booking.offering_id
WHERE lapse.lapsed_on <= :today AND lapse.lapsed_on > CAST(:today AS date) - 7
    AND (unit.starts_at AT TIME ZONE 'Europe/Rome')::date >= lapse.lapsed_on
    AND EXISTS (SELECT FROM care.leg WHERE leg.unit_id = unit.id AND leg.source <> 'own_money')
    AND NOT takes_credit(unit.provider_id, offering.category, (unit.starts_at AT TIME ZONE 'Europe/Rome')::date)
ORDER BY unit.booking_id, unit.id LIMIT :limit;
