-- Statements of bookings. A booking is locked before its accounts, accounts before slots; each kind by id.

-- name: quote_to_book
SELECT quote.units, quote.expires_at,
    beneficiary.version = quote.beneficiary_version AND beneficiary.ended_at IS NULL AS facts_unchanged,
    offering.status AS offering_status, quote.vat_code, quote.confirmation, quote.response_hours,
    bookable_from(:now, quote.min_notice_hours) AS bookable_from, quote.free_until_hours, quote.late_fee_bps,
    quote.no_show_fee_bps,
    provider.earned_account_id,
    (SELECT booked.status FROM care.booking booked WHERE booked.quote_id = quote.id) AS booked_status,
    coalesce((SELECT jsonb_object_agg(lot.id, source.fee_funding)
        FROM lot JOIN credit_source source ON source.id = lot.source_id
        WHERE lot.id IN (SELECT CAST(leg ->> 'source_id' AS uuid)
            FROM jsonb_array_elements(quote.units) AS quoted, jsonb_array_elements(quoted -> 'legs') AS leg
            WHERE leg ->> 'source' <> 'own_money')), '{}') AS fee_funding
FROM care.quote
JOIN care.beneficiary ON beneficiary.id = quote.beneficiary_id
JOIN offering ON offering.id = quote.offering_id
JOIN provider ON provider.organisation_id = quote.provider_id
WHERE quote.id = :quote_id AND quote.user_id = :user_id
FOR SHARE OF beneficiary; -- whoever changes facts waits, and finds the booking that rested on the old ones

-- name: book
-- One statement takes the seats and writes everything: when seats are refused the caller rolls back.
WITH new_booking AS (
    INSERT INTO care.booking (id, quote_id, user_id, provider_id, offering_id, beneficiary_id, status,
        free_until_hours, late_fee_bps, no_show_fee_bps, confirm_by, sealed_note, created_at, external_id,
        sealed_metadata, rules_digest)
    SELECT :booking_id, id, user_id, provider_id, offering_id, beneficiary_id, :status,
        :free_until_hours, :late_fee_bps, :no_show_fee_bps, :confirm_by, :sealed_note, :now, :external_id,
        :sealed_metadata, :rules_digest
    FROM care.quote WHERE id = :quote_id
    RETURNING *
), given AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(CAST(:units AS jsonb)) AS unit (id uuid, index int, slot_id uuid, status text,
        starts_at timestamptz, ends_at timestamptz, price_cents bigint, fee_funding text, own_money_due_cents bigint,
        legs jsonb)
), new_units AS (
    INSERT INTO care.unit (id, booking_id, provider_id, index, slot_id, status, status_at, starts_at, ends_at,
        price_cents, vat_code, fee_funding, own_money_due_cents)
    SELECT given.id, booking.id, booking.provider_id, given.index, given.slot_id, given.status, :now, given.starts_at,
        given.ends_at, given.price_cents, :vat_code, given.fee_funding, given.own_money_due_cents
    FROM new_booking booking, given
    RETURNING id
), new_legs AS (
    INSERT INTO care.leg (id, unit_id, source, lot_id, hold_id, amount_cents, rule_code)
    SELECT leg.id, new_units.id, leg.source, leg.lot_id, leg.hold_id, leg.amount_cents, leg.rule_code
    FROM new_units JOIN given ON given.id = new_units.id, jsonb_to_recordset(given.legs) AS leg (id uuid, source text,
        lot_id uuid, hold_id uuid, amount_cents bigint, rule_code text)
), new_event AS (
    SELECT record_event(:event_id, :event_type, 'booking', id, ARRAY[provider_id], :now) AS id FROM new_booking
)
SELECT booking.id, booking.user_id, booking.provider_id, booking.offering_id, booking.beneficiary_id,
    booking.free_until_hours, booking.late_fee_bps, booking.no_show_fee_bps, booking.confirm_by, booking.sealed_note,
    booking.sealed_end_reason, booking.created_at, booking.external_id, booking.sealed_metadata,
    offering.name AS offering_name, offering.category, organisation.name AS provider_name,
    provider.phone AS provider_phone, provider.earned_account_id, provider.payable_account_id,
    take_seats(CAST(:taking_ids AS uuid[]), 'unit', CAST(:unit_ids AS uuid[]), CAST(:slot_ids AS uuid[]),
        CAST(:seats AS integer[]), :bookable_from, NULL, :now) AS refused
FROM new_booking booking
CROSS JOIN new_event -- a function in a CTE is called only if its row is wanted
JOIN offering ON offering.id = booking.offering_id
JOIN provider ON provider.organisation_id = booking.provider_id
JOIN organisation ON organisation.id = booking.provider_id;

-- name: booking
SELECT booking.id, booking.user_id, booking.provider_id, booking.offering_id, booking.beneficiary_id,
    booking.free_until_hours, booking.late_fee_bps, booking.no_show_fee_bps, booking.confirm_by, booking.sealed_note,
    booking.sealed_end_reason, booking.created_at, booking.external_id, booking.sealed_metadata,
    offering.name AS offering_name, offering.category, organisation.name AS provider_name,
    provider.phone AS provider_phone, provider.earned_account_id, provider.payable_account_id
FROM care.booking
JOIN offering ON offering.id = booking.offering_id
JOIN provider ON provider.organisation_id = booking.provider_id
JOIN organisation ON organisation.id = booking.provider_id
WHERE booking.id = :id AND (booking.user_id = :user_id OR booking.provider_id = :provider_id);

-- name: booking_locked
-- The lock serialises all commands on a booking.
SELECT booking.id, booking.user_id, booking.provider_id, booking.offering_id, booking.beneficiary_id,
    booking.free_until_hours, booking.late_fee_bps, booking.no_show_fee_bps, booking.confirm_by, booking.sealed_note,
    booking.sealed_end_reason, booking.created_at, booking.external_id, booking.sealed_metadata,
    offering.name AS offering_name, offering.category, organisation.name AS provider_name,
    provider.phone AS provider_phone, provider.earned_account_id, provider.payable_account_id
FROM care.booking
JOIN offering ON offering.id = booking.offering_id
JOIN provider ON provider.organisation_id = booking.provider_id
JOIN organisation ON organisation.id = booking.provider_id
WHERE booking.id = :id AND (booking.user_id = :user_id OR booking.provider_id = :provider_id)
FOR NO KEY UPDATE OF booking;

-- name: person_bookings
-- A list filters by the state after deadlines (states.sql). Only four stored states can have become another
-- one: the rest needs no look at the units.
SELECT booking.id, booking.user_id, booking.provider_id, booking.offering_id, booking.beneficiary_id,
    booking.free_until_hours, booking.late_fee_bps, booking.no_show_fee_bps, booking.confirm_by, booking.sealed_note,
    booking.sealed_end_reason, booking.created_at, booking.external_id, booking.sealed_metadata,
    offering.name AS offering_name, offering.category, organisation.name AS provider_name,
    provider.phone AS provider_phone, provider.earned_account_id, provider.payable_account_id
FROM care.booking
JOIN offering ON offering.id = booking.offering_id
JOIN provider ON provider.organisation_id = booking.provider_id
JOIN organisation ON organisation.id = booking.provider_id
WHERE booking.user_id = :user_id
    AND (CAST(:needs_review AS boolean) IS NULL OR CAST(:needs_review AS boolean) = EXISTS (SELECT FROM care.unit
        WHERE unit.provider_id = booking.provider_id AND unit.booking_id = booking.id AND unit.needs_review))
    AND (CAST(:statuses AS text[]) IS NULL OR CASE
        WHEN booking.status IN ('confirmed', 'in_progress', 'delivered')
            OR (booking.status = 'requested' AND booking.confirm_by <= :now) THEN (
            SELECT care.booking_status(array_agg(care.unit_status_at(
                unit.status, unit.ends_at, booking.confirm_by, unit.complete_at, unit.disputed OR unit.needs_review,
                :now)))
            FROM care.unit WHERE unit.provider_id = booking.provider_id AND unit.booking_id = booking.id)
        ELSE booking.status END = ANY (:statuses))
    AND (CAST(:external_id AS text) IS NULL OR booking.external_id = :external_id)
    AND (CAST(:beneficiary_id AS uuid) IS NULL OR booking.beneficiary_id = :beneficiary_id)
    AND (CAST(:offering_id AS uuid) IS NULL OR booking.offering_id = :offering_id)
    AND (CAST(:starts_from AS timestamptz) IS NULL AND CAST(:starts_before AS timestamptz) IS NULL
        OR EXISTS (SELECT FROM care.unit
            WHERE unit.provider_id = booking.provider_id AND unit.booking_id = booking.id
                AND unit.starts_at >= coalesce(:starts_from, '-infinity')
                AND unit.starts_at < coalesce(:starts_before, 'infinity')))
    AND (CAST(:updated_since AS timestamptz) IS NULL OR booking.created_at >= :updated_since
        OR EXISTS (SELECT FROM care.unit WHERE unit.provider_id = booking.provider_id AND unit.booking_id = booking.id
            AND unit.status_at >= :updated_since));

-- name: provider_bookings
SELECT booking.id, booking.user_id, booking.provider_id, booking.offering_id, booking.beneficiary_id,
    booking.free_until_hours, booking.late_fee_bps, booking.no_show_fee_bps, booking.confirm_by, booking.sealed_note,
    booking.sealed_end_reason, booking.created_at, booking.external_id, booking.sealed_metadata,
    offering.name AS offering_name, offering.category, organisation.name AS provider_name,
    provider.phone AS provider_phone, provider.earned_account_id, provider.payable_account_id
FROM care.booking
JOIN offering ON offering.id = booking.offering_id
JOIN provider ON provider.organisation_id = booking.provider_id
JOIN organisation ON organisation.id = booking.provider_id
WHERE booking.provider_id = :provider_id
    AND (CAST(:statuses AS text[]) IS NULL OR CASE
        WHEN booking.status IN ('confirmed', 'in_progress', 'delivered')
            OR (booking.status = 'requested' AND booking.confirm_by <= :now) THEN (
            SELECT care.booking_status(array_agg(care.unit_status_at(
                unit.status, unit.ends_at, booking.confirm_by, unit.complete_at, unit.disputed OR unit.needs_review,
                :now)))
            FROM care.unit WHERE unit.provider_id = booking.provider_id AND unit.booking_id = booking.id)
        ELSE booking.status END = ANY (:statuses))
    AND (CAST(:offering_id AS uuid) IS NULL OR booking.offering_id = :offering_id)
    AND (CAST(:starts_from AS timestamptz) IS NULL AND CAST(:starts_before AS timestamptz) IS NULL
        OR EXISTS (SELECT FROM care.unit
            WHERE unit.provider_id = booking.provider_id AND unit.booking_id = booking.id
                AND unit.starts_at >= coalesce(:starts_from, '-infinity')
                AND unit.starts_at < coalesce(:starts_before, 'infinity')))
    AND (CAST(:updated_since AS timestamptz) IS NULL OR booking.created_at >= :updated_since
        OR EXISTS (SELECT FROM care.unit WHERE unit.provider_id = booking.provider_id AND unit.booking_id = booking.id
            AND unit.status_at >= :updated_since));

-- name: visits
-- Units of a period with their bookings; only what has not ended in some way can have become something else meanwhile.
SELECT booking.id, booking.user_id, booking.provider_id, booking.offering_id, booking.beneficiary_id,
    booking.free_until_hours, booking.late_fee_bps, booking.no_show_fee_bps, booking.confirm_by, booking.sealed_note,
    booking.sealed_end_reason, booking.created_at, booking.external_id, booking.sealed_metadata,
    offering.name AS offering_name, offering.category, organisation.name AS provider_name,
    provider.phone AS provider_phone, provider.earned_account_id, provider.payable_account_id, unit.id AS unit_id, unit.starts_at, site.name AS site_name
FROM care.unit
JOIN care.booking ON booking.provider_id = unit.provider_id AND booking.id = unit.booking_id
JOIN offering ON offering.id = booking.offering_id
JOIN provider ON provider.organisation_id = booking.provider_id
JOIN organisation ON organisation.id = booking.provider_id
LEFT JOIN site ON site.id = offering.site_id
WHERE unit.provider_id = :provider_id AND unit.starts_at >= :starts_from AND unit.starts_at < :starts_before
    AND (CAST(:offering_id AS uuid) IS NULL OR booking.offering_id = :offering_id)
    AND (CAST(:statuses AS text[]) IS NULL OR care.unit_status_at(unit.status, unit.ends_at, booking.confirm_by,
        unit.complete_at, unit.disputed OR unit.needs_review, :now) = ANY (:statuses));

-- name: bookings_of_units
SELECT id AS unit_id, booking_id FROM care.unit
WHERE provider_id = :provider_id AND id = ANY (CAST(:unit_ids AS uuid[])) ORDER BY booking_id, id;

-- name: paid_for
SELECT unit.id AS unit_id, unit.booking_id, unit.starts_at, offering.name AS offering_name,
    organisation.name AS provider_name
FROM care.unit
JOIN care.booking ON booking.provider_id = unit.provider_id AND booking.id = unit.booking_id
JOIN offering ON offering.id = booking.offering_id
JOIN organisation ON organisation.id = booking.provider_id
WHERE unit.id = ANY (CAST(:unit_ids AS uuid[])) AND booking.user_id = :user_id;

-- name: units
SELECT unit.id, unit.booking_id, unit.index, unit.slot_id, unit.status, unit.starts_at, unit.ends_at, unit.price_cents,
    unit.vat_code, unit.fee_funding, unit.fee_cents, unit.fee_source, unit.own_money_due_cents, unit.disputed,
    unit.needs_review, unit.review_by, unit.complete_at, unit.completed_at, unit.dispute_decided_at, unit.refunded_cents,
    coalesce((SELECT jsonb_agg(jsonb_build_object('id', leg.id, 'source', leg.source, 'lot_id', leg.lot_id,
            'hold_id', leg.hold_id, 'amount_cents', leg.amount_cents, 'rule_code', leg.rule_code) ORDER BY leg.id)
        FROM care.leg WHERE leg.unit_id = unit.id), '[]') AS legs
FROM care.unit WHERE unit.booking_id = ANY (CAST(:booking_ids AS uuid[])) ORDER BY unit.booking_id, unit.index;

-- name: move
WITH moved AS (
    UPDATE care.unit SET status = given.status, status_at = given.at, fee_cents = given.fee_cents,
        fee_source = given.fee_source, own_money_due_cents = given.own_money_due_cents,
        delivered_at = given.delivered_at, complete_at = given.complete_at, completed_at = given.completed_at,
        needs_review = unit.needs_review AND given.status NOT IN ('cancelled', 'declined', 'expired'),
        review_by = CASE WHEN given.status NOT IN ('cancelled', 'declined', 'expired') THEN unit.review_by END
    FROM jsonb_to_recordset(CAST(:moves AS jsonb)) AS given (unit_id uuid, status text, at timestamptz,
        fee_cents bigint, fee_source text, own_money_due_cents bigint, delivered_at timestamptz, complete_at timestamptz,
        completed_at timestamptz)
    WHERE unit.id = given.unit_id AND unit.booking_id = :booking_id
), recomputed AS (
    UPDATE care.booking SET status = :status, version = version + 1,
        sealed_end_reason = coalesce(:sealed_end_reason, sealed_end_reason)
    WHERE id = :booking_id RETURNING provider_id
)
SELECT record_event(:event_id, :event_type, 'booking', :booking_id, ARRAY[provider_id], :at) FROM recomputed;

-- name: owe_fee
-- A fee from credit has been contested long enough: its state stays, what was earned is owed.
UPDATE care.unit SET complete_at = NULL, completed_at = given.at
FROM unnest(CAST(:units AS uuid[]), CAST(:ats AS timestamptz[])) AS given (id, at) WHERE unit.id = given.id;

-- name: freeze
WITH frozen AS (
    UPDATE care.unit SET disputed = true WHERE booking_id = :booking_id AND id = ANY (CAST(:units AS uuid[]))
), touched AS (
    UPDATE care.booking SET version = version + 1 WHERE id = :booking_id RETURNING provider_id
)
SELECT record_event(:event_id, 'booking.disputed', 'booking', :booking_id, ARRAY[provider_id], :at) FROM touched;

-- name: thaw
-- What was decided of a dispute: the units move again, once and for all.
WITH thawed AS (
    UPDATE care.unit SET disputed = false, dispute_decided_at = :at, refunded_cents = given.refunded_cents,
        own_money_due_cents = given.own_money_due_cents
    FROM unnest(CAST(:units AS uuid[]), CAST(:refunds AS bigint[]), CAST(:own_money AS bigint[]))
        AS given (id, refunded_cents, own_money_due_cents)
    WHERE unit.id = given.id AND unit.booking_id = :booking_id
), touched AS (
    UPDATE care.booking SET version = version + 1 WHERE id = :booking_id RETURNING provider_id
)
SELECT record_event(:event_id, 'booking.dispute_decided', 'booking', :booking_id, ARRAY[provider_id], :at)
FROM touched;

-- name: replace_holds
-- Fresh holds take the place of captured or released ones.
UPDATE care.leg SET hold_id = given.hold_id
FROM unnest(CAST(:legs AS uuid[]), CAST(:holds AS uuid[])) AS given (id, hold_id) WHERE leg.id = given.id;

-- name: beneficiary_contacts
SELECT id, given_name, family_name, istat_code, sealed_access_notes, sealed_details
FROM care.beneficiary WHERE id = ANY (CAST(:ids AS uuid[]));

-- name: lock_bookings
SELECT id FROM care.booking WHERE id = ANY (CAST(:ids AS uuid[])) ORDER BY id FOR NO KEY UPDATE;

-- name: earliest_unanswered
-- The state is a literal, as in the partial index.
SELECT min(confirm_by) FROM care.booking WHERE status = 'requested' AND confirm_by <= :now;

-- name: unanswered
SELECT id, provider_id, confirm_by FROM care.booking WHERE status = 'requested' AND confirm_by <= :until
ORDER BY confirm_by, id LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED;

-- name: bookings_to_complete
SELECT booking.id, booking.provider_id FROM care.booking WHERE booking.id IN (
    SELECT unit.booking_id FROM care.unit
    WHERE unit.complete_at <= :until AND NOT unit.disputed AND NOT unit.needs_review
    ORDER BY unit.complete_at LIMIT :limit)
ORDER BY booking.id FOR NO KEY UPDATE SKIP LOCKED;

-- name: earliest_unreported
-- The first instant at which somebody is to be asked about a unit, by how often that was done.
SELECT min(earliest.at) FROM unnest(CAST(:steps AS int[]), CAST(:days AS int[])) AS step (number, days)
CROSS JOIN LATERAL (
    SELECT unit.ends_at + make_interval(days => step.days) AS at FROM care.unit
    WHERE unit.status = 'confirmed' AND unit.reminders = step.number
        AND unit.ends_at <= CAST(:now AS timestamptz) - make_interval(days => step.days)
    ORDER BY unit.ends_at LIMIT 1) AS earliest;

-- name: remind
-- Count one reminder more of the first units that wait for it; tell whom it is to be sent to.
WITH due AS (
    SELECT unit.id, step.number FROM unnest(CAST(:steps AS int[]), CAST(:days AS int[])) AS step (number, days)
    CROSS JOIN LATERAL (
        SELECT unit.id FROM care.unit
        WHERE unit.status = 'confirmed' AND unit.reminders = step.number
            AND unit.ends_at <= CAST(:until AS timestamptz) - make_interval(days => step.days)
        ORDER BY unit.ends_at, unit.id LIMIT :limit FOR NO KEY UPDATE SKIP LOCKED) AS unit
)
UPDATE care.unit SET reminders = due.number + 1
FROM due, care.booking
WHERE unit.id = due.id AND booking.id = unit.booking_id
RETURNING due.number AS step, unit.provider_id, booking.user_id;

-- name: unreported
SELECT booking.id, booking.provider_id FROM care.booking WHERE booking.id IN (
    SELECT unit.booking_id FROM care.unit
    WHERE unit.status = 'confirmed' AND unit.reminders = :reminders AND unit.ends_at <= :ended_by
    ORDER BY unit.ends_at, unit.id LIMIT :limit)
ORDER BY booking.id FOR NO KEY UPDATE SKIP LOCKED;

-- name: inboxes_of_people
SELECT id, email, locale FROM user_account WHERE id = ANY (CAST(:ids AS uuid[])) ORDER BY id;

-- name: inboxes_of_providers
-- The address that the provider gave, and its managers.
SELECT provider.organisation_id AS id, provider.email, 'it' AS locale FROM provider
WHERE provider.organisation_id = ANY (CAST(:ids AS uuid[])) AND provider.email IS NOT NULL
UNION
SELECT role_grant.organisation_id, user_account.email, user_account.locale
FROM role_grant JOIN user_account ON user_account.id = role_grant.user_id
WHERE role_grant.organisation_id = ANY (CAST(:ids AS uuid[])) AND role_grant.role = 'manager'
    AND tstzrange(role_grant.from_at, role_grant.until_at) @> CAST(:now AS timestamptz)
ORDER BY 1, 2;

-- name: leavers_units
-- The start is compared coarsely on purpose (a Rome day ends at 22:00 or 23:00 UTC): the exact midnight is Python's.
SELECT DISTINCT unit.id, unit.booking_id, unit.provider_id, unit.starts_at, employee.ended_on
FROM employee
JOIN lot ON lot.company_id = employee.company_id AND lot.employee_id = employee.id
JOIN credit_source source ON source.id = lot.source_id AND source.leavers_rule = 'zero_at_leaving'
JOIN care.leg ON leg.lot_id = lot.id
JOIN care.unit ON unit.id = leg.unit_id
WHERE employee.ended_on < :today AND unit.status IN ('requested', 'confirmed')
    AND unit.starts_at >= CAST(employee.ended_on AS timestamptz) + interval '22 hours'
ORDER BY employee.ended_on, unit.booking_id, unit.id LIMIT :limit;

-- name: verify_units
-- What was paid from credit for a service enjoyed or a fee is owed once it was contested long enough, since that instant
-- and for the same amount, less what a dispute gave back, before or after.
WITH batch AS MATERIALIZED (
    SELECT id AS key, * FROM care.unit WHERE id >= :start ORDER BY id LIMIT :size
), expected AS (
    SELECT batch.*,
        CASE WHEN completed_at IS NULL THEN NULL
            WHEN status = 'completed' AND on_credit THEN 'service' WHEN fee_source IS DISTINCT FROM 'credit' THEN NULL
            WHEN status = 'cancelled_late' THEN 'late_fee' WHEN status = 'no_show' THEN 'no_show_fee' END AS owed_kind,
        CASE WHEN status = 'completed' THEN price_cents ELSE fee_cents END - refunded_cents AS owed_cents
    FROM batch CROSS JOIN LATERAL (
        SELECT EXISTS (SELECT FROM care.leg WHERE leg.unit_id = key AND leg.lot_id IS NOT NULL) AS on_credit) AS paid
), judged AS (
    SELECT key, CASE
            WHEN needs_review AND EXISTS (SELECT FROM care.leg JOIN ledger.transfer ON transfer.hold_id = leg.hold_id
                WHERE leg.unit_id = key) THEN 'review_captured'
            WHEN owed_kind IS NULL AND owed.count > 0 OR owed.first > 1 THEN 'payable_unexpected'
            WHEN owed_kind IS NULL THEN NULL
            WHEN owed.first = 0 AND owed_cents > 0 THEN 'payable_missing'
            WHEN owed.cents <> owed_cents THEN 'payable_amount'
            WHEN owed.kind <> owed_kind OR owed.payee_id <> provider_id OR owed.payable_at <> completed_at
                OR owed.vat_code <> expected.vat_code THEN 'payable_differs'
            WHEN owed.blocked <> disputed THEN 'payable_blocked'
            END AS problem, owed.cents AS stored, CASE WHEN owed_kind IS NULL THEN 0 ELSE owed_cents END AS recomputed
    FROM expected CROSS JOIN LATERAL (
        SELECT count(*) AS count, count(*) FILTER (WHERE kind <> 'adjustment') AS first,
            coalesce(sum(gross_cents), 0)::bigint AS cents, min(kind) FILTER (WHERE kind <> 'adjustment') AS kind,
            (array_agg(payee_id))[1] AS payee_id, min(payable_at) FILTER (WHERE kind <> 'adjustment') AS payable_at,
            min(payable.vat_code) AS vat_code, bool_or(payable.blocked) FILTER (WHERE settlement_id IS NULL) AS blocked
        FROM payable WHERE source_kind = 'unit' AND source_id = key
    ) AS owed
), differing AS (
    SELECT * FROM judged WHERE problem IS NOT NULL ORDER BY key LIMIT :limit
)
SELECT (SELECT count(*) FROM batch) AS size, (SELECT key FROM batch ORDER BY key DESC LIMIT 1) AS last,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('table', 'unit', 'id', key, 'problem', problem,
        'stored', stored, 'recomputed', recomputed) ORDER BY key), '[]') FROM differing) AS differences;

-- name: verify_owed_units
WITH batch AS MATERIALIZED (
    SELECT id AS key, * FROM payable WHERE id >= :start ORDER BY id LIMIT :size
), differing AS (
    SELECT * FROM batch
    WHERE source_kind = 'unit' AND NOT EXISTS (SELECT FROM care.unit WHERE unit.id = source_id) ORDER BY key LIMIT :limit
)
SELECT (SELECT count(*) FROM batch) AS size, (SELECT key FROM batch ORDER BY key DESC LIMIT 1) AS last,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('table', 'payable', 'id', key, 'problem', 'unit_missing',
        'stored', gross_cents, 'recomputed', 0) ORDER BY key), '[]') FROM differing) AS differences;

-- name: verify_bookings
-- The stored state is what the stored states of the units make.
WITH batch AS MATERIALIZED (
    SELECT id AS key, provider_id, status FROM care.booking WHERE id >= :start ORDER BY id LIMIT :size
), differing AS (
    SELECT key, CASE WHEN states IS NULL THEN 'units_missing' ELSE 'status' END AS problem
    FROM batch CROSS JOIN LATERAL (
        SELECT array_agg(unit.status) AS states FROM care.unit
        WHERE unit.provider_id = batch.provider_id AND unit.booking_id = key) AS own
    WHERE states IS NULL OR status <> care.booking_status(states) ORDER BY key LIMIT :limit
)
SELECT (SELECT count(*) FROM batch) AS size, (SELECT key FROM batch ORDER BY key DESC LIMIT 1) AS last,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('table', 'booking', 'id', key, 'problem', problem) ORDER BY key), '[]')
        FROM differing) AS differences;

-- name: forget_quotes
-- A batch of those that were never booked: they name who was to be cared for, by whom and when.
DELETE FROM care.quote WHERE id IN (
    SELECT q.id FROM care.quote q WHERE q.expires_at <= :before
        AND NOT EXISTS (SELECT FROM care.booking b WHERE b.quote_id = q.id)
    LIMIT :limit)
RETURNING 1;

-- name: verify_fringe_legs
-- What is paid under C3 counts under the limit of fringe benefits, in its year and by what became of its unit.
WITH batch AS MATERIALIZED (
    SELECT id AS key FROM care.leg WHERE id >= :start ORDER BY id LIMIT :size
), differing AS (
    SELECT key, coalesce(counted.held_cents + counted.used_cents, 0) AS stored, due.held_cents + due.used_cents AS recomputed
    FROM batch JOIN care.fringe_leg due ON due.id = key LEFT JOIN fringe_use counted ON counted.id = key
    WHERE (due.company_id, due.tax_year, due.held_cents, due.used_cents) IS DISTINCT FROM
            (counted.company_id, counted.tax_year, counted.held_cents, counted.used_cents)
        AND (counted.id IS NULL OR counted.held_cents + counted.used_cents + due.held_cents + due.used_cents > 0)
    ORDER BY key LIMIT :limit
)
SELECT (SELECT count(*) FROM batch) AS size, (SELECT key FROM batch ORDER BY key DESC LIMIT 1) AS last,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('table', 'fringe_use', 'id', key, 'problem', 'fringe_leg',
        'stored', stored, 'recomputed', recomputed) ORDER BY key), '[]') FROM differing) AS differences;
