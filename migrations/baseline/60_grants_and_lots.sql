-- Top-ups, programmes, grants, lots.

CREATE TABLE top_up (
    id UUID NOT NULL,
    company_id UUID NOT NULL,
    amount_cents BIGINT NOT NULL,
    status TEXT DEFAULT 'pending' NOT NULL,
    payment_reference TEXT NOT NULL,
    created_by UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    resolved_by UUID,
    resolved_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT top_up_pkey PRIMARY KEY (id),
    CONSTRAINT top_up_positive CHECK (amount_cents > 0),
    CONSTRAINT top_up_status_known CHECK (status IN ('pending','confirmed','returned')),
    CONSTRAINT top_up_resolved_when_not_pending CHECK ((status = 'pending') = (resolved_at IS NULL)),
    CONSTRAINT top_up_company_id_fkey FOREIGN KEY(company_id) REFERENCES company (organisation_id),
    CONSTRAINT top_up_payment_reference_key UNIQUE (payment_reference)
);
CREATE INDEX top_up_company_id_idx ON top_up (company_id, id);

CREATE TABLE programme (
    id UUID NOT NULL,
    company_id UUID NOT NULL,
    name TEXT NOT NULL,
    source TEXT NOT NULL,
    basis TEXT,
    basis_reference TEXT,
    employee_category TEXT NOT NULL,
    rule_codes TEXT[] NOT NULL,
    categories TEXT[],
    lot_expires_on DATE NOT NULL,
    validity_basis TEXT NOT NULL,
    expired_credit_to TEXT NOT NULL,
    leavers_rule TEXT NOT NULL,
    fee_funding TEXT NOT NULL,
    relatives_reading TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version INTEGER DEFAULT '1' NOT NULL,
    CONSTRAINT programme_pkey PRIMARY KEY (id),
    CONSTRAINT programme_company_id_id_key UNIQUE (company_id, id),
    CONSTRAINT programme_source_known CHECK (source IN ('on_top','collective_agreement','performance_bonus')),
    CONSTRAINT programme_rule_codes_given CHECK (cardinality(rule_codes) > 0),
    CONSTRAINT programme_validity_basis_known CHECK (validity_basis IN ('service_date','booking_date')),
    CONSTRAINT programme_expired_credit_to_known CHECK (expired_credit_to IN ('company','solidarity_fund','carry_over')),
    CONSTRAINT programme_leavers_rule_known CHECK (leavers_rule IN ('zero_at_leaving','keep_until_expiry')),
    CONSTRAINT programme_fee_funding_known CHECK (fee_funding IN ('out_of_pocket','from_credit')),
    CONSTRAINT programme_relatives_reading_known CHECK (relatives_reading IN ('strict','lenient')),
    CONSTRAINT programme_only_on_top_returns_to_company CHECK (source = 'on_top' OR (leavers_rule = 'keep_until_expiry' AND expired_credit_to <> 'company')),
    CONSTRAINT programme_company_id_fkey FOREIGN KEY(company_id) REFERENCES company (organisation_id)
);

CREATE TABLE credit_grant (
    id UUID NOT NULL,
    company_id UUID NOT NULL,
    programme_id UUID NOT NULL,
    status TEXT DEFAULT 'draft' NOT NULL,
    total_cents BIGINT NOT NULL,
    employee_count INTEGER NOT NULL,
    generality_reason TEXT,
    created_by UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    approved_by UUID,
    approved_at TIMESTAMP WITH TIME ZONE,
    activated_at TIMESTAMP WITH TIME ZONE,
    version INTEGER DEFAULT '1' NOT NULL,
    CONSTRAINT credit_grant_pkey PRIMARY KEY (id),
    CONSTRAINT credit_grant_company_id_id_key UNIQUE (company_id, id),
    CONSTRAINT credit_grant_company_id_programme_id_fkey FOREIGN KEY(company_id, programme_id) REFERENCES programme (company_id, id),
    CONSTRAINT credit_grant_status_known CHECK (status IN ('draft','awaiting_funds','active','revoked')),
    CONSTRAINT credit_grant_not_empty CHECK (total_cents > 0 AND employee_count > 0),
    CONSTRAINT credit_grant_approver_is_not_maker CHECK (approved_by IS NULL OR approved_by <> created_by),
    CONSTRAINT credit_grant_approved_before_active CHECK (status IN ('draft','revoked') OR approved_by IS NOT NULL),
    CONSTRAINT credit_grant_active_has_instant CHECK (status <> 'active' OR activated_at IS NOT NULL),
    CONSTRAINT credit_grant_company_id_fkey FOREIGN KEY(company_id) REFERENCES company (organisation_id)
);
CREATE INDEX credit_grant_programme_idx ON credit_grant (company_id, programme_id);
CREATE INDEX credit_grant_waiting_idx ON credit_grant (company_id, approved_at) WHERE status = 'awaiting_funds';

CREATE TABLE grant_line (
    lot_id UUID NOT NULL,
    grant_id UUID NOT NULL,
    company_id UUID NOT NULL,
    employee_id UUID NOT NULL,
    amount_cents BIGINT NOT NULL,
    CONSTRAINT grant_line_pkey PRIMARY KEY (lot_id),
    CONSTRAINT grant_line_grant_id_employee_id_key UNIQUE (grant_id, employee_id),
    CONSTRAINT grant_line_company_id_grant_id_fkey FOREIGN KEY(company_id, grant_id) REFERENCES credit_grant (company_id, id),
    CONSTRAINT grant_line_company_id_employee_id_fkey FOREIGN KEY(company_id, employee_id) REFERENCES employee (company_id, id),
    CONSTRAINT grant_line_positive CHECK (amount_cents > 0)
);
CREATE INDEX grant_line_employee_idx ON grant_line (company_id, employee_id);
CREATE INDEX grant_line_grant_idx ON grant_line (company_id, grant_id);

CREATE TABLE lot (
    id UUID NOT NULL,
    company_id UUID NOT NULL,
    employee_id UUID NOT NULL,
    programme_id UUID NOT NULL,
    grant_id UUID NOT NULL,
    kind TEXT DEFAULT 'grant' NOT NULL,
    grace_of UUID,
    amount_cents BIGINT NOT NULL,
    valid_from DATE NOT NULL,
    expires_on DATE NOT NULL,
    expired_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT lot_pkey PRIMARY KEY (id),
    CONSTRAINT lot_company_id_programme_id_fkey FOREIGN KEY(company_id, programme_id) REFERENCES programme (company_id, id),
    CONSTRAINT lot_company_id_employee_id_fkey FOREIGN KEY(company_id, employee_id) REFERENCES employee (company_id, id),
    CONSTRAINT lot_company_id_grant_id_fkey FOREIGN KEY(company_id, grant_id) REFERENCES credit_grant (company_id, id),
    CONSTRAINT lot_kind_known CHECK (kind IN ('grant','grace','entitlement')),
    CONSTRAINT lot_positive CHECK (amount_cents > 0),
    CONSTRAINT lot_period CHECK (expires_on >= valid_from),
    CONSTRAINT lot_grace_names_its_lot CHECK ((kind = 'grace') = (grace_of IS NOT NULL)),
    CONSTRAINT lot_id_fkey FOREIGN KEY(id) REFERENCES ledger.account (id),
    CONSTRAINT lot_grace_of_fkey FOREIGN KEY(grace_of) REFERENCES lot (id)
);
CREATE INDEX lot_employee_idx ON lot (company_id, employee_id);
CREATE INDEX lot_grace_of_idx ON lot (grace_of);
CREATE UNIQUE INDEX lot_grant_employee_key ON lot (grant_id, employee_id) WHERE kind = 'grant';
CREATE INDEX lot_grant_idx ON lot (company_id, grant_id);
CREATE INDEX lot_programme_idx ON lot (company_id, programme_id);
CREATE INDEX lot_unexpired_idx ON lot (expires_on, id) WHERE expired_at IS NULL;

GRANT SELECT, INSERT, UPDATE ON top_up, programme, credit_grant TO beatrice_app, beatrice_worker;
GRANT SELECT, INSERT, UPDATE ON programme, credit_grant TO beatrice_hr;
GRANT SELECT, INSERT ON top_up TO beatrice_hr;
GRANT SELECT, INSERT ON grant_line TO beatrice_app, beatrice_hr, beatrice_worker;
GRANT SELECT, INSERT ON lot TO beatrice_app, beatrice_worker;
GRANT UPDATE (expired_at) ON lot TO beatrice_app, beatrice_worker;
GRANT INSERT ON lot TO beatrice_hr;
