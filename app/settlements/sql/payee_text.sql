-- How a payee stands in a settlement's hashed content, and how its id is shown to banks.

CREATE OR REPLACE FUNCTION payee_text(
    p_name text, p_iban text, p_street text, p_street_number text, p_postcode text, p_town text, p_country text
) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT '{"country":' || coalesce(to_json(p_country)::text, 'null') || ',"iban":' || coalesce(to_json(p_iban)::text, 'null')
        || ',"name":' || coalesce(to_json(p_name)::text, 'null') || ',"postcode":' || coalesce(to_json(p_postcode)::text, 'null')
        || ',"street":' || coalesce(to_json(p_street)::text, 'null')
        || ',"street_number":' || coalesce(to_json(p_street_number)::text, 'null')
        || ',"town":' || coalesce(to_json(p_town)::text, 'null') || '}'
$$;

-- The id's 26 characters as app/ids.py writes them, in capitals: a bank's statement names the settlement.
CREATE OR REPLACE FUNCTION end_to_end_id(p_settlement_id uuid) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT 'STL' || string_agg(substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', CAST(CAST(substring(
        B'00' || CAST('x' || replace(p_settlement_id::text, '-', '') AS bit(128)) FROM place * 5 + 1 FOR 5) AS bit(5))
        AS integer) + 1, 1), '' ORDER BY place)
    FROM generate_series(0, 25) AS place
$$;
REVOKE ALL ON FUNCTION payee_text, end_to_end_id FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT EXECUTE ON FUNCTION payee_text, end_to_end_id TO beatrice_app, beatrice_worker;
