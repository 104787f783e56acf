"""Webhooks: where an organisation wants to be told what happens, and what was sent there.

Revision ID: 0010
Revises: 0007
"""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ENDPOINTS = """
CREATE TABLE webhook_endpoint (
    id UUID NOT NULL,
    organisation_id UUID NOT NULL,
    place SMALLINT,
    url TEXT NOT NULL,
    description TEXT,
    event_types TEXT[] NOT NULL,
    status TEXT DEFAULT 'active' NOT NULL,
    disabled_reason TEXT,
    disabled_at TIMESTAMP WITH TIME ZONE,
    sealed_secret BYTEA NOT NULL,
    sealed_previous_secret BYTEA,
    previous_until TIMESTAMP WITH TIME ZONE,
    planned_position BIGINT NOT NULL,
    failures INTEGER DEFAULT 0 NOT NULL,
    failing_since TIMESTAMP WITH TIME ZONE,
    rest_until TIMESTAMP WITH TIME ZONE,
    is_slow BOOLEAN DEFAULT false NOT NULL,
    version INTEGER DEFAULT 1 NOT NULL,
    created_by UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT webhook_endpoint_pkey PRIMARY KEY (id),
    CONSTRAINT webhook_endpoint_organisation_id_id_key UNIQUE (organisation_id, id),
    CONSTRAINT webhook_endpoint_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES organisation (id),
    CONSTRAINT webhook_endpoint_created_by_fkey FOREIGN KEY (created_by) REFERENCES user_account (id),
    CONSTRAINT webhook_endpoint_status_known CHECK (status IN ('active','disabled','deleted')),
    CONSTRAINT webhook_endpoint_disabled_reason_known CHECK (disabled_reason IN ('person','gone','failing')),
    CONSTRAINT webhook_endpoint_disabled_whole CHECK (
        (status = 'disabled') = (disabled_reason IS NOT NULL) AND (status = 'disabled') = (disabled_at IS NOT NULL)),
    CONSTRAINT webhook_endpoint_place_known CHECK (place BETWEEN 1 AND 16),
    CONSTRAINT webhook_endpoint_place_until_deleted CHECK ((status = 'deleted') = (place IS NULL)),
    CONSTRAINT webhook_endpoint_previous_whole CHECK ((sealed_previous_secret IS NULL) = (previous_until IS NULL)),
    CONSTRAINT webhook_endpoint_failing_whole CHECK ((failures > 0) = (failing_since IS NOT NULL)),
    CONSTRAINT webhook_endpoint_failures_counted CHECK (failures >= 0),
    CONSTRAINT webhook_endpoint_types_given CHECK (cardinality(event_types) > 0),
    CONSTRAINT webhook_endpoint_position_counted CHECK (planned_position >= 0)
);
CREATE UNIQUE INDEX webhook_endpoint_place_key ON webhook_endpoint (organisation_id, place);
CREATE INDEX webhook_endpoint_created_by_idx ON webhook_endpoint (created_by);
CREATE INDEX webhook_endpoint_active_idx ON webhook_endpoint (id) WHERE status = 'active';
GRANT SELECT, INSERT, UPDATE ON webhook_endpoint TO beatrice_app;
GRANT SELECT, UPDATE ON webhook_endpoint TO beatrice_worker;
"""
DELIVERIES = """
CREATE TABLE webhook_delivery (
    id UUID NOT NULL,
    organisation_id UUID NOT NULL,
    endpoint_id UUID NOT NULL,
    event_id UUID NOT NULL,
    object_id UUID NOT NULL,
    position BIGINT NOT NULL,
    status TEXT DEFAULT 'pending' NOT NULL,
    attempts INTEGER DEFAULT 0 NOT NULL,
    next_attempt_at TIMESTAMP WITH TIME ZONE,
    attempted_at TIMESTAMP WITH TIME ZONE,
    answer_status SMALLINT,
    problem TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT webhook_delivery_pkey PRIMARY KEY (id),
    CONSTRAINT webhook_delivery_once UNIQUE (event_id, endpoint_id),
    CONSTRAINT webhook_delivery_event_id_fkey FOREIGN KEY (event_id) REFERENCES event (id) ON DELETE CASCADE,
    CONSTRAINT webhook_delivery_organisation_id_endpoint_id_fkey
        FOREIGN KEY (organisation_id, endpoint_id) REFERENCES webhook_endpoint (organisation_id, id),
    CONSTRAINT webhook_delivery_status_known CHECK (status IN ('pending','delivered','failed')),
    CONSTRAINT webhook_delivery_problem_known CHECK (problem IN ('answer','timeout','unreachable','tls','unreadable',
        'address_not_allowed','endpoint_ended')),
    CONSTRAINT webhook_delivery_pending_has_next CHECK ((status = 'pending') = (next_attempt_at IS NOT NULL)),
    CONSTRAINT webhook_delivery_attempts_counted CHECK (attempts >= 0)
);
CREATE INDEX webhook_delivery_endpoint_idx ON webhook_delivery (organisation_id, endpoint_id, id);
CREATE INDEX webhook_delivery_due_idx ON webhook_delivery (endpoint_id, position) WHERE status = 'pending';
CREATE INDEX webhook_delivery_object_idx ON webhook_delivery (endpoint_id, object_id, position)
    WHERE status = 'pending';
GRANT SELECT, INSERT, UPDATE ON webhook_delivery TO beatrice_app, beatrice_worker;
"""


def upgrade() -> None:
    op.execute(ENDPOINTS)
    op.execute(DELIVERIES)
