-- Whom a person books for; closed to company routes.

CREATE TABLE care.beneficiary (
    id UUID NOT NULL,
    user_id UUID NOT NULL,
    relation TEXT NOT NULL,
    given_name TEXT NOT NULL,
    family_name TEXT NOT NULL,
    birth_date DATE NOT NULL,
    sealed_fiscal_code BYTEA,
    phone TEXT,
    street TEXT,
    postcode TEXT,
    istat_code TEXT,
    sealed_access_notes BYTEA,
    cohabitation JSONB DEFAULT '[]' NOT NULL,
    maintained JSONB DEFAULT '[]' NOT NULL,
    dependent_years INTEGER[] DEFAULT '{}' NOT NULL,
    certificates JSONB DEFAULT '[]' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    version INTEGER DEFAULT '1' NOT NULL,
    CONSTRAINT beneficiary_pkey PRIMARY KEY (id),
    CONSTRAINT beneficiary_user_id_id_key UNIQUE (user_id, id),
    CONSTRAINT beneficiary_relation_known CHECK (relation IN ('self', 'spouse', 'child', 'parent', 'child_in_law', 'parent_in_law', 'sibling', 'grandparent', 'grandchild', 'other')),
    CONSTRAINT beneficiary_user_id_fkey FOREIGN KEY(user_id) REFERENCES user_account (id),
    CONSTRAINT beneficiary_istat_code_fkey FOREIGN KEY(istat_code) REFERENCES municipality (istat_code)
);
CREATE INDEX beneficiary_istat_code_idx ON care.beneficiary (istat_code);
CREATE UNIQUE INDEX beneficiary_self_key ON care.beneficiary (user_id) WHERE relation = 'self';

GRANT SELECT, INSERT, UPDATE ON care.beneficiary TO beatrice_app, beatrice_worker;
