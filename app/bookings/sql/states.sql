-- The states of units and bookings as SQL needs them; decisions.py says the same in Python, tests/bookings/test_lists.py
-- compares the two over all cases. Plain SQL, so that the planner sees through it.

-- The state of a booking with units in these states: the first rule that matches.
CREATE OR REPLACE FUNCTION care.booking_status(states text[]) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN 'requested' = ANY (states) THEN 'requested'
        WHEN 'confirmed' = ANY (states) AND states && '{delivered,completed,no_show}' THEN 'in_progress'
        WHEN 'confirmed' = ANY (states) THEN 'confirmed'
        WHEN 'delivered' = ANY (states) THEN 'delivered'
        WHEN 'completed' = ANY (states) THEN 'completed'
        WHEN 'no_show' = ANY (states) THEN 'no_show'
        WHEN states && '{cancelled,cancelled_late}' THEN 'cancelled'
        WHEN 'declined' = ANY (states) THEN 'declined'
        ELSE 'expired' END
$$;

-- What deadlines have made of a unit's stored state, whether or not a sweep has run.
CREATE OR REPLACE FUNCTION care.unit_status_at(
    status text, ends_at timestamptz, confirm_by timestamptz, complete_at timestamptz, frozen boolean, at timestamptz
) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN status = 'requested' AND confirm_by <= at THEN 'expired'
        WHEN status = 'confirmed' AND ends_at + interval '30 days' <= at THEN 'expired'
        WHEN status = 'delivered' AND complete_at <= at AND NOT frozen THEN 'completed'
        ELSE status END
$$;

REVOKE ALL ON FUNCTION care.booking_status, care.unit_status_at FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT EXECUTE ON FUNCTION care.booking_status, care.unit_status_at TO beatrice_app, beatrice_worker;
