-- The HR role cannot read lots: this gives back what a revoked grant has left, never telling of one person.

CREATE OR REPLACE FUNCTION return_revoked_lots(
    of_company_id uuid, of_grant_id uuid, transfer_ids uuid[], on_day date, happened_at timestamptz,
    written_at timestamptz
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    lot_ids uuid[];
BEGIN
    IF NOT EXISTS (SELECT FROM credit_grant WHERE company_id = of_company_id AND id = of_grant_id
            AND status = 'revoked') THEN
        RAISE EXCEPTION 'the grant is not revoked' USING ERRCODE = 'check_violation', CONSTRAINT = 'lot_revoked_grant';
    END IF;
    -- The caller holds the company's account. A sweep that is ending a lot holds its row and waits for that account: it
    -- returns the lot's rest itself, and waiting for it here would be for ever.
    SELECT array_agg(locked.id) INTO lot_ids FROM (
        SELECT lot.id FROM lot
        WHERE lot.company_id = of_company_id AND lot.grant_id = of_grant_id AND lot.kind = 'grant'
            AND lot.expired_at IS NULL AND lot.expires_on >= on_day
        ORDER BY lot.id FOR NO KEY UPDATE SKIP LOCKED
    ) locked;
    PERFORM 1 FROM ledger.lock_accounts(
        lot_ids || (SELECT account_id FROM company WHERE organisation_id = of_company_id));
    INSERT INTO ledger.transfer
        (id, from_account_id, to_account_id, amount_cents, reason, cause_id, event_at, created_at)
    SELECT transfer_ids[rest.place], rest.id, company.account_id, rest.available, 'returned', of_grant_id,
        happened_at, written_at
    FROM (
        SELECT account.id, account.posted_cents - account.held_cents AS available,
            row_number() OVER (ORDER BY account.id) AS place
        FROM ledger.account WHERE account.id = ANY (lot_ids) AND account.posted_cents > account.held_cents
    ) rest, company
    WHERE company.organisation_id = of_company_id;
    UPDATE lot SET expired_at = happened_at WHERE id = ANY (lot_ids);
END $$;

REVOKE ALL ON FUNCTION return_revoked_lots FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT EXECUTE ON FUNCTION return_revoked_lots TO beatrice_app, beatrice_hr, beatrice_worker;
