-- A unit's states and what records them.

CREATE OR REPLACE FUNCTION care.record_new_units() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = care, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM new_rows WHERE status NOT IN ('requested', 'confirmed')) THEN
        RAISE EXCEPTION 'a unit begins requested or confirmed'
            USING ERRCODE = '23514', CONSTRAINT = 'unit_begins_open';
    END IF;
    INSERT INTO unit_transition (unit_id, from_status, to_status, at)
        SELECT id, NULL, status, status_at FROM new_rows ORDER BY id;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION care.record_new_units FROM PUBLIC;
CREATE OR REPLACE TRIGGER unit_recorded AFTER INSERT ON care.unit REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION care.record_new_units();

CREATE OR REPLACE FUNCTION care.record_moved_units() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = care, pg_temp AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM new_rows n JOIN old_rows o ON o.id = n.id AND o.status <> n.status
        WHERE NOT EXISTS (SELECT 1 FROM unit_transition_rule r WHERE r.from_status = o.status AND r.to_status = n.status)
    ) THEN
        RAISE EXCEPTION 'a state change that does not exist'
            USING ERRCODE = '23514', CONSTRAINT = 'unit_listed_transition';
    END IF;
    IF EXISTS (
        SELECT 1 FROM old_rows o FULL JOIN new_rows n ON o.id = n.id
        WHERE o.id IS NULL OR n.id IS NULL OR (o.booking_id, o.provider_id, o.index, o.price_cents, o.vat_code)
            IS DISTINCT FROM (n.booking_id, n.provider_id, n.index, n.price_cents, n.vat_code)
    ) THEN
        RAISE EXCEPTION 'what was booked never changes'
            USING ERRCODE = '23514', CONSTRAINT = 'unit_terms_fixed';
    END IF;
    IF EXISTS (
        SELECT 1 FROM new_rows n JOIN old_rows o ON o.id = n.id
        WHERE n.status = 'completed' AND o.status <> 'completed' AND (n.disputed OR n.needs_review)
    ) THEN
        RAISE EXCEPTION 'a frozen unit never completes'
            USING ERRCODE = '23514', CONSTRAINT = 'unit_frozen_never_completes';
    END IF;
    IF EXISTS (
        SELECT 1 FROM new_rows n JOIN old_rows o ON o.id = n.id
        WHERE o.needs_review AND n.status IN ('delivered', 'completed', 'no_show', 'cancelled_late')
    ) THEN
        RAISE EXCEPTION 'what credit may not pay is resolved before anything is taken for it'
            USING ERRCODE = '23514', CONSTRAINT = 'unit_needs_review_waits';
    END IF;
    IF EXISTS (
        SELECT 1 FROM new_rows n JOIN old_rows o ON o.id = n.id
        WHERE o.disputed AND (o.status <> n.status
                OR (o.fee_cents, o.fee_source, o.completed_at) IS DISTINCT FROM (n.fee_cents, n.fee_source, n.completed_at))
            OR n.disputed AND NOT o.disputed AND n.status NOT IN ('delivered', 'completed', 'no_show', 'cancelled_late')
            OR o.refunded_cents <> n.refunded_cents AND NOT (o.disputed AND NOT n.disputed)
            OR o.dispute_decided_at IS DISTINCT FROM n.dispute_decided_at
                AND (o.dispute_decided_at IS NOT NULL OR NOT o.disputed)
            OR o.disputed AND NOT n.disputed AND n.dispute_decided_at IS NULL
            OR o.dispute_decided_at IS NOT NULL AND o.status <> n.status AND n.status <> 'completed'
    ) THEN
        RAISE EXCEPTION 'a disputed unit waits for its decision, which is made once'
            USING ERRCODE = '23514', CONSTRAINT = 'unit_disputed_waits';
    END IF;
    INSERT INTO unit_transition (unit_id, from_status, to_status, at)
        SELECT n.id, o.status, n.status, n.status_at
        FROM new_rows n JOIN old_rows o ON o.id = n.id AND o.status <> n.status ORDER BY n.id;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION care.record_moved_units FROM PUBLIC;
CREATE OR REPLACE TRIGGER unit_moved AFTER UPDATE ON care.unit REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION care.record_moved_units();

CREATE OR REPLACE TRIGGER unit_transition_append_only BEFORE UPDATE OR DELETE ON care.unit_transition
    FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
CREATE OR REPLACE TRIGGER unit_transition_no_truncate BEFORE TRUNCATE ON care.unit_transition
    FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();
