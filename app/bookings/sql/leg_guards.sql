-- Whole units (DM 25 March 2016 art. 6): a unit's legs add up to its price, all credit or all own money.

CREATE OR REPLACE FUNCTION care.check_whole_units() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = care, pg_temp AS $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM unit u JOIN leg l ON l.unit_id = u.id
        WHERE u.id IN (SELECT unit_id FROM new_rows)
        GROUP BY u.id, u.price_cents
        HAVING sum(l.amount_cents) <> u.price_cents OR count(DISTINCT l.source = 'own_money') <> 1
    ) THEN
        RAISE EXCEPTION 'the legs of a unit are its price, from credit or from own money'
            USING ERRCODE = '23514', CONSTRAINT = 'leg_whole_units';
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION care.check_whole_units FROM PUBLIC;
CREATE OR REPLACE TRIGGER leg_whole AFTER INSERT ON care.leg REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION care.check_whole_units();
CREATE OR REPLACE TRIGGER leg_whole_still AFTER UPDATE ON care.leg REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION care.check_whole_units();
