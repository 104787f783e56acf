-- The HR role cannot read lots: this ends those of a revoked grant and gives back what they have left, never telling of
-- one person. Whether the grant is revoked is asked by the guard of `revoked_at`.

CREATE OR REPLACE FUNCTION return_revoked_lots(
    of_company_id uuid, of_grant_id uuid, transfer_ids uuid[], on_day date, happened_at timestamptz,
    written_at timestamptz
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    lot_ids uuid[];
BEGIN
    -- The caller holds the company's account. A sweep that is ending a lot holds its row and waits for that account: it
    -- returns the lot's rest itself, and waiting for it here would be for ever.
    SELECT array_agg(locked.id) INTO lot_ids FROM (
        SELECT lot.id FROM lot
        WHERE lot.company_id = of_company_id AND lot.grant_id = of_grant_id AND lot.kind = 'grant'
            AND lot.ended_at IS NULL AND lot.expires_on >= on_day
        ORDER BY lot.id FOR NO KEY UPDATE SKIP LOCKED
    ) locked;
    PERFORM 1 FROM ledger.lock_accounts(lot_ids || ARRAY(
        SELECT DISTINCT source.returns_to_account_id FROM lot JOIN credit_source source ON source.id = lot.source_id
        WHERE lot.id = ANY (lot_ids)));
    UPDATE lot SET revoked_at = happened_at, ended_at = happened_at WHERE id = ANY (lot_ids);
    INSERT INTO ledger.transfer
        (id, from_account_id, to_account_id, amount_cents, reason, cause_id, event_at, created_at)
    SELECT transfer_ids[rest.place], rest.id, source.returns_to_account_id, rest.available, 'returned', of_grant_id,
        happened_at, written_at
    FROM (
        SELECT account.id, account.posted_cents - account.held_cents AS available,
            row_number() OVER (ORDER BY account.id) AS place
        FROM ledger.account WHERE account.id = ANY (lot_ids) AND account.posted_cents > account.held_cents
    ) rest
    JOIN lot ON lot.id = rest.id JOIN credit_source source ON source.id = lot.source_id;
END $$;

REVOKE ALL ON FUNCTION return_revoked_lots FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT EXECUTE ON FUNCTION return_revoked_lots TO beatrice_app, beatrice_hr, beatrice_worker;
