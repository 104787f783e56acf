-- What units count under the limit of fringe benefits. A leg under C3 counts as held while its unit is open and as used
-- once it was delivered, less what a dispute gave back (the last legs first, as refunds go); a unit that did not take
-- place counts nothing, also where it costs a fee: a fee is no service enjoyed. The tax year is that of the unit's day.

CREATE OR REPLACE VIEW care.fringe_leg WITH (security_invoker = true) AS
    SELECT leg.id, leg.unit_id, coalesce(lot.company_id, counted.company_id) AS company_id,
        coalesce(fringe_holder(lot.company_id, lot.employee_id), counted.employee_id) AS employee_id,
        extract(year FROM unit.starts_at AT TIME ZONE 'Europe/Rome')::integer AS tax_year,
        CASE WHEN leg.rule_code = 'C3_FRINGE' AND unit.status IN ('requested', 'confirmed')
            THEN leg.amount_cents ELSE 0 END AS held_cents,
        CASE WHEN leg.rule_code = 'C3_FRINGE' AND unit.status IN ('delivered', 'completed')
            THEN least(leg.amount_cents, greatest(0, unit.price_cents - unit.refunded_cents - (
                SELECT coalesce(sum(before.amount_cents), 0) FROM care.leg before
                WHERE before.unit_id = leg.unit_id AND before.id < leg.id)))::bigint ELSE 0 END AS used_cents
    FROM care.leg JOIN care.unit ON unit.id = leg.unit_id
    LEFT JOIN lot ON lot.id = leg.lot_id
    LEFT JOIN fringe_use counted ON counted.id = leg.id
    WHERE leg.rule_code = 'C3_FRINGE' AND lot.company_id IS NOT NULL OR counted.id IS NOT NULL;
REVOKE ALL ON care.fringe_leg FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT SELECT ON care.fringe_leg TO beatrice_app, beatrice_worker;

CREATE OR REPLACE FUNCTION care.count_fringe(unit_ids uuid[], refusing boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = care, public, pg_temp AS $$
BEGIN
    PERFORM set_fringe_uses(array_agg(id), array_agg(company_id), array_agg(employee_id), array_agg(tax_year),
            array_agg(held_cents), array_agg(used_cents), refusing, (SELECT max(status_at) FROM unit WHERE id = ANY (unit_ids)))
        FROM (SELECT * FROM fringe_leg WHERE unit_id = ANY (unit_ids) ORDER BY id) AS counted
        HAVING count(*) > 0;
END $$;
REVOKE ALL ON FUNCTION care.count_fringe FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;

-- What is booked must have room.
CREATE OR REPLACE FUNCTION care.count_new_legs() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = care, public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM new_rows WHERE rule_code = 'C3_FRINGE') THEN
        PERFORM count_fringe(ARRAY(SELECT DISTINCT unit_id FROM new_rows WHERE rule_code = 'C3_FRINGE'), true);
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION care.count_new_legs FROM PUBLIC;
CREATE OR REPLACE TRIGGER leg_counts_as_fringe AFTER INSERT ON care.leg REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION care.count_new_legs();

-- A leg that something else pays now.
CREATE OR REPLACE FUNCTION care.count_changed_legs() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = care, public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM new_rows n JOIN old_rows o ON o.id = n.id
            WHERE (o.rule_code, o.lot_id, o.amount_cents) IS DISTINCT FROM (n.rule_code, n.lot_id, n.amount_cents)
                AND 'C3_FRINGE' IN (o.rule_code, n.rule_code)) THEN
        PERFORM count_fringe(ARRAY(SELECT DISTINCT unit_id FROM new_rows), false);
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION care.count_changed_legs FROM PUBLIC;
CREATE OR REPLACE TRIGGER leg_counts_as_fringe_still AFTER UPDATE ON care.leg
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION care.count_changed_legs();

-- A leg that gave way to own money counts no more.
CREATE OR REPLACE FUNCTION care.count_gone_legs() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = care, public, pg_temp AS $$
BEGIN
    PERFORM set_fringe_uses(array_agg(counted.id), array_agg(counted.company_id), array_agg(counted.employee_id),
            array_agg(counted.tax_year), array_agg(bigint '0'), array_agg(bigint '0'), false, max(unit.status_at))
        FROM old_rows JOIN fringe_use counted ON counted.id = old_rows.id JOIN unit ON unit.id = old_rows.unit_id
        HAVING count(*) > 0;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION care.count_gone_legs FROM PUBLIC;
CREATE OR REPLACE TRIGGER leg_counts_as_fringe_no_more AFTER DELETE ON care.leg REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION care.count_gone_legs();

-- What became of a unit is a fact, whatever room there is.
CREATE OR REPLACE FUNCTION care.count_moved_units() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = care, public, pg_temp AS $$
DECLARE
    unit_ids uuid[] := ARRAY(
        SELECT n.id FROM new_rows n JOIN old_rows o ON o.id = n.id
        WHERE (o.status, o.refunded_cents, o.starts_at) IS DISTINCT FROM (n.status, n.refunded_cents, n.starts_at)
            AND EXISTS (SELECT FROM leg WHERE leg.unit_id = n.id AND leg.rule_code = 'C3_FRINGE'));
BEGIN
    IF cardinality(unit_ids) > 0 THEN
        PERFORM count_fringe(unit_ids, false);
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION care.count_moved_units FROM PUBLIC;
CREATE OR REPLACE TRIGGER unit_counts_as_fringe AFTER UPDATE ON care.unit
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION care.count_moved_units();
