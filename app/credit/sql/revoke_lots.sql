-- The HR role cannot read lots: this ends the use of a grant's lots, its grace lots included, from now on. What they have
-- left goes when the sweep finds them, so neither the answer nor the time it takes tells of one person's use: counted are
-- the lots that were given and would still live, whatever became of them. Whether it was approved asks a guard of grants.

CREATE OR REPLACE FUNCTION revoke_lots(
    of_company_id uuid, of_grant_id uuid, of_employee_ids uuid[], on_day date, happened_at timestamptz
) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    living bigint;
BEGIN
    SELECT count(*) INTO living FROM lot_life life
        WHERE life.company_id = of_company_id AND life.grant_id = of_grant_id AND life.kind = 'grant'
        AND life.revoked_at IS NULL AND life.last_day >= on_day
        AND (of_employee_ids IS NULL OR life.employee_id = ANY (of_employee_ids));
    UPDATE lot SET revoked_at = happened_at FROM (
        SELECT id FROM lot WHERE company_id = of_company_id AND grant_id = of_grant_id AND revoked_at IS NULL
            AND (of_employee_ids IS NULL OR employee_id = ANY (of_employee_ids))
        ORDER BY id FOR NO KEY UPDATE
    ) locked WHERE lot.id = locked.id;
    RETURN living;
END $$;

REVOKE ALL ON FUNCTION revoke_lots FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT EXECUTE ON FUNCTION revoke_lots TO beatrice_app, beatrice_hr;
