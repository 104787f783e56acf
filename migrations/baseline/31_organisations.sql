-- Municipalities (rows: migrations/data), parties, networks and alliances, employments.

CREATE TABLE municipality (
    istat_code TEXT NOT NULL,
    name TEXT NOT NULL,
    sort_key TEXT COLLATE "C" NOT NULL,
    province TEXT NOT NULL,
    province_name TEXT NOT NULL,
    region TEXT NOT NULL,
    cadastral_code TEXT NOT NULL,
    latitude FLOAT,
    longitude FLOAT,
    CONSTRAINT municipality_pkey PRIMARY KEY (istat_code),
    CONSTRAINT municipality_istat_code_form CHECK (istat_code ~ '^[0-9]{6}$')
);
CREATE INDEX municipality_sort_key_idx ON municipality (sort_key);
CREATE INDEX municipality_sort_key_trgm_idx ON municipality USING gin (sort_key gin_trgm_ops);

CREATE TABLE organisation (
    id UUID NOT NULL,
    name TEXT NOT NULL,
    kinds TEXT[] NOT NULL,
    tax_code TEXT NOT NULL,
    iban TEXT,
    street TEXT,
    street_number TEXT,
    postcode TEXT,
    town TEXT,
    country TEXT DEFAULT 'IT' NOT NULL,
    external_id TEXT,
    metadata JSONB DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version INTEGER DEFAULT '1' NOT NULL,
    CONSTRAINT organisation_pkey PRIMARY KEY (id),
    CONSTRAINT organisation_kinds_known CHECK (cardinality(kinds) > 0 AND kinds <@ ARRAY['company', 'provider', 'municipality', 'association', 'operator']::text[]),
    CONSTRAINT organisation_country_form CHECK (country ~ '^[A-Z]{2}$'),
    CONSTRAINT organisation_tax_code_key UNIQUE (tax_code)
);
CREATE INDEX organisation_operator_idx ON organisation (id) WHERE 'operator' = ANY (kinds);

CREATE TABLE company (
    organisation_id UUID NOT NULL,
    account_id UUID NOT NULL,
    relatives_reading TEXT DEFAULT 'strict' NOT NULL,
    CONSTRAINT company_pkey PRIMARY KEY (organisation_id),
    CONSTRAINT company_relatives_reading_known CHECK (relatives_reading IN ('strict','lenient')),
    CONSTRAINT company_organisation_id_fkey FOREIGN KEY(organisation_id) REFERENCES organisation (id),
    CONSTRAINT company_account_id_key UNIQUE (account_id),
    CONSTRAINT company_account_id_fkey FOREIGN KEY(account_id) REFERENCES ledger.account (id)
);

CREATE TABLE network (
    id UUID NOT NULL,
    name TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT network_pkey PRIMARY KEY (id),
    CONSTRAINT network_name_key UNIQUE (name)
);

CREATE TABLE alliance (
    id UUID NOT NULL,
    network_id UUID NOT NULL,
    name TEXT NOT NULL,
    lead_organisation_id UUID NOT NULL,
    solidarity_account_id UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT alliance_pkey PRIMARY KEY (id),
    CONSTRAINT alliance_network_id_fkey FOREIGN KEY(network_id) REFERENCES network (id),
    CONSTRAINT alliance_name_key UNIQUE (name),
    CONSTRAINT alliance_lead_organisation_id_fkey FOREIGN KEY(lead_organisation_id) REFERENCES organisation (id),
    CONSTRAINT alliance_solidarity_account_id_key UNIQUE (solidarity_account_id),
    CONSTRAINT alliance_solidarity_account_id_fkey FOREIGN KEY(solidarity_account_id) REFERENCES ledger.account (id)
);
CREATE INDEX alliance_lead_organisation_id_idx ON alliance (lead_organisation_id);
CREATE INDEX alliance_network_id_idx ON alliance (network_id);

CREATE TABLE alliance_municipality (
    alliance_id UUID NOT NULL,
    istat_code TEXT NOT NULL,
    CONSTRAINT alliance_municipality_pkey PRIMARY KEY (alliance_id, istat_code),
    CONSTRAINT alliance_municipality_alliance_id_fkey FOREIGN KEY(alliance_id) REFERENCES alliance (id),
    CONSTRAINT alliance_municipality_istat_code_fkey FOREIGN KEY(istat_code) REFERENCES municipality (istat_code)
);
CREATE INDEX alliance_municipality_istat_code_idx ON alliance_municipality (istat_code);

CREATE TABLE alliance_membership (
    id UUID NOT NULL,
    alliance_id UUID NOT NULL,
    organisation_id UUID NOT NULL,
    role TEXT NOT NULL,
    joined_on DATE NOT NULL,
    ended_on DATE,
    CONSTRAINT alliance_membership_pkey PRIMARY KEY (id),
    CONSTRAINT alliance_membership_role_known CHECK (role IN ('lead','partner','company','provider')),
    CONSTRAINT alliance_membership_period CHECK (ended_on IS NULL OR ended_on > joined_on),
    CONSTRAINT alliance_membership_alliance_id_fkey FOREIGN KEY(alliance_id) REFERENCES alliance (id),
    CONSTRAINT alliance_membership_organisation_id_fkey FOREIGN KEY(organisation_id) REFERENCES organisation (id)
);
CREATE UNIQUE INDEX alliance_membership_live_key ON alliance_membership (alliance_id, organisation_id, role) WHERE ended_on IS NULL;
CREATE INDEX alliance_membership_alliance_id_idx ON alliance_membership (alliance_id);
CREATE INDEX alliance_membership_organisation_id_idx ON alliance_membership (organisation_id);

CREATE TABLE employee (
    id UUID NOT NULL,
    company_id UUID NOT NULL,
    user_id UUID,
    email TEXT,
    given_name TEXT NOT NULL,
    family_name TEXT NOT NULL,
    sealed_fiscal_code BYTEA NOT NULL,
    fiscal_code_index BYTEA NOT NULL,
    external_id TEXT,
    category TEXT NOT NULL,
    hired_on DATE NOT NULL,
    ended_on DATE,
    contract TEXT DEFAULT 'permanent' NOT NULL,
    contract_ends_on DATE,
    probation_ends_on DATE,
    unpaid_leave JSONB DEFAULT '[]' NOT NULL,
    agreement_code TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version INTEGER DEFAULT '1' NOT NULL,
    CONSTRAINT employee_pkey PRIMARY KEY (id),
    CONSTRAINT employee_company_id_id_key UNIQUE (company_id, id),
    CONSTRAINT employee_same_hiring_key UNIQUE (company_id, fiscal_code_index, hired_on),
    CONSTRAINT employee_contract_known CHECK (contract IN ('permanent', 'fixed_term', 'agency')),
    CONSTRAINT employee_period CHECK (ended_on IS NULL OR ended_on >= hired_on),
    CONSTRAINT employee_contact_is_the_persons CHECK (user_id IS NULL OR email IS NULL),
    CONSTRAINT employee_company_id_fkey FOREIGN KEY(company_id) REFERENCES company (organisation_id),
    CONSTRAINT employee_user_id_fkey FOREIGN KEY(user_id) REFERENCES user_account (id)
);
CREATE INDEX employee_category_idx ON employee (company_id, category);
CREATE UNIQUE INDEX employee_employed_once_key ON employee (company_id, fiscal_code_index) WHERE ended_on IS NULL;
CREATE UNIQUE INDEX employee_external_id_key ON employee (company_id, external_id) WHERE ended_on IS NULL AND external_id IS NOT NULL;
CREATE INDEX employee_user_id_idx ON employee (user_id);

GRANT SELECT ON municipality TO beatrice_app, beatrice_hr, beatrice_worker;
GRANT SELECT, INSERT, UPDATE ON organisation, company, network, alliance, alliance_membership, employee
    TO beatrice_app, beatrice_worker;
GRANT SELECT, INSERT, DELETE ON alliance_municipality TO beatrice_app, beatrice_worker;
-- Company routes: their own employees, the company's frame, and new invitations; no login, no token, no beneficiary.
GRANT SELECT (id, name) ON organisation TO beatrice_hr;
GRANT SELECT ON company TO beatrice_hr;
-- Never user_id: HR cannot link a login to an employment.
GRANT SELECT,
    INSERT (id, company_id, email, given_name, family_name, sealed_fiscal_code, fiscal_code_index, external_id,
        category, hired_on, ended_on, contract, contract_ends_on, probation_ends_on, unpaid_leave, agreement_code,
        created_at),
    UPDATE (email, given_name, family_name, sealed_fiscal_code, fiscal_code_index, external_id, category, hired_on,
        ended_on, contract, contract_ends_on, probation_ends_on, unpaid_leave, agreement_code, version)
    ON employee TO beatrice_hr;
