-- Who is paid for credit: a company knows the name, though it may not read which organisation is of which kind.

CREATE OR REPLACE FUNCTION operator_name() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT name FROM organisation WHERE 'operator' = ANY (kinds)
$$;

REVOKE ALL ON FUNCTION operator_name FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT EXECUTE ON FUNCTION operator_name TO beatrice_hr;
