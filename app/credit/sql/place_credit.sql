-- Holds all that is asked for, or nothing: then it answers how much the person has.

CREATE OR REPLACE FUNCTION place_credit(
    person_id uuid, on_day date, hold_ids uuid[], lot_ids uuid[], payee_ids uuid[], amounts bigint[],
    cause_ids uuid[], happened_at timestamptz, written_at timestamptz
) RETURNS bigint LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM 1 FROM ledger.lock_accounts(lot_ids);
    IF EXISTS (
        SELECT FROM (
            SELECT given.lot_id, sum(given.amount) AS amount
            FROM unnest(lot_ids, amounts) AS given (lot_id, amount) GROUP BY given.lot_id
        ) asked
        LEFT JOIN lot_life life ON life.id = asked.lot_id AND life.user_id = person_id
            AND life.expired_at IS NULL AND life.last_day >= on_day
        LEFT JOIN ledger.account ON account.id = life.id
        WHERE account.id IS NULL OR account.posted_cents - account.held_cents < asked.amount
    ) THEN
        RETURN (
            SELECT coalesce(sum(account.posted_cents - account.held_cents), 0)
            FROM lot_life life JOIN ledger.account ON account.id = life.id
            WHERE life.user_id = person_id AND life.expired_at IS NULL AND life.last_day >= on_day
        );
    END IF;
    INSERT INTO ledger.hold (id, account_id, payee_account_id, amount_cents, cause_id, event_at, created_at)
        SELECT given.*, happened_at, written_at FROM unnest(hold_ids, lot_ids, payee_ids, amounts, cause_ids) AS given;
    RETURN NULL;
END $$;

REVOKE ALL ON FUNCTION place_credit FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT EXECUTE ON FUNCTION place_credit TO beatrice_app, beatrice_worker;
