-- The one writer of seats: nobody else may change slot.taken or write a taking.

-- Takes all that is asked for, or nothing: then it says why. Holder n asks slot n for seats n; a slot asked for twice
-- needs the seats of both.
CREATE OR REPLACE FUNCTION take_seats(
    taking_ids uuid[], kind text, holder_ids uuid[], slot_ids uuid[], seats_asked integer[],
    bookable_from timestamptz, kept_until timestamptz, happened_at timestamptz
) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    refused text;
BEGIN
    PERFORM FROM slot WHERE id = ANY (slot_ids) ORDER BY id FOR NO KEY UPDATE;
    -- A statement of its own: it sees what was committed while this one waited for the locks.
    SELECT CASE
        WHEN bool_or(slot.id IS NULL OR slot.status <> 'open' OR slot.starts_at <= bookable_from) THEN 'slot_closed'
        WHEN bool_or(slot.taken + asked.seats > slot.capacity) THEN 'slot_full'
        END INTO refused
    FROM (SELECT given.slot_id, sum(given.seats) AS seats
        FROM unnest(slot_ids, seats_asked) AS given (slot_id, seats) GROUP BY given.slot_id) AS asked
    LEFT JOIN slot ON slot.id = asked.slot_id;
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    INSERT INTO taking (id, provider_id, slot_id, holder_kind, holder_id, seats, until, taken_at)
        SELECT given.id, slot.provider_id, slot.id, kind, given.holder_id, given.seats, kept_until, happened_at
        FROM unnest(taking_ids, holder_ids, slot_ids, seats_asked) AS given (id, holder_id, slot_id, seats)
        JOIN slot ON slot.id = given.slot_id;
    UPDATE slot SET taken = slot.taken + asked.seats
        FROM (SELECT given.slot_id, sum(given.seats) AS seats
            FROM unnest(slot_ids, seats_asked) AS given (slot_id, seats) GROUP BY given.slot_id) AS asked
        WHERE slot.id = asked.slot_id;
    RETURN NULL;
END $$;

-- Gives back every seat that these holders have; a holder without one is a mistake of the caller.
CREATE OR REPLACE FUNCTION give_back_seats(kind text, holders uuid[], happened_at timestamptz)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    given_by uuid[];
BEGIN
    PERFORM FROM slot WHERE id IN (
        SELECT slot_id FROM taking WHERE holder_kind = kind AND holder_id = ANY (holders) AND ended_at IS NULL
    ) ORDER BY id FOR NO KEY UPDATE;
    WITH ended AS (
        UPDATE taking SET ended_at = happened_at
        WHERE holder_kind = kind AND holder_id = ANY (holders) AND ended_at IS NULL
        RETURNING holder_id, slot_id, seats
    ), counted AS (
        UPDATE slot SET taken = slot.taken - given.seats
        FROM (SELECT slot_id, sum(seats) AS seats FROM ended GROUP BY slot_id) AS given
        WHERE slot.id = given.slot_id
    )
    SELECT array_agg(DISTINCT holder_id) INTO given_by FROM ended;
    IF NOT holders <@ coalesce(given_by, '{}') THEN
        RAISE EXCEPTION 'a holder has no seat to give back'
            USING ERRCODE = '23514', CONSTRAINT = 'taking_given_back_once';
    END IF;
END $$;

REVOKE ALL ON FUNCTION take_seats, give_back_seats FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT EXECUTE ON FUNCTION take_seats, give_back_seats TO beatrice_app, beatrice_worker;
