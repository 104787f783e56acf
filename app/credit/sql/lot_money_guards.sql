-- How credit may come into a lot, leave it, and be reserved on it.

CREATE OR REPLACE FUNCTION check_lot_transfers() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (
            SELECT FROM new_transfer n JOIN lot ON lot.id = n.to_account_id
            JOIN credit_source source ON source.id = lot.source_id
            LEFT JOIN ledger.transfer undone ON undone.id = n.reverses_id
                AND (undone.hold_id IS NOT NULL AND n.reason <> 'restored'
                    OR undone.reason = 'returned' AND n.reason = 'restored')
            WHERE undone.id IS NULL AND (
                NOT CASE lot.kind
                    WHEN 'grant' THEN n.reason = 'granted' AND n.from_account_id = source.funded_by_account_id
                    WHEN 'grace' THEN n.reason IN ('grace', 'carried_over') AND n.from_account_id = lot.grace_of
                    ELSE n.reason = 'awarded' AND n.from_account_id = source.funded_by_account_id END
                OR n.amount_cents <> lot.amount_cents
                OR EXISTS (SELECT FROM ledger.transfer other
                    WHERE other.to_account_id = lot.id AND other.reverses_id IS NULL AND other.id <> n.id))) THEN
        PERFORM refuse_credit('lot_funded_once', 'a lot gets its amount once, and back what was captured or taken back from it');
    END IF;
    IF EXISTS (
            SELECT FROM new_transfer n JOIN lot_life life ON life.id = n.from_account_id
            JOIN ledger.account payee ON payee.id = n.to_account_id
            LEFT JOIN lot successor ON successor.id = n.to_account_id AND successor.grace_of = life.id
            WHERE n.hold_id IS NULL AND NOT CASE n.reason
                WHEN 'expired' THEN (n.event_at AT TIME ZONE 'Europe/Rome')::date > life.expires_on
                    AND payee.id = life.expired_to_account_id AND life.expired_credit_to <> 'carry_over'
                WHEN 'returned' THEN payee.id = life.returned_to_account_id
                    AND (n.event_at AT TIME ZONE 'Europe/Rome')::date > life.usable_until
                WHEN 'carried_over' THEN (n.event_at AT TIME ZONE 'Europe/Rome')::date > life.expires_on
                    AND successor.id IS NOT NULL AND successor.grace_until IS NULL
                    AND life.expired_credit_to = 'carry_over'
                WHEN 'grace' THEN successor.id IS NOT NULL AND successor.grace_until IS NOT NULL
                ELSE false END) THEN
        PERFORM refuse_credit('lot_leaves_by_rule', 'credit leaves a lot by capture, expiry, return or grace only');
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION check_lot_transfers FROM PUBLIC;
CREATE OR REPLACE TRIGGER transfer_40_lots AFTER INSERT ON ledger.transfer REFERENCING NEW TABLE AS new_transfer
    FOR EACH STATEMENT EXECUTE FUNCTION check_lot_transfers();

-- Nothing is reserved on a lot that is over; only a mark taken back puts its own credit under a hold again.
CREATE OR REPLACE FUNCTION check_lot_holds() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (
            SELECT FROM new_hold n JOIN lot_life life ON life.id = n.account_id
            WHERE (n.event_at AT TIME ZONE 'Europe/Rome')::date > life.usable_until
            AND NOT EXISTS (SELECT FROM ledger.transfer back WHERE back.to_account_id = n.account_id
                AND back.reverses_id IS NOT NULL AND back.event_at = n.event_at)) THEN
        PERFORM refuse_credit('lot_held_alive', 'nothing is reserved on a lot that is over');
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION check_lot_holds FROM PUBLIC;
CREATE OR REPLACE TRIGGER hold_40_lots AFTER INSERT ON ledger.hold REFERENCING NEW TABLE AS new_hold
    FOR EACH STATEMENT EXECUTE FUNCTION check_lot_holds();
