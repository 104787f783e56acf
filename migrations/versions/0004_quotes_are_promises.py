"""A quote binds its terms; grace ends; fees from credit wait; units nobody reports; disputes.

Quotes and bookings that the release before would still write are refused from here on: it books other terms than it
quoted.

Revision ID: 0004
Revises: 0003
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

OFFERING = """
UPDATE offering SET free_until_hours = 168 WHERE free_until_hours > 168;
ALTER TABLE offering ADD CONSTRAINT offering_free_until_within_a_week CHECK (free_until_hours <= 168) NOT VALID;
ALTER TABLE offering VALIDATE CONSTRAINT offering_free_until_within_a_week;
"""
QUOTE = """
ALTER TABLE care.quote
    ADD COLUMN confirmation TEXT,
    ADD COLUMN response_hours INTEGER,
    ADD COLUMN min_notice_hours INTEGER,
    ADD COLUMN free_until_hours INTEGER,
    ADD COLUMN late_fee_bps INTEGER,
    ADD COLUMN no_show_fee_bps INTEGER,
    ADD COLUMN vat_code TEXT;
UPDATE care.quote SET confirmation = offering.confirmation, response_hours = offering.response_hours,
    min_notice_hours = offering.min_notice_hours, vat_code = offering.vat_code,
    free_until_hours = offering.free_until_hours, late_fee_bps = offering.late_fee_bps,
    no_show_fee_bps = offering.no_show_fee_bps
FROM offering WHERE offering.id = quote.offering_id;
-- What was booked is what was promised.
UPDATE care.quote SET free_until_hours = booking.free_until_hours, late_fee_bps = booking.late_fee_bps,
    no_show_fee_bps = booking.no_show_fee_bps
FROM care.booking WHERE booking.quote_id = quote.id;
ALTER TABLE care.quote
    ALTER COLUMN confirmation SET NOT NULL,
    ALTER COLUMN response_hours SET NOT NULL,
    ALTER COLUMN min_notice_hours SET NOT NULL,
    ALTER COLUMN free_until_hours SET NOT NULL,
    ALTER COLUMN late_fee_bps SET NOT NULL,
    ALTER COLUMN no_show_fee_bps SET NOT NULL,
    ALTER COLUMN vat_code SET NOT NULL,
    ADD CONSTRAINT quote_confirmation_known CHECK (confirmation IN ('instant', 'provider')),
    ADD CONSTRAINT quote_vat_code_known CHECK (vat_code IN ('exempt', 'not_subject', 'vat_5', 'vat_10', 'vat_22')),
    ADD CONSTRAINT quote_terms_key UNIQUE (id, free_until_hours, late_fee_bps, no_show_fee_bps);
ALTER TABLE care.booking
    DROP CONSTRAINT booking_quote_id_fkey,
    ADD CONSTRAINT booking_executes_its_quote_fkey FOREIGN KEY (quote_id, free_until_hours, late_fee_bps,
        no_show_fee_bps) REFERENCES care.quote (id, free_until_hours, late_fee_bps, no_show_fee_bps);
-- A quote never changes.
REVOKE UPDATE ON care.quote FROM beatrice_app, beatrice_worker;
"""
UNIT = """
ALTER TABLE care.unit
    ADD COLUMN dispute_decided_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN refunded_cents BIGINT DEFAULT '0' NOT NULL,
    ADD COLUMN reminders SMALLINT DEFAULT '0' NOT NULL,
    DROP CONSTRAINT unit_delivered_has_deadline,
    DROP CONSTRAINT unit_completed_has_instant,
    DROP CONSTRAINT unit_frozen_never_completes;
-- Fees from credit were owed at once: settled or not, that instant is when they were.
ALTER TABLE care.unit DISABLE TRIGGER USER;
UPDATE care.unit SET completed_at = status_at WHERE fee_source = 'credit' AND completed_at IS NULL;
ALTER TABLE care.unit ENABLE TRIGGER USER;
ALTER TABLE care.unit
    ADD CONSTRAINT unit_contested_until_complete CHECK (num_nonnulls(complete_at, completed_at) =
        CASE WHEN status IN ('delivered', 'completed') OR fee_source = 'credit' THEN 1 ELSE 0 END),
    ADD CONSTRAINT unit_delivered_has_deadline CHECK (status <> 'delivered' OR complete_at IS NOT NULL),
    ADD CONSTRAINT unit_completed_has_instant CHECK (status <> 'completed' OR completed_at IS NOT NULL),
    ADD CONSTRAINT unit_fee_from_credit_at_most_half CHECK (fee_source <> 'credit' OR fee_cents * 2 <= price_cents),
    ADD CONSTRAINT unit_refund_within_price CHECK (refunded_cents BETWEEN 0 AND price_cents),
    ADD CONSTRAINT unit_disputed_once CHECK (NOT disputed OR dispute_decided_at IS NULL),
    ADD CONSTRAINT unit_refund_was_decided CHECK (refunded_cents = 0 OR dispute_decided_at IS NOT NULL),
    ADD CONSTRAINT unit_reminders_known CHECK (reminders BETWEEN 0 AND 3),
    ADD CONSTRAINT unit_booking_id_id_key UNIQUE (booking_id, id);
CREATE INDEX unit_unreported_idx ON care.unit (reminders, ends_at) WHERE status = 'confirmed';
INSERT INTO care.unit_transition_rule (from_status, to_status) VALUES ('confirmed', 'expired');
-- Its parameters are others now.
DROP FUNCTION IF EXISTS care.unit_status_at(text, timestamptz, timestamptz, boolean, timestamptz);
DELETE FROM database_code WHERE path = 'app/bookings/sql/states.sql';
"""
LOT = """
ALTER TABLE lot ADD COLUMN grace_until DATE;
ALTER TABLE lot DISABLE TRIGGER USER;
UPDATE lot SET grace_until = expires_on WHERE kind = 'grace' AND EXISTS (
    SELECT FROM ledger.transfer WHERE to_account_id = lot.id AND reason = 'grace');
ALTER TABLE lot ENABLE TRIGGER USER;
ALTER TABLE lot ADD CONSTRAINT lot_grace_ends CHECK (
    grace_until IS NULL OR (kind = 'grace' AND expires_on <= grace_until));
"""
DISPUTE = """
CREATE TABLE care.dispute (
    id UUID NOT NULL,
    booking_id UUID NOT NULL,
    user_id UUID NOT NULL,
    provider_id UUID NOT NULL,
    status TEXT NOT NULL,
    sealed_reason BYTEA NOT NULL,
    contested_cents BIGINT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    decide_by TIMESTAMP WITH TIME ZONE NOT NULL,
    decided_at TIMESTAMP WITH TIME ZONE,
    decided_by UUID,
    sealed_decision BYTEA,
    refund_cents BIGINT,
    CONSTRAINT dispute_pkey PRIMARY KEY (id),
    CONSTRAINT dispute_booking_id_id_key UNIQUE (booking_id, id),
    CONSTRAINT dispute_user_id_booking_id_fkey FOREIGN KEY (user_id, booking_id) REFERENCES care.booking (user_id, id),
    CONSTRAINT dispute_provider_id_booking_id_fkey FOREIGN KEY (provider_id, booking_id)
        REFERENCES care.booking (provider_id, id),
    CONSTRAINT dispute_decided_by_fkey FOREIGN KEY (decided_by) REFERENCES user_account (id),
    CONSTRAINT dispute_status_known CHECK (status IN ('open', 'upheld', 'partly_upheld', 'rejected')),
    CONSTRAINT dispute_something_contested CHECK (contested_cents > 0),
    CONSTRAINT dispute_decided_whole CHECK (num_nonnulls(decided_at, decided_by, sealed_decision, refund_cents) =
        CASE WHEN status = 'open' THEN 0 ELSE 4 END),
    CONSTRAINT dispute_refund_of_outcome CHECK (CASE status WHEN 'upheld' THEN refund_cents = contested_cents
        WHEN 'partly_upheld' THEN refund_cents > 0 AND refund_cents < contested_cents
        WHEN 'rejected' THEN refund_cents = 0 ELSE refund_cents IS NULL END),
    CONSTRAINT dispute_decided_by_another CHECK (decided_by <> user_id)
);
CREATE INDEX dispute_user_idx ON care.dispute (user_id, booking_id);
CREATE INDEX dispute_provider_idx ON care.dispute (provider_id, booking_id);
CREATE INDEX dispute_status_idx ON care.dispute (status, id);
CREATE INDEX dispute_decided_by_idx ON care.dispute (decided_by);

CREATE TABLE care.dispute_unit (
    unit_id UUID NOT NULL,
    dispute_id UUID NOT NULL,
    booking_id UUID NOT NULL,
    CONSTRAINT dispute_unit_pkey PRIMARY KEY (unit_id),
    CONSTRAINT dispute_unit_booking_id_dispute_id_fkey FOREIGN KEY (booking_id, dispute_id)
        REFERENCES care.dispute (booking_id, id),
    CONSTRAINT dispute_unit_booking_id_unit_id_fkey FOREIGN KEY (booking_id, unit_id)
        REFERENCES care.unit (booking_id, id)
);
CREATE INDEX dispute_unit_dispute_idx ON care.dispute_unit (booking_id, dispute_id);
CREATE INDEX dispute_unit_unit_idx ON care.dispute_unit (booking_id, unit_id);

GRANT SELECT, INSERT ON care.dispute, care.dispute_unit TO beatrice_app, beatrice_worker;
GRANT UPDATE (status, decided_at, decided_by, sealed_decision, refund_cents) ON care.dispute
    TO beatrice_app, beatrice_worker;
"""


def upgrade() -> None:
    for script in (OFFERING, QUOTE, UNIT, LOT, DISPUTE):
        op.execute(script)
