"""Ledger: accounts, transfers, holds, and the triggers that keep balances true.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLES = """
CREATE TABLE ledger.account (
    id uuid CONSTRAINT account_pkey PRIMARY KEY,
    kind text NOT NULL CONSTRAINT account_kind CHECK (kind IN (
        'bank_clearing_company', 'bank_clearing_public', 'company_account', 'lot', 'entitlement_budget',
        'project_fund', 'provider_earned', 'provider_payable', 'provider_in_transit', 'provider_recoverable',
        'claims_payable', 'vat_payable', 'platform_fees', 'solidarity_fund', 'suspense')),
    owner_id uuid,
    guarded boolean NOT NULL GENERATED ALWAYS AS (
        kind IN ('company_account', 'lot', 'entitlement_budget', 'project_fund')) STORED,
    posted_cents bigint NOT NULL DEFAULT 0,
    held_cents bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    CONSTRAINT account_kind_owner_id_key UNIQUE NULLS NOT DISTINCT (kind, owner_id),
    CONSTRAINT account_held_not_negative CHECK (held_cents >= 0),
    CONSTRAINT account_no_overdraft CHECK (NOT guarded OR posted_cents - held_cents >= 0),
    CONSTRAINT account_open_keeps_no_balance CHECK (guarded OR (posted_cents = 0 AND held_cents = 0))
) WITH (fillfactor = 70);

CREATE TABLE ledger.hold (
    id uuid CONSTRAINT hold_pkey PRIMARY KEY,
    account_id uuid NOT NULL CONSTRAINT hold_account_id_fkey REFERENCES ledger.account,
    payee_account_id uuid NOT NULL CONSTRAINT hold_payee_account_id_fkey REFERENCES ledger.account,
    amount_cents bigint NOT NULL CONSTRAINT hold_amount CHECK (amount_cents BETWEEN 1 AND 1000000000000),
    cause_id uuid,
    event_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT hold_two_accounts CHECK (account_id <> payee_account_id)
);
CREATE INDEX hold_account_id_idx ON ledger.hold (account_id);
CREATE INDEX hold_payee_account_id_idx ON ledger.hold (payee_account_id);
CREATE INDEX hold_cause_id_idx ON ledger.hold (cause_id) WHERE cause_id IS NOT NULL;

CREATE TABLE ledger.transfer (
    id uuid CONSTRAINT transfer_pkey PRIMARY KEY,
    from_account_id uuid NOT NULL CONSTRAINT transfer_from_account_id_fkey REFERENCES ledger.account,
    to_account_id uuid NOT NULL CONSTRAINT transfer_to_account_id_fkey REFERENCES ledger.account,
    amount_cents bigint NOT NULL CONSTRAINT transfer_amount CHECK (amount_cents BETWEEN 1 AND 1000000000000),
    reason text NOT NULL CONSTRAINT transfer_reason CHECK (reason ~ '^[a-z][a-z0-9_]{1,58}[a-z0-9]$'),
    hold_id uuid CONSTRAINT transfer_hold_id_fkey REFERENCES ledger.hold,
    reverses_id uuid CONSTRAINT transfer_reverses_id_fkey REFERENCES ledger.transfer,
    cause_id uuid,
    event_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT transfer_two_accounts CHECK (from_account_id <> to_account_id),
    CONSTRAINT transfer_capture_or_reversal CHECK (hold_id IS NULL OR reverses_id IS NULL)
);
CREATE INDEX transfer_from_account_id_idx ON ledger.transfer (from_account_id, id);
CREATE INDEX transfer_to_account_id_idx ON ledger.transfer (to_account_id, id);
CREATE UNIQUE INDEX transfer_hold_id_key ON ledger.transfer (hold_id) WHERE hold_id IS NOT NULL;
CREATE UNIQUE INDEX transfer_reverses_id_key ON ledger.transfer (reverses_id) WHERE reverses_id IS NOT NULL;
CREATE INDEX transfer_cause_id_idx ON ledger.transfer (cause_id) WHERE cause_id IS NOT NULL;

CREATE TABLE ledger.hold_end (
    hold_id uuid CONSTRAINT hold_end_pkey PRIMARY KEY CONSTRAINT hold_end_hold_id_fkey REFERENCES ledger.hold,
    kind text NOT NULL CONSTRAINT hold_end_kind CHECK (kind IN ('captured', 'released', 'expired')),
    amount_cents bigint NOT NULL,
    event_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT hold_end_amount CHECK (
        CASE kind WHEN 'captured' THEN amount_cents BETWEEN 1 AND 1000000000000 ELSE amount_cents = 0 END)
);

CREATE TABLE ledger.verification (
    id uuid CONSTRAINT verification_pkey PRIMARY KEY,
    verified_at timestamptz NOT NULL,
    ok boolean NOT NULL,
    detail jsonb NOT NULL
);
CREATE INDEX verification_verified_at_idx ON ledger.verification (verified_at);

CREATE VIEW ledger.entry WITH (security_invoker = true) AS
    SELECT from_account_id AS account_id, id AS transfer_id, -amount_cents AS amount_cents, reason, event_at, created_at
    FROM ledger.transfer
    UNION ALL
    SELECT to_account_id, id, amount_cents, reason, event_at, created_at
    FROM ledger.transfer;
"""

# What callers may ask for beyond plain SELECT and INSERT. The application has no UPDATE on account, hence cannot lock
# its rows itself; the HR role has no SELECT on it, because a lot's balance tells of the use of care.
CALLABLE = """
CREATE FUNCTION ledger.lock_accounts(ids uuid[])
RETURNS TABLE (account_id uuid, posted_cents bigint, held_cents bigint)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
    SELECT a.id, a.posted_cents, a.held_cents FROM account a
    WHERE a.id = ANY (ids) AND a.guarded ORDER BY a.id FOR NO KEY UPDATE
$$;

CREATE FUNCTION ledger.company_balance(company_id uuid, for_update boolean)
RETURNS TABLE (account_id uuid, posted_cents bigint, held_cents bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
BEGIN
    IF for_update THEN
        PERFORM 1 FROM account a WHERE a.kind = 'company_account' AND a.owner_id = company_id FOR NO KEY UPDATE;
    END IF;
    RETURN QUERY SELECT a.id, a.posted_cents, a.held_cents FROM account a
        WHERE a.kind = 'company_account' AND a.owner_id = company_id;
END $$;
"""

# Order: accounts by id, then the unique keys of a hold's end. The row triggers exist for that order alone: without
# them a second capture would wait on the unique key of the first while holding nothing, and then ask for the account.
# Each account is changed by its primary key in a loop, and only index lookups are allowed: a plan kept from the time
# when a table was small would read all of it once it is large (measured: 40 ms for one hold on 50,000 accounts).
LOOKUPS = """SECURITY DEFINER SET search_path = ledger, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off"""
BALANCES = """
CREATE FUNCTION ledger.lock_two_accounts() RETURNS trigger LANGUAGE plpgsql LOOKUPS AS $$
BEGIN
    PERFORM 1 FROM account WHERE guarded AND id IN (NEW.from_account_id, NEW.to_account_id)
        ORDER BY id FOR NO KEY UPDATE;
    RETURN NEW;
END $$;

CREATE FUNCTION ledger.lock_held_account() RETURNS trigger LANGUAGE plpgsql LOOKUPS AS $$
BEGIN
    PERFORM 1 FROM account WHERE id = (SELECT account_id FROM hold WHERE id = NEW.hold_id) FOR NO KEY UPDATE;
    RETURN NEW;
END $$;

CREATE FUNCTION ledger.apply_holds() RETURNS trigger LANGUAGE plpgsql LOOKUPS AS $$
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

CREATE FUNCTION ledger.apply_hold_ends() RETURNS trigger LANGUAGE plpgsql LOOKUPS AS $$
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

CREATE FUNCTION ledger.check_reversals() RETURNS trigger LANGUAGE plpgsql LOOKUPS AS $$
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

CREATE FUNCTION ledger.apply_transfers() RETURNS trigger LANGUAGE plpgsql LOOKUPS AS $$
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

CREATE TRIGGER transfer_10_lock BEFORE INSERT ON ledger.transfer FOR EACH ROW
    WHEN (NEW.hold_id IS NOT NULL OR NEW.reverses_id IS NOT NULL) EXECUTE FUNCTION ledger.lock_two_accounts();
CREATE TRIGGER transfer_20_reversal AFTER INSERT ON ledger.transfer FOR EACH ROW
    WHEN (NEW.reverses_id IS NOT NULL) EXECUTE FUNCTION ledger.check_reversals();
CREATE TRIGGER transfer_30_apply AFTER INSERT ON ledger.transfer REFERENCING NEW TABLE AS new_transfer
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.apply_transfers();
CREATE TRIGGER hold_30_apply AFTER INSERT ON ledger.hold REFERENCING NEW TABLE AS new_hold
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.apply_holds();
CREATE TRIGGER hold_end_10_lock BEFORE INSERT ON ledger.hold_end FOR EACH ROW
    WHEN (NEW.kind <> 'captured') EXECUTE FUNCTION ledger.lock_held_account();
CREATE TRIGGER hold_end_30_apply AFTER INSERT ON ledger.hold_end REFERENCING NEW TABLE AS new_hold_end
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.apply_hold_ends();
""".replace("LOOKUPS", LOOKUPS)

# Depth 0 is a statement of a client; the balances above are written one level down.
APPEND_ONLY = """
CREATE FUNCTION ledger.refuse() RETURNS trigger LANGUAGE plpgsql SET search_path = ledger, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'ledger rows never change or vanish'
        USING ERRCODE = 'check_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only',
            SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME;
END $$;

CREATE TRIGGER account_00_new_is_empty BEFORE INSERT ON ledger.account FOR EACH ROW
    WHEN (NEW.posted_cents <> 0 OR NEW.held_cents <> 0) EXECUTE FUNCTION ledger.refuse();
CREATE TRIGGER account_00_no_update BEFORE UPDATE ON ledger.account FOR EACH STATEMENT
    WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION ledger.refuse();
CREATE TRIGGER account_00_no_delete BEFORE DELETE ON ledger.account
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
CREATE TRIGGER account_00_no_truncate BEFORE TRUNCATE ON ledger.account
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
""" + "".join(
    f"""
CREATE TRIGGER {table}_00_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.{table}
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
"""
    for table in ("transfer", "hold", "hold_end", "verification")
)

# The HR role grants credit and does nothing else. A transfer out of a lot would tell by its refusal how much of the lot
# is left, that is used; so the check comes before balances are looked at.
HR = """
CREATE FUNCTION ledger.refuse_unless_lots() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp AS $$
BEGIN
    IF NEW.kind <> 'lot' THEN
        RAISE EXCEPTION 'this role opens lots only' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION ledger.refuse_unless_grants() RETURNS trigger LANGUAGE plpgsql LOOKUPS AS $$
BEGIN
    IF EXISTS (SELECT FROM new_transfer n
            LEFT JOIN account f ON f.id = n.from_account_id AND f.kind = 'company_account'
            LEFT JOIN account t ON t.id = n.to_account_id AND t.kind = 'lot'
            WHERE f.id IS NULL OR t.id IS NULL OR n.hold_id IS NOT NULL OR n.reverses_id IS NOT NULL) THEN
        RAISE EXCEPTION 'this role moves credit from a company to lots only' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER account_05_hr BEFORE INSERT ON ledger.account FOR EACH ROW
    WHEN (current_user = 'beatrice_hr') EXECUTE FUNCTION ledger.refuse_unless_lots();
CREATE TRIGGER transfer_25_hr AFTER INSERT ON ledger.transfer REFERENCING NEW TABLE AS new_transfer
    FOR EACH STATEMENT WHEN (current_user = 'beatrice_hr') EXECUTE FUNCTION ledger.refuse_unless_grants();
""".replace("LOOKUPS", LOOKUPS)

GRANTS = """
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA ledger FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA ledger FROM PUBLIC;
GRANT USAGE ON SCHEMA ledger TO beatrice_app, beatrice_worker, beatrice_hr;

GRANT SELECT ON ALL TABLES IN SCHEMA ledger TO beatrice_app, beatrice_worker;
GRANT INSERT ON ledger.transfer, ledger.hold, ledger.hold_end, ledger.verification TO beatrice_app, beatrice_worker;
GRANT INSERT (id, kind, owner_id, created_at) ON ledger.account TO beatrice_app, beatrice_worker, beatrice_hr;
GRANT EXECUTE ON FUNCTION ledger.lock_accounts(uuid[]) TO beatrice_app, beatrice_worker;
GRANT EXECUTE ON FUNCTION ledger.company_balance(uuid, boolean) TO beatrice_app, beatrice_worker, beatrice_hr;
GRANT INSERT (id, from_account_id, to_account_id, amount_cents, reason, cause_id, event_at, created_at)
    ON ledger.transfer TO beatrice_hr;
"""

DOWN = """
DROP VIEW ledger.entry;
DROP TABLE ledger.verification, ledger.hold_end, ledger.transfer, ledger.hold, ledger.account;
DROP FUNCTION ledger.lock_accounts, ledger.company_balance, ledger.lock_two_accounts, ledger.lock_held_account,
    ledger.apply_holds, ledger.apply_hold_ends, ledger.check_reversals, ledger.apply_transfers, ledger.refuse,
    ledger.refuse_unless_lots, ledger.refuse_unless_grants;
"""


def upgrade():
    for script in (TABLES, CALLABLE, BALANCES, APPEND_ONLY, HR, GRANTS):
        op.execute(script)


def downgrade():
    op.execute(DOWN)
