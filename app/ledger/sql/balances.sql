-- Order: accounts by id, then the unique keys of a hold's end. The row triggers exist for that order alone: without
-- them a second capture would wait on the unique key of the first while holding nothing, and then ask for the account.
-- Each account is changed by its primary key in a loop, and only index lookups are allowed: a plan kept from the time
-- when a table was small would read all of it once it is large (measured: 40 ms for one hold on 50,000 accounts).

CREATE OR REPLACE FUNCTION ledger.lock_two_accounts() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    PERFORM 1 FROM account WHERE guarded AND id IN (NEW.from_account_id, NEW.to_account_id)
        ORDER BY id FOR NO KEY UPDATE;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION ledger.lock_held_account() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    PERFORM 1 FROM account WHERE id = (SELECT account_id FROM hold WHERE id = NEW.hold_id) FOR NO KEY UPDATE;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION ledger.apply_holds() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    change record;
BEGIN
    FOR change IN
        SELECT account_id, sum(amount_cents)::bigint AS held FROM new_hold GROUP BY account_id ORDER BY account_id
    LOOP
        UPDATE account SET held_cents = held_cents + change.held WHERE id = change.account_id AND guarded;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'only a guarded account can be held'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'hold_payer_guarded', SCHEMA = 'ledger', TABLE = 'hold';
        END IF;
    END LOOP;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION ledger.apply_hold_ends() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    change record;
BEGIN
    IF EXISTS (SELECT FROM new_hold_end n LEFT JOIN transfer t ON t.hold_id = n.hold_id
            AND t.amount_cents = n.amount_cents WHERE n.kind = 'captured' AND t.id IS NULL) THEN
        RAISE EXCEPTION 'a hold is captured by its transfer only'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'hold_end_captured_by_transfer',
                SCHEMA = 'ledger', TABLE = 'hold_end';
    END IF;
    FOR change IN
        SELECT h.account_id, sum(h.amount_cents)::bigint AS freed
        FROM new_hold_end n LEFT JOIN hold h ON h.id = n.hold_id
        WHERE n.kind <> 'captured' GROUP BY h.account_id ORDER BY h.account_id
    LOOP
        UPDATE account SET held_cents = held_cents - change.freed WHERE id = change.account_id;
    END LOOP;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION ledger.check_reversals() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    PERFORM FROM transfer o WHERE o.id = NEW.reverses_id AND o.id <> NEW.id
        AND o.from_account_id = NEW.to_account_id AND o.to_account_id = NEW.from_account_id
        AND o.amount_cents >= NEW.amount_cents;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'a reversal goes back over the same two accounts, for at most the same amount'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'transfer_reverses_original',
                SCHEMA = 'ledger', TABLE = 'transfer';
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION ledger.apply_transfers() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    change record;
    captures boolean := EXISTS (SELECT FROM new_transfer WHERE hold_id IS NOT NULL);
BEGIN
    IF captures AND EXISTS (SELECT FROM new_transfer n LEFT JOIN hold h ON h.id = n.hold_id
            AND h.account_id = n.from_account_id AND h.payee_account_id = n.to_account_id
            AND h.amount_cents >= n.amount_cents
            WHERE n.hold_id IS NOT NULL AND h.id IS NULL) THEN
        RAISE EXCEPTION 'a capture moves at most the held amount from its payer to its payee'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'transfer_captures_hold',
                SCHEMA = 'ledger', TABLE = 'transfer';
    END IF;
    -- The accounts of captures are locked by the row trigger.
    IF captures THEN
        INSERT INTO hold_end (hold_id, kind, amount_cents, event_at, created_at)
            SELECT hold_id, 'captured', amount_cents, event_at, created_at FROM new_transfer
            WHERE hold_id IS NOT NULL;
    END IF;
    FOR change IN
        SELECT account_id, sum(posted)::bigint AS posted, sum(freed)::bigint AS freed
        FROM (
            SELECT n.from_account_id AS account_id, -n.amount_cents AS posted, coalesce(h.amount_cents, 0) AS freed
            FROM new_transfer n LEFT JOIN hold h ON h.id = n.hold_id
            UNION ALL
            SELECT to_account_id, amount_cents, 0 FROM new_transfer
        ) side GROUP BY account_id ORDER BY account_id
    LOOP
        UPDATE account SET posted_cents = posted_cents + change.posted, held_cents = held_cents - change.freed
            WHERE id = change.account_id AND guarded;
    END LOOP;
    RETURN NULL;
END $$;

REVOKE ALL ON FUNCTION ledger.lock_two_accounts, ledger.lock_held_account, ledger.apply_holds,
    ledger.apply_hold_ends, ledger.check_reversals, ledger.apply_transfers FROM PUBLIC;

CREATE OR REPLACE TRIGGER transfer_10_lock BEFORE INSERT ON ledger.transfer FOR EACH ROW
    WHEN (NEW.hold_id IS NOT NULL OR NEW.reverses_id IS NOT NULL) EXECUTE FUNCTION ledger.lock_two_accounts();
CREATE OR REPLACE TRIGGER transfer_20_reversal AFTER INSERT ON ledger.transfer FOR EACH ROW
    WHEN (NEW.reverses_id IS NOT NULL) EXECUTE FUNCTION ledger.check_reversals();
CREATE OR REPLACE TRIGGER transfer_30_apply AFTER INSERT ON ledger.transfer REFERENCING NEW TABLE AS new_transfer
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.apply_transfers();
CREATE OR REPLACE TRIGGER hold_30_apply AFTER INSERT ON ledger.hold REFERENCING NEW TABLE AS new_hold
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.apply_holds();
CREATE OR REPLACE TRIGGER hold_end_10_lock BEFORE INSERT ON ledger.hold_end FOR EACH ROW
    WHEN (NEW.kind <> 'captured') EXECUTE FUNCTION ledger.lock_held_account();
CREATE OR REPLACE TRIGGER hold_end_30_apply AFTER INSERT ON ledger.hold_end REFERENCING NEW TABLE AS new_hold_end
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.apply_hold_ends();
