-- Fee rules, runs, settlements, lines, payouts.

CREATE TABLE fee_rule (
    id UUID NOT NULL,
    provider_id UUID,
    category TEXT,
    percent_bps INTEGER NOT NULL,
    fixed_cents BIGINT NOT NULL,
    min_cents BIGINT,
    max_cents BIGINT,
    payer TEXT NOT NULL,
    vat_bps INTEGER DEFAULT '2200' NOT NULL,
    valid_from DATE NOT NULL,
    valid_to DATE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT fee_rule_pkey PRIMARY KEY (id),
    CONSTRAINT fee_rule_not_negative CHECK (percent_bps BETWEEN 0 AND 10000 AND fixed_cents >= 0),
    CONSTRAINT fee_rule_bounds CHECK (min_cents >= 0 AND max_cents >= coalesce(min_cents, 0)),
    CONSTRAINT fee_rule_payer_known CHECK (payer IN ('provider','company','project_fund')),
    CONSTRAINT fee_rule_period CHECK (valid_to IS NULL OR valid_to > valid_from),
    CONSTRAINT fee_rule_provider_id_fkey FOREIGN KEY(provider_id) REFERENCES provider (organisation_id)
);
CREATE INDEX fee_rule_provider_id_idx ON fee_rule (provider_id);

CREATE TABLE settlement_run (
    id UUID NOT NULL,
    cutoff_on DATE NOT NULL,
    status TEXT DEFAULT 'closed' NOT NULL,
    content_sha256 TEXT NOT NULL,
    settlement_count INTEGER NOT NULL,
    total_cents BIGINT NOT NULL,
    created_by UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    approved_by UUID,
    approved_at TIMESTAMP WITH TIME ZONE,
    approved_sha256 TEXT,
    debtor_name TEXT,
    debtor_iban TEXT,
    execution_on DATE,
    payment_file_sha256 TEXT,
    sent_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT settlement_run_pkey PRIMARY KEY (id),
    CONSTRAINT settlement_run_status_known CHECK (status IN ('closed','approved','sent','reconciled','cancelled')),
    CONSTRAINT settlement_run_approver_is_not_maker CHECK (approved_by IS NULL OR approved_by <> created_by),
    CONSTRAINT settlement_run_approval_is_complete CHECK ((approved_sha256 IS NULL) = (approved_by IS NULL) AND (approved_by IS NULL) = (approved_at IS NULL)),
    CONSTRAINT settlement_run_approved_is_this_content CHECK (approved_sha256 IS NULL OR approved_sha256 = content_sha256),
    CONSTRAINT settlement_run_approved_before_sent CHECK (status IN ('closed','cancelled') OR approved_by IS NOT NULL),
    CONSTRAINT settlement_run_sent_has_instant CHECK ((status IN ('sent','reconciled')) = (sent_at IS NOT NULL)),
    CONSTRAINT settlement_run_payment_is_complete CHECK (approved_by IS NULL OR (debtor_name IS NOT NULL AND debtor_iban IS NOT NULL AND execution_on IS NOT NULL AND (payment_file_sha256 IS NULL) = (settlement_count = 0)))
);
CREATE UNIQUE INDEX settlement_run_cutoff_on_key ON settlement_run (cutoff_on) WHERE status <> 'cancelled';

CREATE TABLE settlement_counter (
    provider_id UUID NOT NULL,
    year INTEGER NOT NULL,
    last_number INTEGER NOT NULL,
    CONSTRAINT settlement_counter_pkey PRIMARY KEY (provider_id, year),
    CONSTRAINT settlement_counter_provider_id_fkey FOREIGN KEY(provider_id) REFERENCES provider (organisation_id)
);

CREATE TABLE settlement (
    id UUID NOT NULL,
    run_id UUID NOT NULL,
    provider_id UUID NOT NULL,
    year INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    cutoff_on DATE NOT NULL,
    status TEXT DEFAULT 'issued' NOT NULL,
    gross_cents BIGINT NOT NULL,
    vat_cents BIGINT NOT NULL,
    fee_cents BIGINT NOT NULL,
    fee_vat_cents BIGINT NOT NULL,
    subsidy_cents BIGINT NOT NULL,
    payout_cents BIGINT NOT NULL,
    pay_on DATE NOT NULL,
    content_sha256 TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT settlement_pkey PRIMARY KEY (id),
    CONSTRAINT settlement_run_id_provider_id_key UNIQUE (run_id, provider_id),
    CONSTRAINT settlement_provider_id_id_key UNIQUE (provider_id, id),
    CONSTRAINT settlement_number_key UNIQUE (provider_id, year, sequence),
    CONSTRAINT settlement_status_known CHECK (status IN ('issued','approved','paying','paid','returned')),
    CONSTRAINT settlement_adds_up CHECK (payout_cents = gross_cents - fee_cents - fee_vat_cents + subsidy_cents AND payout_cents >= 0),
    CONSTRAINT settlement_run_id_fkey FOREIGN KEY(run_id) REFERENCES settlement_run (id),
    CONSTRAINT settlement_provider_id_fkey FOREIGN KEY(provider_id) REFERENCES provider (organisation_id)
);

CREATE TABLE settlement_line (
    id UUID NOT NULL,
    settlement_id UUID NOT NULL,
    provider_id UUID NOT NULL,
    payable_id UUID NOT NULL,
    unit_id UUID NOT NULL,
    kind TEXT NOT NULL,
    service_on DATE NOT NULL,
    vat_code TEXT NOT NULL,
    gross_cents BIGINT NOT NULL,
    fee_cents BIGINT NOT NULL,
    fee_vat_cents BIGINT NOT NULL,
    subsidy_cents BIGINT NOT NULL,
    net_cents BIGINT NOT NULL,
    CONSTRAINT settlement_line_pkey PRIMARY KEY (id),
    CONSTRAINT settlement_line_payable_id_key UNIQUE (payable_id),
    CONSTRAINT settlement_line_provider_id_settlement_id_fkey FOREIGN KEY(provider_id, settlement_id) REFERENCES settlement (provider_id, id),
    CONSTRAINT settlement_line_kind_known CHECK (kind IN ('service','late_fee','no_show_fee','adjustment')),
    CONSTRAINT settlement_line_adds_up CHECK (net_cents = gross_cents - fee_cents - fee_vat_cents + subsidy_cents),
    CONSTRAINT settlement_line_payable_id_fkey FOREIGN KEY(payable_id) REFERENCES payable (id)
);
CREATE INDEX settlement_line_settlement_idx ON settlement_line (provider_id, settlement_id);

CREATE TABLE payout (
    id UUID NOT NULL,
    run_id UUID NOT NULL,
    settlement_id UUID NOT NULL,
    provider_id UUID NOT NULL,
    end_to_end_id TEXT NOT NULL,
    creditor_name TEXT NOT NULL,
    iban TEXT NOT NULL,
    creditor_street TEXT,
    creditor_street_number TEXT,
    creditor_postcode TEXT,
    creditor_town TEXT,
    creditor_country TEXT NOT NULL,
    amount_cents BIGINT NOT NULL,
    status TEXT DEFAULT 'approved' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT payout_pkey PRIMARY KEY (id),
    CONSTRAINT payout_provider_id_settlement_id_fkey FOREIGN KEY(provider_id, settlement_id) REFERENCES settlement (provider_id, id),
    CONSTRAINT payout_settlement_id_key UNIQUE (settlement_id),
    CONSTRAINT payout_positive CHECK (amount_cents > 0),
    CONSTRAINT payout_status_known CHECK (status IN ('approved','paying','paid','returned')),
    CONSTRAINT payout_end_to_end_id_sepa CHECK (end_to_end_id ~ '^[A-Za-z0-9/?:().,+ -]{1,35}$'),
    CONSTRAINT payout_run_id_fkey FOREIGN KEY(run_id) REFERENCES settlement_run (id),
    CONSTRAINT payout_end_to_end_id_key UNIQUE (end_to_end_id)
);
CREATE INDEX payout_run_id_idx ON payout (run_id);
CREATE INDEX payout_settlement_idx ON payout (provider_id, settlement_id);

GRANT SELECT, INSERT, UPDATE ON settlement_run, settlement_counter, settlement, payout
    TO beatrice_app, beatrice_worker;
GRANT SELECT, INSERT ON fee_rule, settlement_line TO beatrice_app, beatrice_worker;
