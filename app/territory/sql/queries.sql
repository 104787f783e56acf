-- Statements about municipalities.

-- name: search_municipalities
SELECT istat_code, name, province, sort_key, rank FROM (
    SELECT istat_code, name, province, sort_key, CASE WHEN starts_with(sort_key, :needle) THEN 0 ELSE 1 END AS rank
    FROM municipality WHERE sort_key LIKE :pattern
) AS found
WHERE (rank, sort_key, istat_code) > (:rank, :key, :code)
ORDER BY rank, sort_key, istat_code LIMIT :limit;

-- name: known_municipalities
SELECT istat_code FROM municipality WHERE istat_code = ANY (CAST(:codes AS text[]));
