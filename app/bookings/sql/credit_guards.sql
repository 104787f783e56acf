-- Credit pays a provider only for days on which it is admitted and accredited: when the unit is booked, and again when it
-- is delivered or marked a no-show, because an admission may have ended in between.

CREATE OR REPLACE FUNCTION care.check_leg_takes_credit() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = care, public, pg_temp AS $$
BEGIN
    IF EXISTS (
        WITH asked AS MATERIALIZED (
            SELECT DISTINCT unit.provider_id, offering.category,
                (unit.starts_at AT TIME ZONE 'Europe/Rome')::date AS service_on
            FROM new_rows JOIN unit ON unit.id = new_rows.unit_id JOIN booking ON booking.id = unit.booking_id
            JOIN offering ON offering.id = booking.offering_id
            WHERE new_rows.source <> 'own_money'
        )
        SELECT FROM asked WHERE NOT takes_credit(provider_id, category, service_on)
    ) THEN
        RAISE EXCEPTION 'the provider takes no credit on this day'
            USING ERRCODE = '23514', CONSTRAINT = 'leg_provider_takes_credit';
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION care.check_leg_takes_credit FROM PUBLIC;
CREATE OR REPLACE TRIGGER leg_takes_credit AFTER INSERT ON care.leg REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION care.check_leg_takes_credit();

CREATE OR REPLACE FUNCTION care.check_unit_takes_credit() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = care, public, pg_temp AS $$
BEGIN
    IF EXISTS (
        WITH asked AS MATERIALIZED (
            SELECT DISTINCT new_rows.provider_id, offering.category,
                (new_rows.starts_at AT TIME ZONE 'Europe/Rome')::date AS service_on
            FROM new_rows JOIN old_rows ON old_rows.id = new_rows.id AND old_rows.status <> new_rows.status
            JOIN booking ON booking.id = new_rows.booking_id JOIN offering ON offering.id = booking.offering_id
            WHERE new_rows.status IN ('delivered', 'no_show')
                AND EXISTS (SELECT FROM leg WHERE leg.unit_id = new_rows.id AND leg.source <> 'own_money')
        )
        SELECT FROM asked WHERE NOT takes_credit(provider_id, category, service_on)
    ) THEN
        RAISE EXCEPTION 'the provider takes no credit on this day'
            USING ERRCODE = '23514', CONSTRAINT = 'unit_provider_takes_credit';
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION care.check_unit_takes_credit FROM PUBLIC;
CREATE OR REPLACE TRIGGER unit_takes_credit AFTER UPDATE ON care.unit
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION care.check_unit_takes_credit();
