"""People and parties: logins, organisations, territory, employments, beneficiaries; the first statement of a request.

Revision ID: 0003
Revises: 0002
"""

from pathlib import Path

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MUNICIPALITIES = Path(__file__).parent.parent / "data" / "municipalities.tsv"

TABLES = r"""
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

CREATE TABLE membership (
    id UUID NOT NULL,
    user_id UUID NOT NULL,
    organisation_id UUID NOT NULL,
    role TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT membership_pkey PRIMARY KEY (id),
    CONSTRAINT membership_role_known CHECK (role IN ('hr', 'hr_approver', 'payroll', 'manager', 'staff', 'coordinator', 'care_manager', 'observer', 'operator', 'finance', 'admin')),
    CONSTRAINT membership_user_id_fkey FOREIGN KEY(user_id) REFERENCES user_account (id),
    CONSTRAINT membership_organisation_id_fkey FOREIGN KEY(organisation_id) REFERENCES organisation (id),
    CONSTRAINT membership_hr_apart_from_care EXCLUDE USING gist (user_id WITH =, organisation_id WITH =, (CASE
        WHEN role IN ('hr', 'hr_approver', 'payroll') THEN 'company'
        WHEN role IN ('manager', 'staff', 'coordinator', 'care_manager') THEN 'care' END) WITH <>) WHERE (ended_at IS NULL)
);
CREATE UNIQUE INDEX membership_live_key ON membership (user_id, organisation_id, role) WHERE ended_at IS NULL;
CREATE INDEX membership_user_id_idx ON membership (user_id);
CREATE INDEX membership_organisation_id_idx ON membership (organisation_id);

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

CREATE TABLE api_key (
    id UUID NOT NULL,
    organisation_id UUID NOT NULL,
    name TEXT NOT NULL,
    token_hash BYTEA NOT NULL,
    hint TEXT NOT NULL,
    scopes TEXT[] NOT NULL,
    created_by UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    revoked_at TIMESTAMP WITH TIME ZONE,
    live_place SMALLINT,
    CONSTRAINT api_key_pkey PRIMARY KEY (id),
    CONSTRAINT api_key_live_place_known CHECK (live_place IN (1, 2)),
    CONSTRAINT api_key_live_place_only_while_live CHECK (revoked_at IS NULL OR live_place IS NULL),
    CONSTRAINT api_key_scopes_given CHECK (cardinality(scopes) > 0),
    CONSTRAINT api_key_organisation_id_fkey FOREIGN KEY(organisation_id) REFERENCES organisation (id),
    CONSTRAINT api_key_token_hash_key UNIQUE (token_hash),
    CONSTRAINT api_key_created_by_fkey FOREIGN KEY(created_by) REFERENCES user_account (id)
);
CREATE INDEX api_key_created_by_idx ON api_key (created_by);
CREATE INDEX api_key_organisation_id_idx ON api_key (organisation_id);
CREATE UNIQUE INDEX api_key_two_live_key ON api_key (organisation_id, name, live_place);

CREATE TABLE invitation (
    id UUID NOT NULL,
    token_hash BYTEA NOT NULL,
    email TEXT NOT NULL,
    organisation_id UUID NOT NULL,
    employee_id UUID,
    roles TEXT[] NOT NULL,
    sealed_activation_code BYTEA,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    accepted_by UUID,
    CONSTRAINT invitation_pkey PRIMARY KEY (id),
    CONSTRAINT invitation_employee_or_roles CHECK ((employee_id IS NULL) = (cardinality(roles) > 0)),
    CONSTRAINT invitation_email_lower CHECK (email = lower(email)),
    CONSTRAINT invitation_token_hash_key UNIQUE (token_hash),
    CONSTRAINT invitation_organisation_id_fkey FOREIGN KEY(organisation_id) REFERENCES organisation (id),
    CONSTRAINT invitation_organisation_id_employee_id_fkey FOREIGN KEY(organisation_id, employee_id) REFERENCES employee (company_id, id),
    CONSTRAINT invitation_accepted_by_fkey FOREIGN KEY(accepted_by) REFERENCES user_account (id)
);
CREATE INDEX invitation_accepted_by_idx ON invitation (accepted_by);
CREATE INDEX invitation_employee_idx ON invitation (organisation_id, employee_id);
CREATE INDEX invitation_employee_id_idx ON invitation (employee_id);
CREATE UNIQUE INDEX invitation_pending_employee_key ON invitation (employee_id) WHERE ended_at IS NULL;

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
CREATE INDEX municipality_sort_key_trgm_idx ON municipality USING gin (sort_key gin_trgm_ops);
"""

# An invitation to roles is a way to bookings: company routes invite employees only.
HR = """
CREATE FUNCTION refuse_invitation_to_roles() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'this role invites employees only' USING ERRCODE = 'insufficient_privilege';
END $$;
REVOKE ALL ON FUNCTION refuse_invitation_to_roles FROM PUBLIC;
CREATE TRIGGER invitation_05_hr BEFORE INSERT ON invitation FOR EACH ROW
    WHEN (current_user = 'beatrice_hr' AND NEW.employee_id IS NULL) EXECUTE FUNCTION refuse_invitation_to_roles();
"""

# One statement answers: who is this token, which roles has it here, what time is it, is this request a replay.
OPEN_REQUEST = """
CREATE FUNCTION open_request(
    p_token_hash bytea, p_real_now timestamptz, p_organisation_id uuid, p_alliance_id uuid, p_operator boolean,
    p_key text, p_fingerprint bytea,
    OUT clock_offset interval, OUT principal_kind text, OUT principal_id uuid, OUT locale text,
    OUT organisation_id uuid, OUT kinds text[], OUT roles text[], OUT scopes text[],
    OUT key_state text, OUT sealed_answer bytea
) LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    v_fingerprint bytea;
BEGIN
    SELECT c.offset_interval INTO clock_offset FROM clock_offset c;
    key_state := 'none';
    IF p_token_hash IS NOT NULL THEN
        SELECT 'user', u.id, u.locale INTO principal_kind, principal_id, locale
        FROM session_token s JOIN user_account u ON u.id = s.user_id
        WHERE s.token_hash = p_token_hash AND s.revoked_at IS NULL AND s.expires_at > p_real_now;
        IF NOT FOUND THEN
            SELECT 'api_key', k.id, k.organisation_id, k.scopes INTO principal_kind, principal_id, organisation_id, scopes
            FROM api_key k
            WHERE k.token_hash = p_token_hash AND k.revoked_at IS NULL
              AND (k.expires_at IS NULL OR k.expires_at > p_real_now);
        END IF;
    END IF;
    IF principal_kind IS NULL THEN
        RETURN;
    END IF;
    IF principal_kind = 'api_key' THEN
        IF organisation_id = p_organisation_id THEN
            roles := ARRAY['api_key'];
            SELECT o.kinds INTO kinds FROM organisation o WHERE o.id = p_organisation_id;
        END IF;
    ELSIF p_organisation_id IS NOT NULL THEN
        organisation_id := p_organisation_id;
        SELECT array_agg(m.role) INTO roles FROM membership m
        WHERE m.user_id = principal_id AND m.organisation_id = p_organisation_id AND m.ended_at IS NULL;
        SELECT o.kinds INTO kinds FROM organisation o WHERE o.id = p_organisation_id;
        -- The operator enters organisations in the register: it may bring in their first administrators, no more.
        IF roles IS NULL AND p_operator AND kinds IS NOT NULL AND EXISTS (
            SELECT FROM membership m JOIN organisation o ON o.id = m.organisation_id AND 'operator' = ANY (o.kinds)
            WHERE m.user_id = principal_id AND m.ended_at IS NULL AND m.role = 'operator') THEN
            roles := ARRAY['registrar'];
        END IF;
    ELSIF p_alliance_id IS NOT NULL THEN
        SELECT array_agg(DISTINCT m.role), min(m.organisation_id::text)::uuid INTO roles, organisation_id
        FROM alliance a JOIN membership m ON m.user_id = principal_id AND m.ended_at IS NULL
        WHERE a.id = p_alliance_id
          AND (m.organisation_id = a.lead_organisation_id AND m.role IN ('coordinator', 'care_manager')
               OR m.role = 'observer' AND EXISTS (
                   SELECT 1 FROM alliance_membership am WHERE am.alliance_id = a.id
                   AND am.organisation_id = m.organisation_id AND am.ended_on IS NULL));
        kinds := ARRAY['alliance'];
    ELSIF p_operator THEN
        SELECT array_agg(m.role), min(m.organisation_id::text)::uuid, ARRAY['operator']
        INTO roles, organisation_id, kinds
        FROM membership m JOIN organisation o ON o.id = m.organisation_id AND 'operator' = ANY (o.kinds)
        WHERE m.user_id = principal_id AND m.ended_at IS NULL AND m.role IN ('operator', 'finance');
    END IF;
    IF p_key IS NOT NULL THEN
        -- Answered keys need no lock; an unanswered one is looked up again once locked, for it may be answered by then.
        FOR v_attempt IN 1..2 LOOP
            SELECT k.fingerprint, k.sealed_answer INTO v_fingerprint, sealed_answer
            FROM idempotency_key k WHERE k.principal_id = open_request.principal_id AND k.key = p_key;
            IF FOUND THEN
                key_state := CASE WHEN v_fingerprint = p_fingerprint THEN 'answered' ELSE 'reused' END;
                RETURN;
            END IF;
            key_state := 'new';
            IF v_attempt = 1
                AND NOT pg_try_advisory_xact_lock(hashtextextended(principal_id::text || ' ' || p_key, 0)) THEN
                key_state := 'in_use';
                RETURN;
            END IF;
        END LOOP;
    END IF;
END $$;
REVOKE ALL ON FUNCTION open_request FROM PUBLIC;
GRANT EXECUTE ON FUNCTION open_request TO beatrice_app, beatrice_hr;
"""

GRANTS = """
GRANT SELECT ON municipality TO beatrice_app, beatrice_hr, beatrice_worker;
GRANT SELECT, INSERT, UPDATE ON
    user_account, organisation, company, network, alliance, alliance_membership, employee, membership, session_token,
    api_key, invitation, password_reset, care.beneficiary
    TO beatrice_app, beatrice_worker;
GRANT SELECT, INSERT, DELETE ON alliance_municipality TO beatrice_app, beatrice_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON attempt_count TO beatrice_app, beatrice_worker;
GRANT DELETE ON session_token, password_reset TO beatrice_worker;
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
GRANT INSERT ON invitation TO beatrice_hr;
GRANT SELECT (id, employee_id, organisation_id, ended_at), UPDATE (ended_at) ON invitation TO beatrice_hr;
GRANT SELECT, INSERT, UPDATE ON attempt_count TO beatrice_hr;
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(HR)
    op.execute(OPEN_REQUEST)
    op.execute(GRANTS)
    cursor = op.get_bind().connection.driver_connection.cursor()
    with cursor.copy(
        "COPY municipality (istat_code, name, sort_key, province, province_name, region, cadastral_code, latitude,"
        " longitude) FROM STDIN"
    ) as copy:
        for row in rows():
            copy.write_row(row)


def rows():
    """Read the ISTAT table (its source and date: migrations/data/SOURCES.md)."""
    import unicodedata

    with MUNICIPALITIES.open(encoding="utf-8") as lines:
        header = None
        for line in lines:
            if line.startswith("#"):
                continue
            cells = line.rstrip("\n").split("\t")
            if header is None:
                header = cells
                continue
            row = dict(zip(header, cells, strict=True))
            plain = unicodedata.normalize("NFKD", row["name"]).encode("ascii", "ignore").decode().lower()
            yield (
                row["istat_code"],
                row["name"],
                plain,
                row["province"],
                row["province_name"],
                row["region"],
                row["cadastral_code"],
                row["latitude"] or None,
                row["longitude"] or None,
            )
