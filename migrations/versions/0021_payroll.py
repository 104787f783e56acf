"""What a payslip needs: lines, closed periods, the company's own codes.

Revision ID: 0021
Revises: 0020
"""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

KINDS = "'reimbursement_payslip', 'reimbursement_figurative', 'fringe', 'bonus_conversion', 'late_fee'"
CODES = "'C2_D_BIS', 'C2_F', 'C2_F_BIS', 'C2_F_TER', 'C2_F_QUATER', 'C3_FRINGE'"


def upgrade() -> None:
    op.execute(f"""
        CREATE TABLE payroll_line (
            id UUID NOT NULL,
            company_id UUID NOT NULL,
            employee_id UUID NOT NULL,
            tax_year INTEGER NOT NULL,
            period DATE NOT NULL,
            delta_of DATE,
            kind TEXT NOT NULL,
            rule_code TEXT,
            amount_cents BIGINT NOT NULL,
            taxable_cents BIGINT NOT NULL,
            source_id UUID,
            sequence INTEGER NOT NULL,
            event_on DATE NOT NULL,
            created_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT payroll_line_pkey PRIMARY KEY (id),
            CONSTRAINT payroll_line_company_id_fkey FOREIGN KEY (company_id) REFERENCES company (organisation_id),
            CONSTRAINT payroll_line_company_id_employee_id_fkey FOREIGN KEY (company_id, employee_id) REFERENCES employee (company_id, id),
            CONSTRAINT payroll_line_source_once_key UNIQUE (kind, source_id, sequence),
            CONSTRAINT payroll_line_kind_known CHECK (kind IN ({KINDS})),
            CONSTRAINT payroll_line_rule_code_known CHECK (rule_code IN ({CODES})),
            CONSTRAINT payroll_line_says_something CHECK (amount_cents <> 0 OR taxable_cents <> 0),
            CONSTRAINT payroll_line_tax_year_four_digits CHECK (tax_year BETWEEN 2000 AND 2100),
            CONSTRAINT payroll_line_sequence_positive CHECK (sequence > 0),
            CONSTRAINT payroll_line_period_is_a_month CHECK (extract(day FROM period) = 1),
            CONSTRAINT payroll_line_delta_of_an_earlier CHECK (delta_of < period),
            CONSTRAINT payroll_line_month_of_event CHECK (coalesce(delta_of, period) = event_on - (extract(day FROM event_on)::integer - 1))
        );
        CREATE INDEX payroll_line_period_idx ON payroll_line (company_id, period);
        CREATE INDEX payroll_line_employee_idx ON payroll_line (company_id, employee_id, tax_year);

        CREATE TABLE payroll_period (
            id UUID NOT NULL,
            company_id UUID NOT NULL,
            period DATE NOT NULL,
            content_sha256 TEXT NOT NULL,
            sealed_content BYTEA NOT NULL,
            recorded_count INTEGER NOT NULL,
            amount_cents BIGINT NOT NULL,
            taxable_cents BIGINT NOT NULL,
            closed_by UUID NOT NULL,
            closed_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT payroll_period_pkey PRIMARY KEY (id),
            CONSTRAINT payroll_period_company_id_fkey FOREIGN KEY (company_id) REFERENCES company (organisation_id),
            CONSTRAINT payroll_period_closed_by_fkey FOREIGN KEY (closed_by) REFERENCES user_account (id),
            CONSTRAINT payroll_period_closed_once UNIQUE (company_id, period),
            CONSTRAINT payroll_period_is_a_month CHECK (extract(day FROM period) = 1),
            CONSTRAINT payroll_period_content_sha256_hex CHECK (content_sha256 ~ '^[0-9a-f]{{64}}$'),
            CONSTRAINT payroll_period_recorded_count_not_negative CHECK (recorded_count >= 0)
        );
        CREATE INDEX payroll_period_closed_by_idx ON payroll_period (closed_by);

        CREATE TABLE payroll_cause_code (
            id UUID NOT NULL,
            company_id UUID NOT NULL,
            kind TEXT NOT NULL,
            rule_code TEXT,
            cause_code TEXT NOT NULL,
            CONSTRAINT payroll_cause_code_pkey PRIMARY KEY (id),
            CONSTRAINT payroll_cause_code_company_id_fkey FOREIGN KEY (company_id) REFERENCES company (organisation_id),
            CONSTRAINT payroll_cause_code_once UNIQUE NULLS NOT DISTINCT (company_id, kind, rule_code),
            CONSTRAINT payroll_cause_code_kind_known CHECK (kind IN ({KINDS})),
            CONSTRAINT payroll_cause_code_rule_code_known CHECK (rule_code IN ({CODES})),
            CONSTRAINT payroll_cause_code_cause_code_short CHECK (length(cause_code) BETWEEN 1 AND 32)
        );

        CREATE TABLE payroll_notice (
            role_grant_id UUID NOT NULL,
            company_id UUID NOT NULL,
            told_at TIMESTAMP WITH TIME ZONE NOT NULL,
            CONSTRAINT payroll_notice_pkey PRIMARY KEY (role_grant_id),
            CONSTRAINT payroll_notice_role_grant_id_fkey FOREIGN KEY (role_grant_id) REFERENCES role_grant (id),
            CONSTRAINT payroll_notice_company_id_fkey FOREIGN KEY (company_id) REFERENCES company (organisation_id)
        );
        CREATE INDEX payroll_notice_company_id_idx ON payroll_notice (company_id);

        -- Nothing of it for HR: payroll's own requests run as the application.
        GRANT SELECT, INSERT ON payroll_line TO beatrice_app, beatrice_worker;
        GRANT SELECT, INSERT ON payroll_period TO beatrice_app;
        GRANT SELECT ON payroll_period TO beatrice_worker;
        GRANT SELECT, INSERT ON payroll_notice TO beatrice_worker;
        GRANT SELECT ON payroll_notice TO beatrice_app;
        GRANT SELECT, INSERT, DELETE ON payroll_cause_code TO beatrice_app;
    """)
