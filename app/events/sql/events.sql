-- The only writers of the feed: whoever changes something records it inside its own statement or transaction, and one
-- sequencer numbers it once it is committed, so that no row is hot while booking.

-- In the role of company routes: events of what the employer does, for the company whose request was opened, then.
CREATE OR REPLACE FUNCTION record_event(
    event_id uuid, event_type text, kind_of_object text, id_of_object uuid, seen_by uuid[], happened_at timestamptz
) RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    sealed jsonb;
BEGIN
    IF acting_role() = 'beatrice_hr' THEN
        sealed := principal_of_hr();
        IF seen_by IS DISTINCT FROM ARRAY[(sealed ->> 'organisation_id')::uuid] OR event_type <> 'grant.active' THEN
            RAISE EXCEPTION 'no event of this company' USING ERRCODE = '42501';
        END IF;
        happened_at := sealed ->> 'business_at';
    END IF;
    INSERT INTO event (id, type, object_kind, object_id, organisation_ids, created_at)
    VALUES (event_id, event_type, kind_of_object, id_of_object, seen_by, happened_at);
    RETURN event_id;
END $$;
REVOKE ALL ON FUNCTION record_event FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT EXECUTE ON FUNCTION record_event TO beatrice_app, beatrice_hr, beatrice_worker;

-- An event that two organisations see has a number in each. Numbers follow commits: what was not committed when a pass
-- looked comes after all that was, so a reader who has seen a number never misses a smaller one. In a pass the order is
-- that of the ids, which are made under the lock of their object.
CREATE OR REPLACE FUNCTION number_events(at_most integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    done bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('event sequencer', 0));
    WITH pass AS MATERIALIZED (
        SELECT id, organisation_ids FROM event WHERE NOT numbered ORDER BY created_at, id LIMIT at_most
    ), seen AS (
        SELECT DISTINCT pass.id, organisation_id FROM pass, unnest(pass.organisation_ids) AS organisation_id
    ), ordered AS (
        SELECT id, organisation_id, row_number() OVER (PARTITION BY organisation_id ORDER BY id) AS step FROM seen
    ), last AS MATERIALIZED (
        SELECT organisation_id, (
            SELECT coalesce(max(position), 0) FROM event_position
            WHERE event_position.organisation_id = concerned.organisation_id) AS position
        FROM (SELECT DISTINCT organisation_id FROM seen) AS concerned
    ), given AS (
        INSERT INTO event_position (organisation_id, position, event_id)
        SELECT organisation_id, last.position + ordered.step, ordered.id FROM ordered JOIN last USING (organisation_id)
    )
    UPDATE event SET numbered = true FROM pass WHERE event.id = pass.id;
    GET DIAGNOSTICS done = ROW_COUNT;
    RETURN done;
END $$;
REVOKE ALL ON FUNCTION number_events FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT EXECUTE ON FUNCTION number_events TO beatrice_app, beatrice_worker;

CREATE OR REPLACE FUNCTION refuse_change_but_numbered() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.numbered OR to_jsonb(NEW) - 'numbered' IS DISTINCT FROM to_jsonb(OLD) - 'numbered' THEN
        RAISE EXCEPTION 'an event is only numbered, once'
            USING ERRCODE = '23514', CONSTRAINT = 'event_append_only';
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER event_append_only BEFORE UPDATE ON event
    FOR EACH ROW EXECUTE FUNCTION refuse_change_but_numbered();
CREATE OR REPLACE TRIGGER event_position_no_change BEFORE UPDATE ON event_position
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE FUNCTION check_positions_gapless() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM new_position WHERE position > 1 AND NOT EXISTS (
            SELECT FROM event_position AS before WHERE before.organisation_id = new_position.organisation_id
            AND before.position = new_position.position - 1)) THEN
        RAISE EXCEPTION 'positions have no gaps' USING ERRCODE = '23514', CONSTRAINT = 'event_position_gapless';
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER event_position_gapless AFTER INSERT ON event_position REFERENCING NEW TABLE AS new_position
    FOR EACH STATEMENT EXECUTE FUNCTION check_positions_gapless();

-- What is old enough by both times, but the newest of each organisation: the next number follows it. Ids are in order of
-- real time, so the primary key finds what is old.
CREATE OR REPLACE FUNCTION events_to_forget(recorded_before uuid, happened_before timestamptz, at_most integer)
RETURNS SETOF uuid LANGUAGE sql STABLE AS $$
    SELECT event.id FROM event
    WHERE event.id < recorded_before AND event.created_at < happened_before AND event.numbered AND NOT EXISTS (
        SELECT FROM event_position place WHERE place.event_id = event.id AND NOT EXISTS (
            SELECT FROM event_position later
            WHERE later.organisation_id = place.organisation_id AND later.position > place.position))
    ORDER BY event.id LIMIT at_most;
$$;
CREATE OR REPLACE FUNCTION forget_events(recorded_before uuid, happened_before timestamptz, at_most integer)
RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    old uuid[];
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('event sequencer', 0));
    old := ARRAY(SELECT events_to_forget(recorded_before, happened_before, at_most));
    DELETE FROM event_position WHERE event_id = ANY (old);
    DELETE FROM event WHERE id = ANY (old);
    RETURN cardinality(old);
END $$;
REVOKE ALL ON FUNCTION events_to_forget, forget_events FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT EXECUTE ON FUNCTION events_to_forget, forget_events TO beatrice_app, beatrice_worker;
