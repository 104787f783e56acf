"""Claims: what people paid themselves and ask back, and how they are paid.

Revision ID: 0018
Revises: 0014
"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

CLAIM_DOCUMENTS = """
CREATE TABLE care.claim_document (
    id UUID NOT NULL,
    fingerprint BYTEA NOT NULL,
    sealed_identity BYTEA NOT NULL,
    total_cents BIGINT NOT NULL,
    public_cents BIGINT NOT NULL,
    claimed_cents BIGINT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT claim_document_pkey PRIMARY KEY (id),
    CONSTRAINT claim_document_fingerprint_key UNIQUE (fingerprint),
    CONSTRAINT claim_document_something_own CHECK (public_cents >= 0 AND total_cents > public_cents),
    CONSTRAINT claim_document_never_exceeded CHECK (claimed_cents >= 0 AND claimed_cents <= total_cents -
        public_cents)
);
GRANT SELECT, INSERT, UPDATE ON care.claim_document TO beatrice_app;
GRANT SELECT ON care.claim_document TO beatrice_worker;
"""
CLAIM_RUNS = """
CREATE TABLE care.claim_run (
    id UUID NOT NULL,
    status TEXT NOT NULL,
    content_sha256 TEXT NOT NULL,
    claim_count INTEGER NOT NULL,
    total_cents BIGINT NOT NULL,
    created_by UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    approved_by UUID,
    approved_at TIMESTAMP WITH TIME ZONE,
    debtor_name TEXT,
    debtor_iban TEXT,
    execution_on DATE,
    payment_file_sha256 TEXT,
    sent_at TIMESTAMP WITH TIME ZONE,
    cancelled_by UUID,
    cancelled_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT claim_run_pkey PRIMARY KEY (id),
    CONSTRAINT claim_run_status_known CHECK (status IN ('closed', 'approved', 'sent', 'cancelled')),
    CONSTRAINT claim_run_something_to_pay CHECK (claim_count > 0 AND total_cents > 0),
    CONSTRAINT claim_run_approver_is_not_maker CHECK (approved_by <> created_by),
    CONSTRAINT claim_run_approved_whole CHECK (num_nonnulls(approved_by, approved_at, debtor_name, debtor_iban,
        execution_on, payment_file_sha256) = CASE WHEN status IN ('approved','sent') THEN 6 ELSE 0 END),
    CONSTRAINT claim_run_sent_has_instant CHECK ((status = 'sent') = (sent_at IS NOT NULL)),
    CONSTRAINT claim_run_cancelled_whole CHECK (num_nonnulls(cancelled_by, cancelled_at) = CASE WHEN status =
        'cancelled' THEN 2 ELSE 0 END),
    CONSTRAINT claim_run_created_by_fkey FOREIGN KEY (created_by) REFERENCES user_account (id),
    CONSTRAINT claim_run_approved_by_fkey FOREIGN KEY (approved_by) REFERENCES user_account (id),
    CONSTRAINT claim_run_cancelled_by_fkey FOREIGN KEY (cancelled_by) REFERENCES user_account (id)
);
CREATE INDEX claim_run_approved_by_idx ON care.claim_run (approved_by);
CREATE INDEX claim_run_cancelled_by_idx ON care.claim_run (cancelled_by);
CREATE INDEX claim_run_created_by_idx ON care.claim_run (created_by);
GRANT SELECT, INSERT, UPDATE ON care.claim_run TO beatrice_app;
"""
CLAIMS = """
CREATE TABLE care.claim (
    id UUID NOT NULL,
    user_id UUID NOT NULL,
    document_id UUID NOT NULL,
    beneficiary_id UUID NOT NULL,
    category TEXT NOT NULL,
    service_on DATE NOT NULL,
    decision JSONB NOT NULL,
    amount_cents BIGINT NOT NULL,
    status TEXT NOT NULL,
    sealed_details BYTEA NOT NULL,
    sealed_payee BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    sealed_question BYTEA,
    sealed_answer BYTEA,
    decided_at TIMESTAMP WITH TIME ZONE,
    decided_by UUID,
    sealed_decision BYTEA,
    appealed_at TIMESTAMP WITH TIME ZONE,
    sealed_appeal BYTEA,
    first_decided_by UUID,
    run_id UUID,
    paid_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT claim_pkey PRIMARY KEY (id),
    CONSTRAINT claim_user_id_id_key UNIQUE (user_id, id),
    CONSTRAINT claim_status_known CHECK (status IN ('submitted', 'needs_info', 'approved', 'rejected',
        'withdrawn', 'paid')),
    CONSTRAINT claim_something_claimed CHECK (amount_cents > 0),
    CONSTRAINT claim_asked_in_words CHECK (status <> 'needs_info' OR sealed_question IS NOT NULL),
    CONSTRAINT claim_decided_whole CHECK (num_nonnulls(decided_at, decided_by, sealed_decision) = CASE WHEN
        status IN ('approved','rejected','paid') OR appealed_at IS NOT NULL THEN 3 ELSE 0 END),
    CONSTRAINT claim_appealed_in_words CHECK ((appealed_at IS NULL) = (sealed_appeal IS NULL)),
    CONSTRAINT claim_appeals_a_decision CHECK ((appealed_at IS NULL) = (first_decided_by IS NULL)),
    CONSTRAINT claim_decided_by_another CHECK (decided_by <> user_id),
    CONSTRAINT claim_appeal_decided_by_another CHECK (status NOT IN ('approved','rejected','paid') OR
        decided_by <> first_decided_by),
    CONSTRAINT claim_paid_when_approved CHECK (run_id IS NULL OR status IN ('approved','paid')),
    CONSTRAINT claim_paid_has_instant CHECK ((status = 'paid') = (paid_at IS NOT NULL)),
    CONSTRAINT claim_paid_by_a_run CHECK (status <> 'paid' OR run_id IS NOT NULL),
    CONSTRAINT claim_user_id_fkey FOREIGN KEY (user_id) REFERENCES user_account (id),
    CONSTRAINT claim_document_id_fkey FOREIGN KEY (document_id) REFERENCES care.claim_document (id),
    CONSTRAINT claim_beneficiary_id_fkey FOREIGN KEY (beneficiary_id) REFERENCES care.beneficiary (id),
    CONSTRAINT claim_decided_by_fkey FOREIGN KEY (decided_by) REFERENCES user_account (id),
    CONSTRAINT claim_first_decided_by_fkey FOREIGN KEY (first_decided_by) REFERENCES user_account (id),
    CONSTRAINT claim_run_id_fkey FOREIGN KEY (run_id) REFERENCES care.claim_run (id)
);
CREATE INDEX claim_beneficiary_idx ON care.claim (beneficiary_id);
CREATE INDEX claim_decided_by_idx ON care.claim (decided_by);
CREATE INDEX claim_document_idx ON care.claim (document_id);
CREATE INDEX claim_first_decided_by_idx ON care.claim (first_decided_by);
CREATE INDEX claim_run_idx ON care.claim (run_id);
CREATE INDEX claim_status_idx ON care.claim (status, id);
GRANT SELECT, INSERT, UPDATE ON care.claim TO beatrice_app;
GRANT SELECT ON care.claim TO beatrice_worker;
"""
CLAIM_LEGS = """
CREATE TABLE care.claim_leg (
    hold_id UUID NOT NULL,
    claim_id UUID NOT NULL,
    attempt SMALLINT NOT NULL,
    lot_id UUID NOT NULL,
    rule_code TEXT NOT NULL,
    amount_cents BIGINT NOT NULL,
    CONSTRAINT claim_leg_pkey PRIMARY KEY (hold_id),
    CONSTRAINT claim_leg_lot_key UNIQUE (claim_id, attempt, lot_id),
    CONSTRAINT claim_leg_amount_positive CHECK (amount_cents > 0),
    CONSTRAINT claim_leg_attempt_known CHECK (attempt IN (1,2)),
    CONSTRAINT claim_leg_hold_id_fkey FOREIGN KEY (hold_id) REFERENCES ledger.hold (id),
    CONSTRAINT claim_leg_claim_id_fkey FOREIGN KEY (claim_id) REFERENCES care.claim (id),
    CONSTRAINT claim_leg_lot_id_fkey FOREIGN KEY (lot_id) REFERENCES lot (id)
);
CREATE INDEX claim_leg_lot_idx ON care.claim_leg (lot_id);
GRANT SELECT, INSERT ON care.claim_leg TO beatrice_app;
GRANT SELECT ON care.claim_leg TO beatrice_worker;
"""
CLAIM_FILES = """
CREATE TABLE care.claim_file (
    id UUID NOT NULL,
    user_id UUID NOT NULL,
    claim_id UUID,
    media_type TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    sealed_content BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT claim_file_pkey PRIMARY KEY (id),
    CONSTRAINT claim_file_media_type_known CHECK (media_type IN ('application/pdf', 'image/jpeg', 'image/png')),
    CONSTRAINT claim_file_not_empty CHECK (size_bytes > 0),
    CONSTRAINT claim_file_user_id_fkey FOREIGN KEY (user_id) REFERENCES user_account (id),
    CONSTRAINT claim_file_claim_id_fkey FOREIGN KEY (claim_id) REFERENCES care.claim (id)
);
CREATE INDEX claim_file_claim_idx ON care.claim_file (claim_id, id);
CREATE INDEX claim_file_user_idx ON care.claim_file (user_id, claim_id);
GRANT SELECT, INSERT, UPDATE, DELETE ON care.claim_file TO beatrice_app;
"""


def upgrade() -> None:
    for statements in (CLAIM_DOCUMENTS, CLAIM_RUNS, CLAIMS, CLAIM_LEGS, CLAIM_FILES):
        op.execute(statements)
