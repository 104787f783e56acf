-- Whether an employment counts on a day, both ends included; app/employees/employments.py says the same in Python.
-- Plain SQL, so that the planner sees through it.

CREATE OR REPLACE FUNCTION is_employed(hired_on date, ended_on date, on_day date) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT hired_on <= on_day AND (ended_on IS NULL OR ended_on >= on_day)
$$;

REVOKE ALL ON FUNCTION is_employed FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT EXECUTE ON FUNCTION is_employed TO beatrice_app, beatrice_hr, beatrice_worker;
