"""Audit: real time, session, address and request of every entry, refusals, the chain and its heads; the sealed principal.

Revision ID: 0007
Revises: 0006
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ENTRIES = """
ALTER TABLE audit_entry
    ADD COLUMN recorded_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN session_id UUID,
    ADD COLUMN address TEXT,
    ADD COLUMN request_id UUID,
    ADD COLUMN refusal TEXT,
    ADD COLUMN times INTEGER DEFAULT 1 NOT NULL,
    ADD COLUMN shown UUID[],
    ADD COLUMN hash BYTEA,
    ADD CONSTRAINT audit_entry_address_short CHECK (length(address) <= 45) NOT VALID,
    ADD CONSTRAINT audit_entry_times_positive CHECK (times > 0) NOT VALID,
    ADD CONSTRAINT audit_entry_hash_with_position CHECK ((hash IS NULL) = (position IS NULL)) NOT VALID;
ALTER TABLE audit_entry VALIDATE CONSTRAINT audit_entry_address_short;
ALTER TABLE audit_entry VALIDATE CONSTRAINT audit_entry_times_positive;
ALTER TABLE audit_entry VALIDATE CONSTRAINT audit_entry_hash_with_position;
CREATE INDEX audit_entry_actor_id_idx ON audit_entry (actor_id, id);
GRANT UPDATE (hash) ON audit_entry TO beatrice_worker;

CREATE TABLE audit_head (
    position BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    exported_at TIMESTAMP WITH TIME ZONE NOT NULL,
    key_id TEXT NOT NULL,
    signature BYTEA NOT NULL,
    CONSTRAINT audit_head_pkey PRIMARY KEY (position),
    CONSTRAINT audit_head_from_one CHECK (position > 0)
);
GRANT SELECT ON audit_head TO beatrice_app;
GRANT SELECT, INSERT ON audit_head TO beatrice_worker;
"""
PRINCIPAL = """
-- With it the first statement of a request seals who calls; nobody but the owner reads it.
CREATE TABLE principal_secret (
    only_one BOOLEAN DEFAULT true NOT NULL,
    secret BYTEA NOT NULL,
    CONSTRAINT principal_secret_pkey PRIMARY KEY (only_one),
    CONSTRAINT principal_secret_only_one CHECK (only_one),
    CONSTRAINT principal_secret_long CHECK (octet_length(secret) = 32)
);
INSERT INTO principal_secret (secret)
    VALUES (sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')));
"""
FUNCTIONS = """
-- Their parameters change: app/audit/sql, app/events/sql and app/identity/sql make them again.
DROP FUNCTION IF EXISTS record_act(uuid, text, uuid, uuid, text, text, uuid, timestamptz);
DROP FUNCTION IF EXISTS open_request(bytea, timestamptz, text, uuid, text, bytea);
DROP TRIGGER IF EXISTS audit_entry_append_only ON audit_entry;
DROP FUNCTION IF EXISTS refuse_change_but_position();
DELETE FROM database_code WHERE path IN (
    'app/audit/sql/append_only.sql', 'app/audit/sql/record_act.sql', 'app/identity/sql/open_request.sql');
"""


def upgrade() -> None:
    op.execute(ENTRIES)
    op.execute(PRINCIPAL)
    op.execute(FUNCTIONS)
