"""Fringe benefits: one row for each person, employer and tax year, what it is made of, what payroll gave besides.

Revision ID: 0020
Revises: 0014
"""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

FRINGE = """
    CREATE TABLE fringe_year (
        company_id UUID NOT NULL,
        employee_id UUID NOT NULL,
        tax_year INTEGER NOT NULL,
        limit_cents BIGINT,
        with_children BOOLEAN DEFAULT false NOT NULL,
        held_cents BIGINT DEFAULT 0 NOT NULL,
        used_cents BIGINT DEFAULT 0 NOT NULL,
        external_cents BIGINT DEFAULT 0 NOT NULL,
        taxable_cents BIGINT GENERATED ALWAYS AS
            (CASE WHEN used_cents + external_cents > limit_cents THEN used_cents + external_cents ELSE 0 END)
            STORED NOT NULL,
        reported_cents BIGINT DEFAULT 0 NOT NULL,
        tested_at TIMESTAMP WITH TIME ZONE,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT fringe_year_pkey PRIMARY KEY (company_id, employee_id, tax_year),
        CONSTRAINT fringe_year_company_id_fkey FOREIGN KEY(company_id, employee_id)
            REFERENCES employee (company_id, id),
        CONSTRAINT fringe_year_tax_year_known CHECK (tax_year BETWEEN 2016 AND 2200),
        CONSTRAINT fringe_year_limit_not_negative CHECK (limit_cents >= 0),
        CONSTRAINT fringe_year_held_not_negative CHECK (held_cents >= 0),
        CONSTRAINT fringe_year_used_not_negative CHECK (used_cents >= 0),
        CONSTRAINT fringe_year_external_not_negative CHECK (external_cents >= 0),
        CONSTRAINT fringe_year_reported_not_negative CHECK (reported_cents >= 0)
    );
    CREATE INDEX fringe_year_untested_idx ON fringe_year (tax_year) WHERE tested_at IS NULL;
    CREATE INDEX fringe_year_unreported_idx ON fringe_year (tax_year) WHERE taxable_cents <> reported_cents;

    CREATE TABLE fringe_use (
        id UUID NOT NULL,
        company_id UUID NOT NULL,
        employee_id UUID NOT NULL,
        tax_year INTEGER NOT NULL,
        held_cents BIGINT NOT NULL,
        used_cents BIGINT NOT NULL,
        CONSTRAINT fringe_use_pkey PRIMARY KEY (id),
        CONSTRAINT fringe_use_company_id_fkey FOREIGN KEY(company_id, employee_id, tax_year)
            REFERENCES fringe_year (company_id, employee_id, tax_year),
        CONSTRAINT fringe_use_held_not_negative CHECK (held_cents >= 0),
        CONSTRAINT fringe_use_used_not_negative CHECK (used_cents >= 0)
    );
    CREATE INDEX fringe_use_year_idx ON fringe_use (company_id, employee_id, tax_year);

    CREATE TABLE fringe_benefit (
        id UUID NOT NULL,
        company_id UUID NOT NULL,
        employee_id UUID NOT NULL,
        tax_year INTEGER NOT NULL,
        amount_cents BIGINT NOT NULL,
        posted_by UUID NOT NULL,
        created_at TIMESTAMP WITH TIME ZONE NOT NULL,
        CONSTRAINT fringe_benefit_pkey PRIMARY KEY (id),
        CONSTRAINT fringe_benefit_company_id_fkey FOREIGN KEY(company_id, employee_id)
            REFERENCES employee (company_id, id),
        CONSTRAINT fringe_benefit_says_something CHECK (amount_cents <> 0)
    );
    CREATE INDEX fringe_benefit_company_idx ON fringe_benefit (company_id, id);
    CREATE INDEX fringe_benefit_employee_idx ON fringe_benefit (company_id, employee_id, tax_year);

    -- What credit was used for under C3 tells of the use of care, and what payroll posts is not HR's: the database role
    -- of companies has no right to any of it. The sums are written by the functions of app/fringe/sql.
    GRANT SELECT, INSERT (company_id, employee_id, tax_year, limit_cents, with_children, created_at),
        UPDATE (limit_cents, with_children, tested_at, reported_cents) ON fringe_year TO beatrice_app, beatrice_worker;
    GRANT SELECT ON fringe_use TO beatrice_app, beatrice_worker;
    GRANT SELECT, INSERT ON fringe_benefit TO beatrice_app;
    GRANT SELECT ON fringe_benefit TO beatrice_worker;

    ALTER TABLE care.quote ADD COLUMN fringe JSONB;
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '500ms'")
    op.execute(FRINGE)
