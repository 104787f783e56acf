"""Kernel: schemas, search configuration, business clock, replays, events, audit, mail, jobs.

Revision ID: 0001
Revises:
"""

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

FOUNDATION = """
CREATE EXTENSION IF NOT EXISTS btree_gist;
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS unaccent;
CREATE SCHEMA ledger;
CREATE SCHEMA care;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public, ledger TO beatrice_app, beatrice_hr, beatrice_worker;
GRANT USAGE ON SCHEMA care TO beatrice_app, beatrice_worker;
CREATE TEXT SEARCH CONFIGURATION public.it_unaccent (COPY = italian);
ALTER TEXT SEARCH CONFIGURATION public.it_unaccent
    ALTER MAPPING FOR hword, hword_part, word, asciiword, asciihword, hword_asciipart WITH unaccent, italian_stem;

-- Business time minus real time: one row, moved only in the sandbox, shared by API and worker.
CREATE TABLE clock_offset (
    only_row boolean CONSTRAINT clock_offset_pkey PRIMARY KEY DEFAULT true
        CONSTRAINT clock_offset_one_row CHECK (only_row),
    offset_interval interval NOT NULL DEFAULT '0',
    CONSTRAINT clock_offset_never_behind CHECK (offset_interval > '-100 years')
);
INSERT INTO clock_offset DEFAULT VALUES;
"""

TABLES = r"""
CREATE TABLE idempotency_key (
    principal_id UUID NOT NULL,
    key VARCHAR(255) NOT NULL,
    fingerprint BYTEA NOT NULL,
    sealed_answer BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT idempotency_key_pkey PRIMARY KEY (principal_id, key)
);
CREATE INDEX idempotency_key_created_at_idx ON idempotency_key (created_at);

CREATE TABLE event (
    id UUID NOT NULL,
    type TEXT NOT NULL,
    object_kind TEXT NOT NULL,
    object_id UUID NOT NULL,
    organisation_ids UUID[] NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    position BIGINT,
    CONSTRAINT event_pkey PRIMARY KEY (id),
    CONSTRAINT event_type_form CHECK (type ~ '^[a-z_]+\.[a-z_]+$'),
    CONSTRAINT event_position_key UNIQUE (position)
);
CREATE INDEX event_object_id_idx ON event (object_id);
CREATE INDEX event_unnumbered_idx ON event (created_at) WHERE position IS NULL;

CREATE TABLE audit_entry (
    id UUID NOT NULL,
    actor_kind TEXT NOT NULL,
    actor_id UUID,
    organisation_id UUID,
    action TEXT NOT NULL,
    object_kind TEXT NOT NULL,
    object_id UUID,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    position BIGINT,
    CONSTRAINT audit_entry_pkey PRIMARY KEY (id),
    CONSTRAINT audit_entry_actor_kind_known CHECK (actor_kind IN ('user','api_key','anonymous','system')),
    CONSTRAINT audit_entry_position_key UNIQUE (position)
);
CREATE INDEX audit_entry_object_id_idx ON audit_entry (object_id);
CREATE INDEX audit_entry_unnumbered_idx ON audit_entry (created_at) WHERE position IS NULL;

CREATE TABLE outgoing_mail (
    id UUID NOT NULL,
    recipient TEXT NOT NULL,
    subject TEXT NOT NULL,
    text TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    sent_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT outgoing_mail_pkey PRIMARY KEY (id)
);
CREATE INDEX outgoing_mail_recipient_idx ON outgoing_mail (recipient, id);
"""

GUARDS = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % never change', TG_TABLE_NAME
        USING ERRCODE = '23514', CONSTRAINT = TG_TABLE_NAME || '_append_only';
END $$;
CREATE FUNCTION refuse_change_but_position() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.position IS NOT NULL OR NEW.position IS NULL
        OR to_jsonb(NEW) - 'position' IS DISTINCT FROM to_jsonb(OLD) - 'position' THEN
        RAISE EXCEPTION 'rows of % only get a position, once', TG_TABLE_NAME
            USING ERRCODE = '23514', CONSTRAINT = TG_TABLE_NAME || '_append_only';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER audit_entry_append_only BEFORE UPDATE ON audit_entry
    FOR EACH ROW EXECUTE FUNCTION refuse_change_but_position();
CREATE TRIGGER audit_entry_no_delete BEFORE DELETE ON audit_entry
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_entry_no_truncate BEFORE TRUNCATE ON audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""

GRANTS = """
GRANT SELECT ON clock_offset TO beatrice_app, beatrice_hr, beatrice_worker;
GRANT UPDATE ON clock_offset TO beatrice_app;
GRANT SELECT, INSERT ON idempotency_key TO beatrice_app;
GRANT INSERT ON idempotency_key TO beatrice_hr;
GRANT SELECT, DELETE ON idempotency_key TO beatrice_worker;
GRANT SELECT, INSERT ON event, audit_entry TO beatrice_app, beatrice_worker;
GRANT UPDATE (position) ON event, audit_entry TO beatrice_worker;
GRANT INSERT ON event, audit_entry TO beatrice_hr;
GRANT SELECT, INSERT ON outgoing_mail TO beatrice_app;
GRANT SELECT, INSERT, UPDATE ON outgoing_mail TO beatrice_worker;
GRANT INSERT ON outgoing_mail TO beatrice_hr;
GRANT SELECT, INSERT, UPDATE, DELETE ON
    procrastinate_jobs, procrastinate_events, procrastinate_periodic_defers, procrastinate_workers
    TO beatrice_app, beatrice_worker;
-- HR's routes queue mails: they may add a job, and read back its number only.
GRANT INSERT ON procrastinate_jobs, procrastinate_events TO beatrice_hr;
GRANT SELECT (id) ON procrastinate_jobs TO beatrice_hr;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO beatrice_app, beatrice_hr, beatrice_worker;
"""


def upgrade() -> None:
    op.execute(FOUNDATION)
    op.execute(TABLES)
    op.execute(GUARDS)
    # The library's own SQL, as pinned in requirements.lock; its later changes become migrations of ours.
    op.get_bind().connection.driver_connection.execute(SchemaManager.get_schema())
    op.execute(GRANTS)
