"""Money needs two people: bank accounts, accreditations, fee rules, top-ups, payees fixed with the run.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ONE_OPERATOR = """
DROP INDEX organisation_operator_idx;
CREATE UNIQUE INDEX organisation_one_operator_key ON organisation (('operator' = ANY (kinds)))
    WHERE 'operator' = ANY (kinds);
"""

BANK_ACCOUNTS = """
ALTER TABLE organisation ADD COLUMN created_by UUID;
CREATE TABLE bank_account (
    id UUID NOT NULL,
    organisation_id UUID NOT NULL,
    iban TEXT NOT NULL,
    status TEXT DEFAULT 'pending' NOT NULL,
    requested_by UUID,
    requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
    effective_at TIMESTAMP WITH TIME ZONE NOT NULL,
    decided_by UUID,
    decided_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT bank_account_pkey PRIMARY KEY (id),
    CONSTRAINT bank_account_organisation_id_fkey FOREIGN KEY(organisation_id) REFERENCES organisation (id),
    CONSTRAINT bank_account_status_known CHECK (status IN ('pending', 'approved', 'rejected')),
    CONSTRAINT bank_account_iban_form CHECK (iban ~ '^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$'),
    CONSTRAINT bank_account_decided_when_not_pending CHECK ((status = 'pending') = (decided_at IS NULL)),
    CONSTRAINT bank_account_approver_is_not_requester CHECK (status <> 'approved' OR decided_by <> requested_by),
    CONSTRAINT bank_account_effective_once_approved CHECK (status <> 'approved' OR effective_at >= decided_at)
);
CREATE INDEX bank_account_organisation_id_idx ON bank_account (organisation_id, effective_at);
CREATE UNIQUE INDEX bank_account_one_pending_key ON bank_account (organisation_id) WHERE status = 'pending';
-- What stood before anybody had to ask: nobody's request, in force since then.
INSERT INTO bank_account (id, organisation_id, iban, status, requested_at, effective_at, decided_at)
    SELECT id, id, iban, 'approved', created_at, created_at, created_at FROM organisation WHERE iban IS NOT NULL;
ALTER TABLE organisation DROP COLUMN iban;
GRANT SELECT, INSERT ON bank_account TO beatrice_app, beatrice_worker;
GRANT UPDATE (status, effective_at, decided_by, decided_at) ON bank_account TO beatrice_app, beatrice_worker;
-- What an organisation is and who entered it stays.
REVOKE UPDATE ON organisation FROM beatrice_app, beatrice_worker;
GRANT UPDATE (name, street, street_number, postcode, town, country, external_id, metadata, version)
    ON organisation TO beatrice_app, beatrice_worker;
"""

ACCREDITATIONS = """
CREATE TABLE accreditation (
    id UUID NOT NULL,
    alliance_id UUID NOT NULL,
    provider_id UUID NOT NULL,
    membership_id UUID,
    categories TEXT[],
    valid_from DATE NOT NULL,
    valid_to DATE,
    status TEXT DEFAULT 'requested' NOT NULL,
    requested_by UUID,
    requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
    decided_by UUID,
    decided_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT accreditation_pkey PRIMARY KEY (id),
    CONSTRAINT accreditation_alliance_id_fkey FOREIGN KEY(alliance_id) REFERENCES alliance (id),
    CONSTRAINT accreditation_provider_id_fkey FOREIGN KEY(provider_id) REFERENCES provider (organisation_id),
    CONSTRAINT accreditation_membership_id_fkey FOREIGN KEY(membership_id) REFERENCES alliance_membership (id),
    CONSTRAINT accreditation_status_known CHECK (status IN ('requested', 'approved', 'refused')),
    CONSTRAINT accreditation_period CHECK (valid_to IS NULL OR valid_to > valid_from),
    CONSTRAINT accreditation_categories_named CHECK (cardinality(categories) > 0),
    CONSTRAINT accreditation_decided_when_not_requested CHECK ((status = 'requested') = (decided_at IS NULL)),
    CONSTRAINT accreditation_of_an_admission CHECK ((status = 'approved') = (membership_id IS NOT NULL)),
    CONSTRAINT accreditation_approver_is_not_requester CHECK (status <> 'approved' OR decided_by <> requested_by)
);
CREATE INDEX accreditation_provider_id_idx ON accreditation (provider_id);
CREATE INDEX accreditation_alliance_id_idx ON accreditation (alliance_id);
CREATE INDEX accreditation_membership_id_idx ON accreditation (membership_id);
CREATE UNIQUE INDEX accreditation_one_requested_key ON accreditation (provider_id, alliance_id)
    WHERE status = 'requested';
-- Who was a member of an alliance when there were no accreditations goes on as before.
INSERT INTO accreditation (id, alliance_id, provider_id, membership_id, valid_from, status, requested_at, decided_at)
    SELECT m.id, m.alliance_id, m.organisation_id, m.id, m.joined_on, 'approved', o.created_at, o.created_at
    FROM alliance_membership m JOIN provider p ON p.organisation_id = m.organisation_id
    JOIN organisation o ON o.id = m.organisation_id WHERE m.role = 'provider';
GRANT SELECT, INSERT ON accreditation TO beatrice_app, beatrice_worker;
GRANT UPDATE (status, membership_id, valid_to, decided_by, decided_at) ON accreditation
    TO beatrice_app, beatrice_worker;
-- An admission ends; nothing else of it changes.
REVOKE UPDATE ON alliance_membership FROM beatrice_app, beatrice_worker;
GRANT UPDATE (ended_on) ON alliance_membership TO beatrice_app, beatrice_worker;
"""

TOP_UPS = """
ALTER TABLE top_up
    ADD COLUMN confirmed_by UUID,
    ADD COLUMN confirmed_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN second_confirmed_by UUID,
    DROP CONSTRAINT top_up_status_known,
    DROP CONSTRAINT top_up_resolved_when_not_pending;
ALTER TABLE top_up DISABLE TRIGGER USER;
UPDATE top_up SET confirmed_by = resolved_by, confirmed_at = resolved_at WHERE status = 'confirmed';
ALTER TABLE top_up ENABLE TRIGGER USER;
ALTER TABLE top_up
    ADD CONSTRAINT top_up_status_known CHECK (status IN ('pending', 'confirming', 'confirmed', 'returned')),
    ADD CONSTRAINT top_up_resolved_when_not_pending
        CHECK ((status IN ('pending', 'confirming')) = (resolved_at IS NULL)),
    ADD CONSTRAINT top_up_confirmed_by_somebody
        CHECK (status NOT IN ('confirming', 'confirmed') OR confirmed_by IS NOT NULL AND confirmed_at IS NOT NULL),
    ADD CONSTRAINT top_up_second_is_another CHECK (second_confirmed_by IS NULL
        OR confirmed_by IS NOT NULL AND second_confirmed_by <> confirmed_by);
"""

FEE_RULES = """
ALTER TABLE fee_rule
    ADD COLUMN status TEXT DEFAULT 'draft' NOT NULL,
    ADD COLUMN created_by UUID,
    ADD COLUMN approved_by UUID,
    ADD COLUMN approved_at TIMESTAMP WITH TIME ZONE;
UPDATE fee_rule SET status = 'approved', approved_at = created_at;
ALTER TABLE fee_rule
    ADD CONSTRAINT fee_rule_status_known CHECK (status IN ('draft', 'approved')),
    ADD CONSTRAINT fee_rule_approved_once CHECK ((status = 'approved') = (approved_at IS NOT NULL)),
    ADD CONSTRAINT fee_rule_approver_is_not_maker CHECK (approved_by <> created_by);
GRANT UPDATE (status, approved_by, approved_at) ON fee_rule TO beatrice_app, beatrice_worker;
"""

RUNS = """
ALTER TABLE settlement_run
    ADD COLUMN left_out_count INTEGER DEFAULT 0 NOT NULL,
    ADD COLUMN cancelled_by UUID,
    ADD COLUMN cancelled_at TIMESTAMP WITH TIME ZONE,
    ADD CONSTRAINT settlement_run_cancelled_by_somebody CHECK ((status = 'cancelled') = (cancelled_at IS NOT NULL)
        AND (cancelled_at IS NULL) = (cancelled_by IS NULL)),
    ADD CONSTRAINT settlement_run_cancelled_or_approved CHECK (cancelled_at IS NULL OR approved_by IS NULL);
ALTER TABLE settlement DROP CONSTRAINT settlement_status_known,
    ADD CONSTRAINT settlement_status_known
        CHECK (status IN ('issued', 'approved', 'paying', 'paid', 'returned', 'cancelled'));
ALTER TABLE payout DROP CONSTRAINT payout_status_known,
    ADD CONSTRAINT payout_status_known
        CHECK (status IN ('prepared', 'approved', 'paying', 'paid', 'returned', 'cancelled')),
    ALTER COLUMN status SET DEFAULT 'prepared';
-- A line of a cancelled run settles nothing any more; what it was about is settled by another.
ALTER TABLE settlement_line ADD COLUMN cancelled BOOLEAN DEFAULT false NOT NULL,
    DROP CONSTRAINT settlement_line_payable_id_key;
CREATE UNIQUE INDEX settlement_line_settled_once_key ON settlement_line
    (payable_id, (CASE WHEN cancelled THEN id ELSE payable_id END));
GRANT UPDATE (cancelled) ON settlement_line TO beatrice_app, beatrice_worker;
-- The guards that those of app/settlements/sql take the place of.
DROP TRIGGER IF EXISTS settlement_line_no_change ON settlement_line;
DROP TRIGGER IF EXISTS payout_is_approved ON payout;
DROP FUNCTION IF EXISTS payout_is_approved;
-- Runs made before payees were fixed with them have no payouts; whoever made them makes them again.
CREATE TABLE settlement_left_out (
    run_id UUID NOT NULL,
    provider_id UUID NOT NULL,
    reason TEXT NOT NULL,
    due_cents BIGINT NOT NULL,
    CONSTRAINT settlement_left_out_pkey PRIMARY KEY (run_id, provider_id),
    CONSTRAINT settlement_left_out_run_id_fkey FOREIGN KEY(run_id) REFERENCES settlement_run (id),
    CONSTRAINT settlement_left_out_provider_id_fkey FOREIGN KEY(provider_id) REFERENCES provider (organisation_id),
    CONSTRAINT settlement_left_out_reason_known CHECK (reason IN
        ('not_accredited', 'iban_missing', 'iban_on_hold', 'name_unusable', 'below_minimum'))
);
CREATE INDEX settlement_left_out_provider_id_idx ON settlement_left_out (provider_id);
GRANT SELECT, INSERT ON settlement_left_out TO beatrice_app, beatrice_worker;
"""


def upgrade() -> None:
    connection = op.get_bind().connection.driver_connection
    for part in (ONE_OPERATOR, BANK_ACCOUNTS, ACCREDITATIONS, TOP_UPS, FEE_RULES, RUNS):
        connection.execute(part)
