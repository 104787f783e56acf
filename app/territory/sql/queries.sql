-- Statements about municipalities.

-- name: search_municipalities
SELECT istat_code, name, province, sort_key, CASE WHEN starts_with(sort_key, :needle) THEN 0 ELSE 1 END AS rank
FROM municipality WHERE sort_key LIKE :pattern
  AND (CAST(:names AS text[]) IS NULL OR sort_key = ANY (CAST(:names AS text[])));

-- name: known_municipalities
SELECT istat_code FROM municipality WHERE istat_code = ANY (CAST(:codes AS text[]));
