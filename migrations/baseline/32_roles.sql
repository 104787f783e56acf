-- Who acts for which organisation: people, keys, invitations.

CREATE TABLE role_grant (
    id UUID NOT NULL,
    user_id UUID NOT NULL,
    role TEXT NOT NULL,
    scope_kind TEXT NOT NULL,
    scope_id UUID,
    from_at TIMESTAMP WITH TIME ZONE NOT NULL,
    until_at TIMESTAMP WITH TIME ZONE,
    granted_by UUID,
    granted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    confirmed_by UUID,
    side TEXT,
    -- The scope once more, so that it is there: a key reaches one table only.
    organisation_id UUID GENERATED ALWAYS AS (CASE scope_kind WHEN 'organisation' THEN scope_id END) STORED,
    alliance_id UUID GENERATED ALWAYS AS (CASE scope_kind WHEN 'alliance' THEN scope_id END) STORED,
    network_id UUID GENERATED ALWAYS AS (CASE scope_kind WHEN 'network' THEN scope_id END) STORED,
    CONSTRAINT role_grant_pkey PRIMARY KEY (id),
    CONSTRAINT role_grant_role_known CHECK (role IN ('hr', 'hr_approver', 'payroll', 'manager', 'staff', 'coordinator', 'care_manager', 'observer', 'operator', 'finance', 'admin')),
    CONSTRAINT role_grant_scope_kind_known CHECK (scope_kind IN ('organisation', 'alliance', 'network', 'platform')),
    CONSTRAINT role_grant_scope_named CHECK ((scope_id IS NULL) = (scope_kind = 'platform')),
    CONSTRAINT role_grant_role_fits_scope CHECK (CASE scope_kind
        WHEN 'organisation' THEN true
        WHEN 'alliance' THEN role IN ('coordinator', 'care_manager', 'observer')
        WHEN 'network' THEN role IN ('coordinator', 'observer')
        WHEN 'platform' THEN role IN ('operator', 'finance') END),
    CONSTRAINT role_grant_confirmed_by_another CHECK (confirmed_by <> user_id AND confirmed_by IS DISTINCT FROM granted_by OR confirmed_by IS NULL),
    CONSTRAINT role_grant_side_known CHECK (side IN ('employer', 'care')),
    CONSTRAINT role_grant_period CHECK (until_at >= from_at),
    CONSTRAINT role_grant_user_id_fkey FOREIGN KEY(user_id) REFERENCES user_account (id),
    CONSTRAINT role_grant_granted_by_fkey FOREIGN KEY(granted_by) REFERENCES user_account (id),
    CONSTRAINT role_grant_confirmed_by_fkey FOREIGN KEY(confirmed_by) REFERENCES user_account (id),
    CONSTRAINT role_grant_organisation_id_fkey FOREIGN KEY(organisation_id) REFERENCES organisation (id),
    CONSTRAINT role_grant_alliance_id_fkey FOREIGN KEY(alliance_id) REFERENCES alliance (id),
    CONSTRAINT role_grant_network_id_fkey FOREIGN KEY(network_id) REFERENCES network (id),
    CONSTRAINT role_grant_once EXCLUDE USING gist (user_id WITH =, role WITH =, (coalesce(scope_id, user_id)) WITH =,
        (tstzrange(from_at, until_at)) WITH &&),
    CONSTRAINT role_grant_hr_apart_from_care EXCLUDE USING gist (user_id WITH =, side WITH <>,
        (tstzrange(from_at, until_at)) WITH &&)
);
CREATE INDEX role_grant_user_id_idx ON role_grant (user_id);
CREATE INDEX role_grant_granted_by_idx ON role_grant (granted_by);
CREATE INDEX role_grant_confirmed_by_idx ON role_grant (confirmed_by);
CREATE INDEX role_grant_organisation_id_idx ON role_grant (organisation_id);
CREATE INDEX role_grant_alliance_id_idx ON role_grant (alliance_id);
CREATE INDEX role_grant_network_id_idx ON role_grant (network_id);

CREATE TABLE api_key (
    id UUID NOT NULL,
    organisation_id UUID NOT NULL,
    name TEXT NOT NULL,
    token_hash BYTEA NOT NULL,
    hint TEXT NOT NULL,
    scopes TEXT[] NOT NULL,
    created_by UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_used_at TIMESTAMP WITH TIME ZONE,
    revoked_at TIMESTAMP WITH TIME ZONE,
    live_place SMALLINT,
    CONSTRAINT api_key_pkey PRIMARY KEY (id),
    CONSTRAINT api_key_live_place_known CHECK (live_place IN (1, 2)),
    CONSTRAINT api_key_live_place_only_while_live CHECK (revoked_at IS NULL OR live_place IS NULL),
    CONSTRAINT api_key_life CHECK (expires_at <= created_at + interval '17544 hours'),
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
    invited_by UUID,
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
    CONSTRAINT invitation_invited_by_fkey FOREIGN KEY(invited_by) REFERENCES user_account (id),
    CONSTRAINT invitation_accepted_by_fkey FOREIGN KEY(accepted_by) REFERENCES user_account (id)
);
CREATE INDEX invitation_accepted_by_idx ON invitation (accepted_by);
CREATE INDEX invitation_invited_by_idx ON invitation (invited_by);
CREATE INDEX invitation_employee_idx ON invitation (organisation_id, employee_id);
CREATE INDEX invitation_employee_id_idx ON invitation (employee_id);
CREATE UNIQUE INDEX invitation_pending_employee_key ON invitation (employee_id) WHERE ended_at IS NULL;

-- Whose role where is never changed, only when.
GRANT SELECT, INSERT, UPDATE (from_at, until_at, confirmed_by) ON role_grant TO beatrice_app, beatrice_worker;
GRANT SELECT, INSERT, UPDATE ON api_key, invitation TO beatrice_app, beatrice_worker;
GRANT INSERT ON invitation TO beatrice_hr;
GRANT SELECT (id, employee_id, organisation_id, ended_at), UPDATE (ended_at) ON invitation TO beatrice_hr;
