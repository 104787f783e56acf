"""Who brought in whom, and who of finance confirmed it; settings that weaken need a second person.

Revision ID: 0009
Revises: 0007
"""

from alembic import op

revision = "0009"
down_revision = "0007"
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


def upgrade() -> None:
    op.execute(VOUCHED)
