"""Login: sessions that are listed and end when idle, second factor, e-mail change by link, known places,
wrong activation codes counted for good.

Revision ID: 0005
Revises: 0004
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SESSIONS = """
ALTER TABLE session_token
    ADD COLUMN id UUID DEFAULT gen_random_uuid() NOT NULL,
    ADD COLUMN last_used_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN idle_limit INTERVAL,
    ADD COLUMN proved_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN second_factor BOOLEAN DEFAULT 'false' NOT NULL,
    ADD CONSTRAINT session_token_id_key UNIQUE (id);
-- The first statement of a request answers more: app/identity/sql makes it again.
DROP FUNCTION IF EXISTS open_request(bytea, timestamptz, text, uuid, text, bytea);
DELETE FROM database_code WHERE path = 'app/identity/sql/open_request.sql';

CREATE TABLE known_place (
    user_id UUID NOT NULL,
    network BYTEA NOT NULL,
    last_used_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT known_place_pkey PRIMARY KEY (user_id, network),
    CONSTRAINT known_place_user_id_fkey FOREIGN KEY (user_id) REFERENCES user_account (id)
);
CREATE INDEX known_place_last_used_at_idx ON known_place (last_used_at);
GRANT SELECT, INSERT, UPDATE ON known_place TO beatrice_app;
GRANT SELECT, DELETE ON known_place TO beatrice_worker;
"""
SECOND_FACTOR = """
CREATE TABLE second_factor (
    user_id UUID NOT NULL,
    sealed_secret BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    confirmed_at TIMESTAMP WITH TIME ZONE,
    last_step BIGINT,
    CONSTRAINT second_factor_pkey PRIMARY KEY (user_id),
    CONSTRAINT second_factor_confirmed_by_a_code CHECK ((confirmed_at IS NULL) = (last_step IS NULL)),
    CONSTRAINT second_factor_user_id_fkey FOREIGN KEY (user_id) REFERENCES user_account (id)
);

CREATE TABLE recovery_code (
    user_id UUID NOT NULL,
    code_hash BYTEA NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT recovery_code_pkey PRIMARY KEY (user_id, code_hash),
    CONSTRAINT recovery_code_user_id_fkey FOREIGN KEY (user_id) REFERENCES second_factor (user_id) ON DELETE CASCADE
);
GRANT SELECT, INSERT, UPDATE, DELETE ON second_factor TO beatrice_app;
GRANT SELECT, INSERT ON recovery_code TO beatrice_app;
GRANT UPDATE (used_at) ON recovery_code TO beatrice_app;
"""
EMAIL_CHANGE = """
CREATE TABLE email_change (
    id UUID NOT NULL,
    token_hash BYTEA NOT NULL,
    user_id UUID NOT NULL,
    old_email TEXT NOT NULL,
    new_email TEXT NOT NULL,
    session_hash BYTEA,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    accepted_at TIMESTAMP WITH TIME ZONE,
    ended_at TIMESTAMP WITH TIME ZONE,
    undo_hash BYTEA,
    undo_until TIMESTAMP WITH TIME ZONE,
    undone_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT email_change_pkey PRIMARY KEY (id),
    CONSTRAINT email_change_token_hash_key UNIQUE (token_hash),
    CONSTRAINT email_change_undo_hash_key UNIQUE (undo_hash),
    CONSTRAINT email_change_email_lower CHECK (old_email = lower(old_email) AND new_email = lower(new_email)),
    CONSTRAINT email_change_accepted_whole CHECK (num_nonnulls(accepted_at, undo_hash, undo_until) IN (0, 3)),
    CONSTRAINT email_change_undone_after_accepted CHECK (undone_at IS NULL OR accepted_at IS NOT NULL),
    CONSTRAINT email_change_user_id_fkey FOREIGN KEY (user_id) REFERENCES user_account (id)
);
CREATE INDEX email_change_user_id_idx ON email_change (user_id);
GRANT SELECT, INSERT ON email_change TO beatrice_app;
GRANT UPDATE (accepted_at, ended_at, undo_hash, undo_until, undone_at) ON email_change TO beatrice_app;
"""
ACTIVATION = """
CREATE TABLE activation_failure (
    employee_id UUID NOT NULL,
    company_id UUID NOT NULL,
    failures INTEGER NOT NULL,
    last_failed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT activation_failure_pkey PRIMARY KEY (employee_id),
    CONSTRAINT activation_failure_counted CHECK (failures > 0),
    CONSTRAINT activation_failure_company_id_employee_id_fkey FOREIGN KEY (company_id, employee_id)
        REFERENCES employee (company_id, id)
);
CREATE INDEX activation_failure_employee_idx ON activation_failure (company_id, employee_id);
GRANT SELECT, INSERT, UPDATE, DELETE ON activation_failure TO beatrice_app;
"""


def upgrade() -> None:
    for script in (SESSIONS, SECOND_FACTOR, EMAIL_CHANGE, ACTIVATION):
        op.execute(script)
