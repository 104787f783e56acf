-- Accounts, transfers, holds; the triggers of app/ledger/sql/ write the balances.

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

GRANT SELECT ON ledger.account, ledger.transfer, ledger.hold, ledger.hold_end, ledger.verification
    TO beatrice_app, beatrice_worker;
GRANT INSERT ON ledger.transfer, ledger.hold, ledger.hold_end, ledger.verification TO beatrice_app, beatrice_worker;
GRANT INSERT (id, kind, owner_id, created_at) ON ledger.account TO beatrice_app, beatrice_worker, beatrice_hr;
GRANT INSERT (id, from_account_id, to_account_id, amount_cents, reason, cause_id, event_at, created_at)
    ON ledger.transfer TO beatrice_hr;
