-- Two rules of an offering that several statements ask. Plain SQL, so that the planner sees through them.

-- The provider's notice: a place can be booked if it begins after this instant.
CREATE OR REPLACE FUNCTION bookable_from(at timestamptz, min_notice_hours integer) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
    SELECT at + make_interval(hours => min_notice_hours)
$$;

-- Whether a price is the one of a day; `valid_to` is the first day without it. DatedPrice.holds_on says the same in
-- Python, where a quote looks for the price of each day of service.
CREATE OR REPLACE FUNCTION price_holds(valid_from date, valid_to date, on_day date) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT valid_from <= on_day AND (valid_to IS NULL OR valid_to > on_day)
$$;

REVOKE ALL ON FUNCTION bookable_from, price_holds FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT EXECUTE ON FUNCTION bookable_from, price_holds TO beatrice_app;
