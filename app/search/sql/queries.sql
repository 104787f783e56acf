-- The public search. It is planned for its values each time, so that what a stage ("name", "text", "near") or an
-- absent filter does not ask is gone before a plan is looked for: a list by name walks an index, words use theirs.
-- The provider's name and the area are looked up for the page's rows only: what is selected is reckoned after LIMIT.

-- name: offerings
SELECT o.id, o.name, o.description, o.category, o.mode, o.unit, o.provider_id, o.min_age, o.max_age, o.confirmation,
    o.free_until_hours, o.late_fee_bps, o.no_show_fee_bps, o.access, p.price_cents, o.name_key,
    CAST(:stage AS text) AS stage, CASE CAST(:stage AS text)
        WHEN 'text' THEN CAST(
            round(ts_rank(o.search, websearch_to_tsquery('public.it_unaccent', :words)) * -1000000) AS integer)
        WHEN 'near' THEN CAST(
            round(word_similarity(public.plain_text(:words), o.name_key) * -1000000) AS integer)
        ELSE 0 END AS distance,
    (SELECT g.name FROM organisation g WHERE g.id = o.provider_id) AS provider_name,
    ARRAY(SELECT a.istat_code FROM offering_area a WHERE a.offering_id = o.id ORDER BY a.istat_code) AS service_area
FROM offering o JOIN price p ON p.offering_id = o.id
    AND price_holds(p.valid_from, p.valid_to, :today)
WHERE CASE CAST(:stage AS text)
        WHEN 'text' THEN o.search @@ websearch_to_tsquery('public.it_unaccent', :words)
            OR o.category = ANY (CAST(:categories AS text[]))
        WHEN 'near' THEN public.plain_text(:words) <% o.name_key
        ELSE true END
    AND o.status = 'active'
    AND may_see_offering(o.audience, o.provider_id, :employed, CAST(:allied_providers AS uuid[]))
    AND (CAST(:category AS text) IS NULL OR o.category = :category)
    AND (CAST(:mode AS text) IS NULL OR o.mode = :mode)
    AND (CAST(:provider_id AS uuid) IS NULL OR o.provider_id = :provider_id)
    AND (CAST(:age AS integer) IS NULL
        OR coalesce(o.min_age, 0) <= :age AND (o.max_age IS NULL OR o.max_age >= :age))
    AND (CAST(:max_price_cents AS bigint) IS NULL OR p.price_cents <= :max_price_cents)
    -- One look per offering, walking the list in order: two EXISTS would each be hashed over all areas first.
    AND (CAST(:municipality AS text) IS NULL OR coalesce(
        (SELECT bool_or(a.istat_code = :municipality) FROM offering_area a WHERE a.offering_id = o.id), true));

-- name: offerings_in_period
-- The same with a free slot in a period. A statement of its own: under an OR no plan could begin with the slots.
SELECT o.id, o.name, o.description, o.category, o.mode, o.unit, o.provider_id, o.min_age, o.max_age, o.confirmation,
    o.free_until_hours, o.late_fee_bps, o.no_show_fee_bps, o.access, p.price_cents, o.name_key,
    CAST(:stage AS text) AS stage, CASE CAST(:stage AS text)
        WHEN 'text' THEN CAST(
            round(ts_rank(o.search, websearch_to_tsquery('public.it_unaccent', :words)) * -1000000) AS integer)
        WHEN 'near' THEN CAST(
            round(word_similarity(public.plain_text(:words), o.name_key) * -1000000) AS integer)
        ELSE 0 END AS distance,
    (SELECT g.name FROM organisation g WHERE g.id = o.provider_id) AS provider_name,
    ARRAY(SELECT a.istat_code FROM offering_area a WHERE a.offering_id = o.id ORDER BY a.istat_code) AS service_area
FROM offering o JOIN price p ON p.offering_id = o.id
    AND price_holds(p.valid_from, p.valid_to, :today)
WHERE CASE CAST(:stage AS text)
        WHEN 'text' THEN o.search @@ websearch_to_tsquery('public.it_unaccent', :words)
            OR o.category = ANY (CAST(:categories AS text[]))
        WHEN 'near' THEN public.plain_text(:words) <% o.name_key
        ELSE true END
    AND o.status = 'active'
    AND may_see_offering(o.audience, o.provider_id, :employed, CAST(:allied_providers AS uuid[]))
    AND (CAST(:category AS text) IS NULL OR o.category = :category)
    AND (CAST(:mode AS text) IS NULL OR o.mode = :mode)
    AND (CAST(:provider_id AS uuid) IS NULL OR o.provider_id = :provider_id)
    AND (CAST(:age AS integer) IS NULL
        OR coalesce(o.min_age, 0) <= :age AND (o.max_age IS NULL OR o.max_age >= :age))
    AND (CAST(:max_price_cents AS bigint) IS NULL OR p.price_cents <= :max_price_cents)
    AND (CAST(:municipality AS text) IS NULL OR coalesce(
        (SELECT bool_or(a.istat_code = :municipality) FROM offering_area a WHERE a.offering_id = o.id), true))
    AND EXISTS (SELECT FROM slot s WHERE s.offering_id = o.id AND s.status = 'open' AND s.taken < s.capacity
        AND s.starts_at > bookable_from(:now, o.min_notice_hours)
        AND s.starts_at >= :period_from AND s.starts_at < :period_to);

-- name: payable
-- What some credit could pay in some municipalities by a day: what has a place free there, or none to take. Of each
-- category the cheapest, so that three are three different things.
SELECT one.id, one.name, one.category, one.unit, one.price_cents,
    (SELECT g.name FROM organisation g WHERE g.id = one.provider_id) AS provider_name
FROM (
    SELECT DISTINCT ON (o.category) o.id, o.name, o.category, o.unit, p.price_cents, o.provider_id
    FROM offering o JOIN price p ON p.offering_id = o.id AND price_holds(p.valid_from, p.valid_to, :today)
    WHERE o.id IN (SELECT a.offering_id FROM offering_area a WHERE a.istat_code = ANY (CAST(:municipalities AS text[])))
        AND o.status = 'active' AND o.category = ANY (CAST(:categories AS text[])) AND p.price_cents <= :max_cents
        AND may_see_offering(o.audience, o.provider_id, :employed, CAST(:allied_providers AS uuid[]))
        AND (o.mode NOT IN ('appointment', 'home_visit', 'session') OR EXISTS (
            SELECT FROM slot s WHERE s.offering_id = o.id AND s.status = 'open' AND s.taken < s.capacity
                AND s.starts_at > bookable_from(:now, o.min_notice_hours) AND s.starts_at < :before))
    ORDER BY o.category, p.price_cents, o.id
) one
ORDER BY one.price_cents, one.id LIMIT 3;

-- name: served_municipalities
-- How many offerings name a municipality in their area; who restricts nothing is in none.
SELECT m.istat_code, m.name, m.province, m.latitude, m.longitude, m.sort_key, count(*) AS offering_count
FROM offering o JOIN offering_area a ON a.offering_id = o.id JOIN municipality m ON m.istat_code = a.istat_code
WHERE o.status = 'active' AND (CAST(:category AS text) IS NULL OR o.category = :category)
    AND may_see_offering(o.audience, o.provider_id, :employed, CAST(:allied_providers AS uuid[]))
    AND EXISTS (SELECT FROM price p WHERE p.offering_id = o.id AND price_holds(p.valid_from, p.valid_to, :today))
GROUP BY m.istat_code;

-- name: alliance_municipalities
-- The same of an alliance's territory, with those that no offering names.
SELECT m.istat_code, m.name, m.province, m.latitude, m.longitude, m.sort_key, count(o.id) AS offering_count
FROM alliance_municipality t JOIN municipality m ON m.istat_code = t.istat_code
LEFT JOIN (offering_area a JOIN offering o ON o.id = a.offering_id AND o.status = 'active'
        AND (CAST(:category AS text) IS NULL OR o.category = :category)
        AND may_see_offering(o.audience, o.provider_id, :employed, CAST(:allied_providers AS uuid[]))
        AND EXISTS (SELECT FROM price p WHERE p.offering_id = o.id AND price_holds(p.valid_from, p.valid_to, :today)))
    ON a.istat_code = m.istat_code
WHERE t.alliance_id = :alliance_id
GROUP BY m.istat_code;

-- name: nearness
-- PostgreSQL's own 0.6 misses one letter in a word that is written apart (babysiter, baby sitter). The planner takes
-- comparing trigrams for cheap and would compare with every name (55 ms for 5,000); both end with the transaction.
SELECT set_config('pg_trgm.word_similarity_threshold', '0.45', true), set_config('enable_seqscan', 'off', true);
