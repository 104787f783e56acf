-- Answers kept for requests that come again.

CREATE TABLE idempotency_key (
    principal_id UUID NOT NULL,
    key VARCHAR(255) NOT NULL,
    fingerprint BYTEA NOT NULL,
    sealed_answer BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT idempotency_key_pkey PRIMARY KEY (principal_id, key)
);
CREATE INDEX idempotency_key_created_at_idx ON idempotency_key (created_at);

GRANT SELECT, INSERT ON idempotency_key TO beatrice_app;
GRANT INSERT ON idempotency_key TO beatrice_hr;
GRANT SELECT, DELETE ON idempotency_key TO beatrice_worker;
