-- The two sides of each transfer.

CREATE OR REPLACE VIEW ledger.entry WITH (security_invoker = true) AS
    SELECT from_account_id AS account_id, id AS transfer_id, -amount_cents AS amount_cents, reason, event_at, created_at
    FROM ledger.transfer
    UNION ALL
    SELECT to_account_id, id, amount_cents, reason, event_at, created_at
    FROM ledger.transfer;

REVOKE ALL ON ledger.entry FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT SELECT ON ledger.entry TO beatrice_app, beatrice_worker;
