-- The HR role cannot read lots: this moves the last day of what a programme gave, and of nothing else. Grace and what was
-- carried over keep their days, what two people revoked stays revoked. A lot that leaving ended is moved too: whoever is
-- taken back has what the others have. Whether the day is the programme's asks a guard of grants.

CREATE OR REPLACE FUNCTION extend_lots(of_company_id uuid, of_source_id uuid, last_day date, on_day date)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE lot SET expires_on = last_day, reminders = 0 FROM (
        SELECT id FROM lot WHERE company_id = of_company_id AND source_id = of_source_id AND kind = 'grant'
            AND revoked_at IS NULL AND expires_on >= on_day AND expires_on < last_day
        ORDER BY id FOR NO KEY UPDATE
    ) locked WHERE lot.id = locked.id;
END $$;

REVOKE ALL ON FUNCTION extend_lots FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT EXECUTE ON FUNCTION extend_lots TO beatrice_hr;
