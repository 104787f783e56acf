-- Quotes, bookings, units, legs, and every legal state change.

CREATE TABLE care.quote (
    id UUID NOT NULL,
    user_id UUID NOT NULL,
    provider_id UUID NOT NULL,
    offering_id UUID NOT NULL,
    beneficiary_id UUID NOT NULL,
    beneficiary_version INTEGER NOT NULL,
    total_cents BIGINT NOT NULL,
    credit_cents BIGINT NOT NULL,
    own_money_cents BIGINT NOT NULL,
    units JSONB NOT NULL,
    decisions JSONB NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT quote_pkey PRIMARY KEY (id),
    CONSTRAINT quote_user_id_beneficiary_id_fkey FOREIGN KEY(user_id, beneficiary_id) REFERENCES care.beneficiary (user_id, id),
    CONSTRAINT quote_provider_id_offering_id_fkey FOREIGN KEY(provider_id, offering_id) REFERENCES offering (provider_id, id),
    CONSTRAINT quote_adds_up CHECK (total_cents = credit_cents + own_money_cents),
    CONSTRAINT quote_user_id_fkey FOREIGN KEY(user_id) REFERENCES user_account (id)
);
CREATE INDEX quote_beneficiary_idx ON care.quote (user_id, beneficiary_id);
CREATE INDEX quote_expires_at_idx ON care.quote (expires_at);
CREATE INDEX quote_offering_idx ON care.quote (provider_id, offering_id);

CREATE TABLE care.booking (
    id UUID NOT NULL,
    quote_id UUID NOT NULL,
    user_id UUID NOT NULL,
    provider_id UUID NOT NULL,
    offering_id UUID NOT NULL,
    beneficiary_id UUID NOT NULL,
    status TEXT NOT NULL,
    free_until_hours INTEGER NOT NULL,
    late_fee_bps INTEGER NOT NULL,
    no_show_fee_bps INTEGER NOT NULL,
    confirm_by TIMESTAMP WITH TIME ZONE,
    sealed_note BYTEA,
    sealed_end_reason BYTEA,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version INTEGER DEFAULT '1' NOT NULL,
    CONSTRAINT booking_pkey PRIMARY KEY (id),
    CONSTRAINT booking_provider_id_id_key UNIQUE (provider_id, id),
    CONSTRAINT booking_user_id_id_key UNIQUE (user_id, id),
    CONSTRAINT booking_one_per_quote_key UNIQUE (quote_id),
    CONSTRAINT booking_user_id_beneficiary_id_fkey FOREIGN KEY(user_id, beneficiary_id) REFERENCES care.beneficiary (user_id, id),
    CONSTRAINT booking_provider_id_offering_id_fkey FOREIGN KEY(provider_id, offering_id) REFERENCES offering (provider_id, id),
    CONSTRAINT booking_status_known CHECK (status IN ('requested', 'in_progress', 'confirmed', 'delivered', 'completed', 'no_show', 'cancelled', 'declined', 'expired')),
    CONSTRAINT booking_quote_id_fkey FOREIGN KEY(quote_id) REFERENCES care.quote (id),
    CONSTRAINT booking_user_id_fkey FOREIGN KEY(user_id) REFERENCES user_account (id)
) WITH (fillfactor = 80);
CREATE INDEX booking_awaiting_answer_idx ON care.booking (confirm_by) WHERE status = 'requested';
CREATE INDEX booking_beneficiary_idx ON care.booking (user_id, beneficiary_id);
CREATE INDEX booking_offering_idx ON care.booking (provider_id, offering_id);

CREATE TABLE care.unit (
    id UUID NOT NULL,
    booking_id UUID NOT NULL,
    provider_id UUID NOT NULL,
    index INTEGER NOT NULL,
    slot_id UUID,
    status TEXT NOT NULL,
    status_at TIMESTAMP WITH TIME ZONE NOT NULL,
    starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
    price_cents BIGINT NOT NULL,
    vat_code TEXT NOT NULL,
    fee_funding TEXT NOT NULL,
    fee_cents BIGINT DEFAULT '0' NOT NULL,
    fee_source TEXT,
    own_money_due_cents BIGINT DEFAULT '0' NOT NULL,
    disputed BOOLEAN DEFAULT 'false' NOT NULL,
    needs_review BOOLEAN DEFAULT 'false' NOT NULL,
    delivered_at TIMESTAMP WITH TIME ZONE,
    complete_at TIMESTAMP WITH TIME ZONE,
    completed_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT unit_pkey PRIMARY KEY (id),
    CONSTRAINT unit_booking_id_index_key UNIQUE (booking_id, index),
    CONSTRAINT unit_provider_id_booking_id_fkey FOREIGN KEY(provider_id, booking_id) REFERENCES care.booking (provider_id, id),
    CONSTRAINT unit_provider_id_slot_id_fkey FOREIGN KEY(provider_id, slot_id) REFERENCES slot (provider_id, id),
    CONSTRAINT unit_status_known CHECK (status IN ('requested', 'confirmed', 'delivered', 'completed', 'declined', 'expired', 'cancelled', 'cancelled_late', 'no_show')),
    CONSTRAINT unit_price_positive CHECK (price_cents > 0),
    CONSTRAINT unit_fee_within_price CHECK (fee_cents BETWEEN 0 AND price_cents),
    CONSTRAINT unit_fee_source_known CHECK (fee_source IN ('credit','out_of_pocket')),
    CONSTRAINT unit_own_money_not_negative CHECK (own_money_due_cents >= 0),
    CONSTRAINT unit_delivered_has_deadline CHECK ((status = 'delivered') = (complete_at IS NOT NULL)),
    CONSTRAINT unit_completed_has_instant CHECK ((status = 'completed') = (completed_at IS NOT NULL)),
    CONSTRAINT unit_frozen_never_completes CHECK (status <> 'completed' OR NOT (disputed OR needs_review)),
    CONSTRAINT unit_fee_funding_known CHECK (fee_funding IN ('out_of_pocket','from_credit')),
    CONSTRAINT unit_not_empty CHECK (ends_at > starts_at)
) WITH (fillfactor = 80);
CREATE INDEX unit_booking_idx ON care.unit (provider_id, booking_id);
CREATE INDEX unit_complete_at_idx ON care.unit (complete_at) WHERE complete_at IS NOT NULL;
CREATE INDEX unit_slot_idx ON care.unit (provider_id, slot_id);

CREATE TABLE care.leg (
    id UUID NOT NULL,
    unit_id UUID NOT NULL,
    source TEXT NOT NULL,
    lot_id UUID,
    hold_id UUID,
    amount_cents BIGINT NOT NULL,
    rule_code TEXT,
    CONSTRAINT leg_pkey PRIMARY KEY (id),
    CONSTRAINT leg_one_per_source_key UNIQUE NULLS NOT DISTINCT (unit_id, lot_id),
    CONSTRAINT leg_source_known CHECK (source IN ('lot','entitlement','own_money')),
    CONSTRAINT leg_positive CHECK (amount_cents > 0),
    CONSTRAINT leg_credit_names_its_lot CHECK ((source = 'own_money') = (lot_id IS NULL)),
    CONSTRAINT leg_credit_has_a_hold CHECK ((lot_id IS NULL) = (hold_id IS NULL)),
    CONSTRAINT leg_credit_names_its_rule CHECK ((source = 'own_money') = (rule_code IS NULL)),
    CONSTRAINT leg_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES care.unit (id),
    CONSTRAINT leg_lot_id_fkey FOREIGN KEY(lot_id) REFERENCES lot (id),
    CONSTRAINT leg_hold_id_key UNIQUE (hold_id),
    CONSTRAINT leg_hold_id_fkey FOREIGN KEY(hold_id) REFERENCES ledger.hold (id)
);
CREATE INDEX leg_lot_id_idx ON care.leg (lot_id);

CREATE TABLE care.unit_transition (
    id BIGINT GENERATED ALWAYS AS IDENTITY,
    unit_id UUID NOT NULL,
    from_status TEXT,
    to_status TEXT NOT NULL,
    at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT unit_transition_pkey PRIMARY KEY (id),
    CONSTRAINT unit_transition_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES care.unit (id)
);
CREATE INDEX unit_transition_unit_id_idx ON care.unit_transition (unit_id, id);

CREATE TABLE care.unit_transition_rule (
    from_status TEXT NOT NULL,
    to_status TEXT NOT NULL,
    CONSTRAINT unit_transition_rule_pkey PRIMARY KEY (from_status, to_status)
);

INSERT INTO care.unit_transition_rule (from_status, to_status) VALUES
    ('requested', 'confirmed'), ('requested', 'declined'), ('requested', 'expired'), ('requested', 'cancelled'),
    ('confirmed', 'delivered'), ('confirmed', 'no_show'), ('confirmed', 'cancelled'), ('confirmed', 'cancelled_late'),
    ('delivered', 'completed'), ('delivered', 'confirmed'), ('no_show', 'confirmed');

GRANT SELECT, INSERT, UPDATE ON care.quote, care.booking, care.unit, care.leg TO beatrice_app, beatrice_worker;
GRANT SELECT ON care.unit_transition, care.unit_transition_rule TO beatrice_app, beatrice_worker;
GRANT DELETE ON care.quote TO beatrice_worker;
