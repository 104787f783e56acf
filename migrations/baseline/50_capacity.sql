-- When an offering has how many seats.

CREATE TABLE slot (
    id UUID NOT NULL,
    provider_id UUID NOT NULL,
    offering_id UUID NOT NULL,
    starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
    capacity INTEGER NOT NULL,
    taken INTEGER DEFAULT '0' NOT NULL,
    status TEXT DEFAULT 'open' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version INTEGER DEFAULT '1' NOT NULL,
    CONSTRAINT slot_pkey PRIMARY KEY (id),
    CONSTRAINT slot_provider_id_id_key UNIQUE (provider_id, id),
    CONSTRAINT slot_provider_id_offering_id_fkey FOREIGN KEY(provider_id, offering_id) REFERENCES offering (provider_id, id),
    CONSTRAINT slot_taken_within_capacity CHECK (taken BETWEEN 0 AND capacity),
    CONSTRAINT slot_capacity_positive CHECK (capacity > 0),
    CONSTRAINT slot_not_empty CHECK (ends_at > starts_at),
    CONSTRAINT slot_status_known CHECK (status IN ('open','cancelled')),
    CONSTRAINT slot_cancelled_is_empty CHECK (status = 'open' OR taken = 0)
) WITH (fillfactor = 70);
CREATE INDEX slot_bookable_idx ON slot (offering_id, starts_at) WHERE status = 'open';
CREATE INDEX slot_offering_idx ON slot (provider_id, offering_id);

-- Who has which seats; slot.taken is the sum of what is not ended.
CREATE TABLE taking (
    id UUID NOT NULL,
    provider_id UUID NOT NULL,
    slot_id UUID NOT NULL,
    holder_kind TEXT NOT NULL,
    holder_id UUID NOT NULL,
    seats INTEGER NOT NULL,
    until TIMESTAMP WITH TIME ZONE,
    taken_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT taking_pkey PRIMARY KEY (id),
    CONSTRAINT taking_slot_fkey FOREIGN KEY(provider_id, slot_id) REFERENCES slot (provider_id, id),
    CONSTRAINT taking_holder_known CHECK (holder_kind IN ('unit','offer','allotment')),
    CONSTRAINT taking_seats_positive CHECK (seats > 0)
);
CREATE UNIQUE INDEX taking_open_key ON taking (holder_kind, holder_id, slot_id) WHERE ended_at IS NULL;
CREATE INDEX taking_slot_idx ON taking (provider_id, slot_id);
CREATE INDEX taking_counted_idx ON taking (slot_id) WHERE ended_at IS NULL;

-- No UPDATE of a slot's offering and time. Seats are taken and given back by capacity's functions only.
GRANT SELECT ON slot, taking TO beatrice_app, beatrice_worker;
GRANT INSERT (id, provider_id, offering_id, starts_at, ends_at, capacity, created_at),
    UPDATE (capacity, status, version) ON slot TO beatrice_app, beatrice_worker;
