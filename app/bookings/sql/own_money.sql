-- A unit that credit may not pay any more becomes its person's own affair: its legs give way to one of own money. Only for
-- what waits for that, and only once its credit is free: nobody else may take a leg away.

CREATE OR REPLACE FUNCTION care.pay_with_own_money(unit_ids uuid[], leg_ids uuid[]) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = care, pg_temp AS $$
BEGIN
    IF (SELECT count(*) FROM unit WHERE id = ANY (unit_ids) AND needs_review) <> cardinality(unit_ids)
        OR EXISTS (
            SELECT FROM leg WHERE leg.unit_id = ANY (unit_ids) AND leg.hold_id IS NOT NULL
                AND NOT EXISTS (SELECT FROM ledger.hold_end ended WHERE ended.hold_id = leg.hold_id)
        )
    THEN
        RAISE EXCEPTION 'own money takes over what needs a review, once its credit is free'
            USING ERRCODE = '23514', CONSTRAINT = 'leg_own_money_after_review';
    END IF;
    DELETE FROM leg WHERE unit_id = ANY (unit_ids);
    INSERT INTO leg (id, unit_id, source, amount_cents)
        SELECT given.leg_id, unit.id, 'own_money', unit.price_cents
        FROM unnest(unit_ids, leg_ids) AS given (unit_id, leg_id) JOIN unit ON unit.id = given.unit_id;
    UPDATE unit SET needs_review = false, review_by = NULL, own_money_due_cents = price_cents,
        fee_funding = 'out_of_pocket' WHERE id = ANY (unit_ids);
    RETURN cardinality(unit_ids);
END $$;
REVOKE ALL ON FUNCTION care.pay_with_own_money FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT EXECUTE ON FUNCTION care.pay_with_own_money TO beatrice_app;
