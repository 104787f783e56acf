"""Whoever sees care is on its side; what comes back counts the people who could have used it.

Revision ID: 0015
Revises: 0014
"""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# A provider's administrator makes keys that read its bookings; the operator's people read disputes and the audit trail.
# Whoever has been on both sides until now ends one of the two roles first.
SIDES = """
DO $$
DECLARE
    both_sides bigint;
BEGIN
    CREATE TEMPORARY TABLE moved ON COMMIT DROP AS
        SELECT id, user_id, tstzrange(from_at, until_at) AS period FROM role_grant
        WHERE side IS NULL AND (role IN ('operator', 'finance') OR role = 'admin' AND EXISTS (
            SELECT FROM organisation WHERE organisation.id = role_grant.scope_id AND 'provider' = ANY (kinds)));
    SELECT count(DISTINCT moved.user_id) INTO both_sides FROM moved JOIN role_grant AS other
        ON other.user_id = moved.user_id AND other.side = 'employer'
        AND tstzrange(other.from_at, other.until_at) && moved.period
        AND (other.until_at IS NULL OR upper(moved.period) IS NULL);
    IF both_sides > 0 THEN
        RAISE EXCEPTION '% people act for an employer and for the operator or as a provider''s administrator:'
            ' end one of these roles of each, then migrate again', both_sides;
    END IF;
    -- What is over stays as it was.
    UPDATE role_grant SET side = 'care' FROM moved WHERE moved.id = role_grant.id AND upper(moved.period) IS NULL;
END $$
"""
# What has come back until now was counted of everybody.
RETURNS = """
ALTER TABLE returned_credit ADD COLUMN was_usable BOOLEAN DEFAULT true NOT NULL;
ALTER TABLE returned_credit ALTER COLUMN was_usable DROP DEFAULT;
"""
REPLACED = "DROP FUNCTION IF EXISTS top_up_needs_two(uuid, bigint, timestamptz)"


def upgrade() -> None:
    for statement in (SIDES, RETURNS, REPLACED):
        op.execute(statement)
