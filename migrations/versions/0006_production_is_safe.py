"""Production is safe: a database says what it is, facts about people are sealed, mails can be forgotten.

Facts are sealed with BEATRICE_SECRET_KEYS, so this migration needs the keys that serve. The release before cannot read
what is sealed: it is stopped for this one. Stored answers are bound to their key and request from here on.

Revision ID: 0006
Revises: 0005
"""

import json

from alembic import op

from app import sealing

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BATCH = 1_000


def upgrade() -> None:
    op.execute("""
        CREATE TABLE installation (
            only_row BOOLEAN DEFAULT true NOT NULL,
            mode TEXT NOT NULL,
            marked_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT installation_pkey PRIMARY KEY (only_row),
            CONSTRAINT installation_one_row CHECK (only_row),
            CONSTRAINT installation_mode_known CHECK (mode IN ('sandbox', 'production'))
        );
        GRANT SELECT ON installation TO beatrice_app, beatrice_worker;
        CREATE INDEX outgoing_mail_created_at_idx ON outgoing_mail (created_at);
        CREATE INDEX outgoing_mail_unsent_idx ON outgoing_mail (created_at) WHERE sent_at IS NULL AND text <> '';
        GRANT DELETE ON outgoing_mail TO beatrice_worker;
        ALTER TABLE care.beneficiary ADD COLUMN sealed_details BYTEA;
    """)
    connection = op.get_bind().connection.driver_connection
    _seal_details(connection)
    _bind_answers(connection)
    op.execute("""
        ALTER TABLE care.beneficiary ALTER COLUMN sealed_details SET NOT NULL,
            DROP COLUMN birth_date, DROP COLUMN phone, DROP COLUMN street, DROP COLUMN postcode,
            DROP COLUMN cohabitation, DROP COLUMN maintained, DROP COLUMN dependent_years, DROP COLUMN certificates;
    """)


def _seal_details(connection) -> None:
    """Seal what stood plain, in the form that app.beneficiaries.details.Details has."""
    while rows := connection.execute(
        "SELECT id, jsonb_build_object('birth_date', birth_date, 'phone', phone, 'street', street, 'postcode', postcode,"
        " 'cohabitation', cohabitation, 'maintained', maintained, 'dependent_years', dependent_years,"
        " 'certificates', certificates) FROM care.beneficiary WHERE sealed_details IS NULL ORDER BY id LIMIT %s",
        [BATCH],
    ).fetchall():
        sealed = [sealing.encrypt("beneficiary", json.dumps(facts).encode(), row_id.bytes) for row_id, facts in rows]
        connection.execute(
            "UPDATE care.beneficiary SET sealed_details = given.sealed"
            " FROM unnest(%s::uuid[], %s::bytea[]) AS given (id, sealed) WHERE beneficiary.id = given.id",
            [[row[0] for row in rows], sealed],
        )


def _bind_answers(connection) -> None:
    """Seal stored answers for their key and request; one that cannot be opened would never be answered again."""
    rows = connection.execute("SELECT principal_id, key, fingerprint, sealed_answer FROM idempotency_key").fetchall()
    for principal_id, key, fingerprint, sealed in rows:
        try:
            plain = sealing.decrypt("idempotency", sealed, principal_id.bytes)
        except sealing.Unreadable:
            continue
        connection.execute(
            "UPDATE idempotency_key SET sealed_answer = %s WHERE principal_id = %s AND key = %s",
            [
                sealing.encrypt("idempotency", plain, sealing.context_of(principal_id, fingerprint, key)),
                principal_id,
                key,
            ],
        )
