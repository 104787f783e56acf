-- Logins and what proves them.

CREATE TABLE user_account (
    id UUID NOT NULL,
    email TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    locale TEXT DEFAULT 'it' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version INTEGER DEFAULT '1' NOT NULL,
    CONSTRAINT user_account_pkey PRIMARY KEY (id),
    CONSTRAINT user_account_email_lower CHECK (email = lower(email)),
    CONSTRAINT user_account_locale_known CHECK (locale IN ('it','en')),
    CONSTRAINT user_account_email_key UNIQUE (email)
);

CREATE TABLE session_token (
    token_hash BYTEA NOT NULL,
    user_id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    revoked_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT session_token_pkey PRIMARY KEY (token_hash),
    CONSTRAINT session_token_user_id_fkey FOREIGN KEY(user_id) REFERENCES user_account (id)
);
CREATE INDEX session_token_expires_at_idx ON session_token (expires_at);
CREATE INDEX session_token_user_id_idx ON session_token (user_id);

CREATE TABLE password_reset (
    token_hash BYTEA NOT NULL,
    user_id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT password_reset_pkey PRIMARY KEY (token_hash),
    CONSTRAINT password_reset_user_id_fkey FOREIGN KEY(user_id) REFERENCES user_account (id)
);
CREATE INDEX password_reset_expires_at_idx ON password_reset (expires_at);
CREATE INDEX password_reset_user_id_idx ON password_reset (user_id);

CREATE TABLE attempt_count (
    key BYTEA NOT NULL,
    window_start TIMESTAMP WITH TIME ZONE NOT NULL,
    attempts INTEGER NOT NULL,
    CONSTRAINT attempt_count_pkey PRIMARY KEY (key)
);
CREATE INDEX attempt_count_window_start_idx ON attempt_count (window_start);

GRANT SELECT, INSERT, UPDATE ON user_account, session_token, password_reset TO beatrice_app, beatrice_worker;
GRANT DELETE ON session_token, password_reset TO beatrice_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON attempt_count TO beatrice_app, beatrice_worker;
GRANT SELECT, INSERT, UPDATE ON attempt_count TO beatrice_hr;
