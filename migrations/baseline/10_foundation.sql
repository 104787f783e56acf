-- Extensions, schemas, search configuration, business clock, and what migrations/code.py has applied.

CREATE EXTENSION IF NOT EXISTS btree_gist;
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS unaccent;
CREATE SCHEMA ledger;
CREATE SCHEMA care;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public, ledger TO beatrice_app, beatrice_hr, beatrice_worker;
GRANT USAGE ON SCHEMA care TO beatrice_app, beatrice_worker;
CREATE TEXT SEARCH CONFIGURATION public.it_unaccent (COPY = italian);
ALTER TEXT SEARCH CONFIGURATION public.it_unaccent
    ALTER MAPPING FOR hword, hword_part, word, asciiword, asciihword, hword_asciipart WITH unaccent, italian_stem;

-- Business time minus real time: one row, moved only in the sandbox, shared by API and worker.
CREATE TABLE clock_offset (
    only_row boolean CONSTRAINT clock_offset_pkey PRIMARY KEY DEFAULT true
        CONSTRAINT clock_offset_one_row CHECK (only_row),
    offset_interval interval NOT NULL DEFAULT '0',
    CONSTRAINT clock_offset_never_behind CHECK (offset_interval > '-100 years')
);
INSERT INTO clock_offset DEFAULT VALUES;

GRANT SELECT ON clock_offset TO beatrice_app, beatrice_hr, beatrice_worker;
GRANT UPDATE ON clock_offset TO beatrice_app;

-- The owner's alone: which files of database code were applied, and in which state.
CREATE TABLE database_code (
    path TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    applied_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT database_code_pkey PRIMARY KEY (path)
);
