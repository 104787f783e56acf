"""Who brought in whom, and who of finance confirmed it; settings that weaken need a second person.

Revision ID: 0009
Revises: 0007
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

VOUCHED = """
ALTER TABLE role_grant
    ADD COLUMN vouched_by UUID,
    ADD COLUMN vouched_at TIMESTAMP WITH TIME ZONE,
    ADD CONSTRAINT role_grant_vouched_by_fkey FOREIGN KEY (vouched_by) REFERENCES user_account (id) NOT VALID,
    ADD CONSTRAINT role_grant_vouched_by_another CHECK (
        vouched_by <> user_id AND vouched_by IS DISTINCT FROM granted_by OR vouched_by IS NULL) NOT VALID,
    ADD CONSTRAINT role_grant_vouched_whole CHECK ((vouched_by IS NULL) = (vouched_at IS NULL)) NOT VALID;
ALTER TABLE role_grant VALIDATE CONSTRAINT role_grant_vouched_by_fkey;
ALTER TABLE role_grant VALIDATE CONSTRAINT role_grant_vouched_by_another;
ALTER TABLE role_grant VALIDATE CONSTRAINT role_grant_vouched_whole;
CREATE INDEX role_grant_vouched_by_idx ON role_grant (vouched_by);
GRANT UPDATE (vouched_by, vouched_at) ON role_grant TO beatrice_app;
"""
# One that is ended before it began has no day.
ACCREDITATION = """
ALTER TABLE accreditation DROP CONSTRAINT accreditation_period,
    ADD CONSTRAINT accreditation_period CHECK (valid_to IS NULL OR valid_to >= valid_from) NOT VALID;
ALTER TABLE accreditation VALIDATE CONSTRAINT accreditation_period;
"""
SETTINGS = """
ALTER TABLE setting_value
    ADD COLUMN needs_second BOOLEAN DEFAULT false NOT NULL,
    ADD COLUMN confirmed_by UUID,
    ADD COLUMN confirmed_at TIMESTAMP WITH TIME ZONE,
    ADD CONSTRAINT setting_value_confirmed_by_fkey FOREIGN KEY (confirmed_by) REFERENCES user_account (id),
    ADD CONSTRAINT setting_value_confirmed_by_another CHECK (confirmed_by <> set_by),
    ADD CONSTRAINT setting_value_confirmed_whole CHECK ((confirmed_by IS NULL) = (confirmed_at IS NULL)),
    ADD CONSTRAINT setting_value_confirmed_where_needed CHECK (needs_second OR confirmed_by IS NULL),
    ADD CONSTRAINT setting_value_confirmed_in_time
        CHECK (valid_from >= (confirmed_at AT TIME ZONE 'Europe/Rome')::date),
    DROP CONSTRAINT setting_value_name_known,
    ADD CONSTRAINT setting_value_name_known CHECK (name IN ('quote_minutes', 'acknowledge_hours', 'grace_days',
        'grace_window_days', 'minimum_payout_cents', 'least_people', 'least_line_cents', 'returns_quarters',
        'top_up_limit_cents', 'fee_cap_bps'));
CREATE INDEX setting_value_confirmed_by_idx ON setting_value (confirmed_by);
GRANT UPDATE (confirmed_by, confirmed_at) ON setting_value TO beatrice_app;
-- Constants become settings: app/credit/sql, app/grants/sql and app/settlements/sql make them again with a place and a day.
DROP FUNCTION IF EXISTS least_people();
DROP FUNCTION IF EXISTS least_line_cents();
DROP FUNCTION IF EXISTS returns_months();
DROP FUNCTION IF EXISTS returns_period(timestamptz);
DROP FUNCTION IF EXISTS returns_day(timestamptz);
DROP FUNCTION IF EXISTS amounts_identify(uuid, uuid[], bigint[]);
DROP FUNCTION IF EXISTS top_up_limit_cents();
DROP FUNCTION IF EXISTS fee_cap_bps();
DROP TRIGGER IF EXISTS setting_value_append_only ON setting_value;
"""


def upgrade() -> None:
    op.execute(VOUCHED)
    op.execute(ACCREDITATION)
    op.execute(SETTINGS)
