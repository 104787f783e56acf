-- What is owed to whom, for what, since when. The settlement of a payable is proven by the line that names it.

CREATE TABLE payable (
    id UUID NOT NULL,
    payee_id UUID NOT NULL,
    source_kind TEXT NOT NULL,
    source_id UUID NOT NULL,
    kind TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    gross_cents BIGINT NOT NULL,
    vat_code TEXT NOT NULL,
    category TEXT NOT NULL,
    service_on DATE NOT NULL,
    payable_at TIMESTAMP WITH TIME ZONE NOT NULL,
    funding_line UUID,
    transfer_id UUID NOT NULL,
    settlement_id UUID,
    blocked BOOLEAN DEFAULT 'false' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT payable_pkey PRIMARY KEY (id),
    CONSTRAINT payable_source_once_key UNIQUE (source_kind, source_id, kind, sequence),
    CONSTRAINT payable_transfer_id_key UNIQUE (transfer_id),
    CONSTRAINT payable_source_kind_known CHECK (source_kind IN ('unit', 'fee', 'claim', 'adjustment', 'public_share')),
    CONSTRAINT payable_kind_known CHECK (kind IN ('service', 'late_fee', 'no_show_fee', 'adjustment')),
    CONSTRAINT payable_vat_code_known CHECK (vat_code IN ('exempt', 'not_subject', 'vat_5', 'vat_10', 'vat_22')),
    CONSTRAINT payable_sequence_positive CHECK (sequence > 0),
    CONSTRAINT payable_gross CHECK (gross_cents > 0 OR (gross_cents < 0 AND kind = 'adjustment')),
    CONSTRAINT payable_blocked_waits CHECK (settlement_id IS NULL OR NOT blocked),
    CONSTRAINT payable_payee_id_fkey FOREIGN KEY(payee_id) REFERENCES provider (organisation_id),
    CONSTRAINT payable_transfer_id_fkey FOREIGN KEY(transfer_id) REFERENCES ledger.transfer (id)
);
CREATE INDEX payable_payee_id_idx ON payable (payee_id, payable_at);
CREATE INDEX payable_unsettled_idx ON payable (payable_at) WHERE settlement_id IS NULL;

GRANT SELECT, INSERT ON payable TO beatrice_app, beatrice_worker;
GRANT UPDATE (settlement_id, blocked) ON payable TO beatrice_app, beatrice_worker;
