-- What happened, and who did it; positions are given afterwards.

CREATE TABLE event (
    id UUID NOT NULL,
    type TEXT NOT NULL,
    object_kind TEXT NOT NULL,
    object_id UUID NOT NULL,
    organisation_ids UUID[] NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    numbered BOOLEAN DEFAULT false NOT NULL,
    CONSTRAINT event_pkey PRIMARY KEY (id),
    CONSTRAINT event_type_form CHECK (type ~ '^[a-z_]+\.[a-z_]+$')
);
CREATE INDEX event_object_id_idx ON event (object_id);
CREATE INDEX event_unnumbered_idx ON event (created_at) WHERE NOT numbered;

CREATE TABLE event_position (
    organisation_id UUID NOT NULL,
    position BIGINT NOT NULL,
    event_id UUID NOT NULL,
    CONSTRAINT event_position_pkey PRIMARY KEY (organisation_id, position),
    CONSTRAINT event_position_once UNIQUE (event_id, organisation_id),
    CONSTRAINT event_position_from_one CHECK (position > 0),
    CONSTRAINT event_position_event_id_fkey FOREIGN KEY (event_id) REFERENCES event (id)
);

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

GRANT SELECT ON audit_entry TO beatrice_app, beatrice_worker;
GRANT UPDATE (position) ON audit_entry TO beatrice_worker;
-- Written by record_act(), record_event() and number_events() only.
GRANT SELECT ON event, event_position TO beatrice_app, beatrice_worker;
