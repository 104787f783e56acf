-- Statements of the catalogue; tenant scope is in every one that a provider's routes run.

-- name: site_version
SELECT version FROM site WHERE provider_id = :provider_id AND id = :id FOR NO KEY UPDATE;

-- name: lock_offering
SELECT id FROM offering WHERE provider_id = :provider_id AND id = :id FOR NO KEY UPDATE;

-- name: offerings
SELECT o.id, o.provider_id, o.site_id, o.name, o.description, o.category, o.mode, o.unit, o.vat_code, o.min_age,
    o.max_age, o.confirmation, o.response_hours, o.min_notice_hours, o.free_until_hours, o.late_fee_bps,
    o.no_show_fee_bps, o.audience, o.access, o.status, o.external_id, o.metadata, o.created_at, o.version,
    ARRAY(SELECT a.istat_code FROM offering_area a WHERE a.offering_id = o.id ORDER BY a.istat_code) AS service_area,
    (SELECT p.price_cents FROM price p WHERE p.offering_id = o.id
        AND price_holds(p.valid_from, p.valid_to, :today)) AS price_cents
FROM offering o WHERE o.provider_id = :provider_id
    AND (CAST(:words AS text) IS NULL OR o.name ILIKE :words)
    AND (CAST(:statuses AS text[]) IS NULL OR o.status = ANY (:statuses))
    AND (CAST(:category AS text) IS NULL OR o.category = :category)
    AND (CAST(:external_id AS text) IS NULL OR o.external_id = :external_id)
    AND (CAST(:updated_since AS timestamptz) IS NULL OR coalesce(o.updated_at, o.created_at) >= :updated_since);

-- name: offering
SELECT o.id, o.provider_id, o.site_id, o.name, o.description, o.category, o.mode, o.unit, o.vat_code, o.min_age,
    o.max_age, o.confirmation, o.response_hours, o.min_notice_hours, o.free_until_hours, o.late_fee_bps,
    o.no_show_fee_bps, o.audience, o.access, o.status, o.external_id, o.metadata, o.created_at, o.version,
    ARRAY(SELECT a.istat_code FROM offering_area a WHERE a.offering_id = o.id ORDER BY a.istat_code) AS service_area,
    (SELECT p.price_cents FROM price p WHERE p.offering_id = o.id
        AND price_holds(p.valid_from, p.valid_to, :today)) AS price_cents
FROM offering o WHERE o.provider_id = :provider_id AND o.id = :id;

-- name: serve
WITH dropped AS (
    DELETE FROM offering_area WHERE offering_id = :id AND istat_code <> ALL (CAST(:codes AS text[]))
)
INSERT INTO offering_area (offering_id, istat_code)
SELECT :id, given.code FROM unnest(CAST(:codes AS text[])) AS given (code) ON CONFLICT DO NOTHING;

-- name: prices
-- Shows the last day where the table keeps the day after it.
SELECT p.id, p.offering_id, p.price_cents, p.valid_from, p.valid_to - 1 AS valid_to
FROM price p JOIN offering o ON o.id = p.offering_id
WHERE o.provider_id = :provider_id AND o.id = :offering_id;

-- name: provider
SELECT g.id, g.name, v.description, v.phone, v.email, v.version,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('id', s.id, 'name', s.name, 'street', s.street,
        'postcode', s.postcode, 'istat_code', s.istat_code) ORDER BY s.id), '[]')
     FROM site s WHERE s.provider_id = g.id) AS sites
FROM provider v JOIN organisation g ON g.id = v.organisation_id WHERE g.id = :id;

-- name: providers
SELECT g.id, g.name, public.plain_text(g.name) COLLATE "C" AS sort_key, v.description, v.phone, v.email, v.version,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('id', s.id, 'name', s.name, 'street', s.street,
        'postcode', s.postcode, 'istat_code', s.istat_code) ORDER BY s.id), '[]')
     FROM site s WHERE s.provider_id = g.id) AS sites
FROM provider v JOIN organisation g ON g.id = v.organisation_id
WHERE CAST(:words AS text) IS NULL OR public.plain_text(g.name) LIKE '%' || public.plain_text(:words) || '%';

-- name: visible_offering
SELECT o.id, o.name, o.description, o.category, o.mode, o.unit, o.provider_id, o.min_age, o.max_age, o.confirmation,
    o.free_until_hours, o.late_fee_bps, o.no_show_fee_bps, o.access, p.price_cents, g.name AS provider_name,
    ARRAY(SELECT a.istat_code FROM offering_area a WHERE a.offering_id = o.id ORDER BY a.istat_code) AS service_area
FROM offering o JOIN organisation g ON g.id = o.provider_id
JOIN price p ON p.offering_id = o.id AND price_holds(p.valid_from, p.valid_to, :today)
WHERE o.id = :id AND o.status = 'active'
    AND may_see_offering(o.audience, o.provider_id, :employed, CAST(:allied_providers AS uuid[]));

-- name: circle
SELECT employed, allied_providers FROM circle_of(:person_id, :today);

-- name: accreditations
SELECT a.id, a.alliance_id, l.name AS alliance_name, a.provider_id, g.name AS provider_name, a.categories, a.valid_from,
    a.valid_to, a.status, m.ended_on AS admission_ended_on, a.requested_by, a.requested_at, a.decided_by, a.decided_at,
    g.created_by AS entered_by
FROM accreditation a JOIN alliance l ON l.id = a.alliance_id JOIN organisation g ON g.id = a.provider_id
LEFT JOIN alliance_membership m ON m.id = a.membership_id
WHERE (CAST(:alliance_id AS uuid) IS NULL OR a.alliance_id = :alliance_id)
    AND (CAST(:provider_id AS uuid) IS NULL OR a.provider_id = :provider_id)
    AND (CAST(:statuses AS text[]) IS NULL OR a.status = ANY (:statuses));

-- name: lock_accreditation
SELECT a.id, a.alliance_id, l.name AS alliance_name, a.provider_id, g.name AS provider_name, a.categories, a.valid_from,
    a.valid_to, a.status, m.ended_on AS admission_ended_on, a.requested_by, a.requested_at, a.decided_by, a.decided_at,
    g.created_by AS entered_by
FROM accreditation a JOIN alliance l ON l.id = a.alliance_id JOIN organisation g ON g.id = a.provider_id
LEFT JOIN alliance_membership m ON m.id = a.membership_id
WHERE a.alliance_id = :alliance_id AND a.id = :id FOR NO KEY UPDATE OF a;

-- name: admission
-- The lock makes an approval wait for whoever is ending the admission.
SELECT id FROM alliance_membership WHERE alliance_id = :alliance_id AND organisation_id = :provider_id
    AND role = 'provider' AND ended_on IS NULL FOR NO KEY UPDATE;
