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
# Whoever is on both sides ends one of the two roles first; whoever was is on this side since then. What is over stays.
SIDES = """
DO $$
DECLARE
    people bigint;
BEGIN
    CREATE TEMPORARY TABLE moved ON COMMIT DROP AS
        SELECT here.id, here.user_id, max(other.until_at) AS since,
            bool_or(other.id IS NOT NULL AND other.until_at IS NULL) AS both_sides
        FROM role_grant AS here
        LEFT JOIN role_grant AS other ON other.user_id = here.user_id AND other.side = 'employer'
            AND tstzrange(other.from_at, other.until_at) && tstzrange(here.from_at, here.until_at)
        WHERE here.side IS NULL AND here.until_at IS NULL AND (here.role IN ('operator', 'finance')
            OR here.role = 'admin' AND EXISTS (
                SELECT FROM organisation WHERE organisation.id = here.scope_id AND 'provider' = ANY (kinds)))
        GROUP BY here.id;
    SELECT count(DISTINCT user_id) INTO people FROM moved WHERE moved.both_sides;
    IF people > 0 THEN
        RAISE EXCEPTION '% people act for an employer and for the operator or as a provider''s administrator:'
            ' end one of these roles of each, then migrate again', people;
    END IF;
    UPDATE role_grant SET side = 'care', from_at = greatest(from_at, moved.since)
    FROM moved WHERE moved.id = role_grant.id;
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
