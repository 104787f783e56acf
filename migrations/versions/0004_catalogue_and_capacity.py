"""Catalogue and capacity: providers, sites, offerings, prices, slots.

Revision ID: 0004
Revises: 0003
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

FUNCTIONS = r"""
-- unaccent() is only STABLE because its dictionary could be replaced; ours is named and never is.
CREATE FUNCTION public.plain_text(value text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN lower(public.unaccent('public.unaccent'::regdictionary, value));
"""

TABLES = r"""
CREATE TABLE provider (
    organisation_id UUID NOT NULL,
    phone TEXT,
    email TEXT,
    description TEXT DEFAULT '' NOT NULL,
    earned_account_id UUID NOT NULL,
    payable_account_id UUID NOT NULL,
    in_transit_account_id UUID NOT NULL,
    recoverable_account_id UUID NOT NULL,
    version INTEGER DEFAULT '1' NOT NULL,
    CONSTRAINT provider_pkey PRIMARY KEY (organisation_id),
    CONSTRAINT provider_organisation_id_fkey FOREIGN KEY(organisation_id) REFERENCES organisation (id),
    CONSTRAINT provider_earned_account_id_key UNIQUE (earned_account_id),
    CONSTRAINT provider_earned_account_id_fkey FOREIGN KEY(earned_account_id) REFERENCES ledger.account (id),
    CONSTRAINT provider_payable_account_id_key UNIQUE (payable_account_id),
    CONSTRAINT provider_payable_account_id_fkey FOREIGN KEY(payable_account_id) REFERENCES ledger.account (id),
    CONSTRAINT provider_in_transit_account_id_key UNIQUE (in_transit_account_id),
    CONSTRAINT provider_in_transit_account_id_fkey FOREIGN KEY(in_transit_account_id) REFERENCES ledger.account (id),
    CONSTRAINT provider_recoverable_account_id_key UNIQUE (recoverable_account_id),
    CONSTRAINT provider_recoverable_account_id_fkey FOREIGN KEY(recoverable_account_id) REFERENCES ledger.account (id)
);

CREATE TABLE site (
    id UUID NOT NULL,
    provider_id UUID NOT NULL,
    name TEXT NOT NULL,
    street TEXT NOT NULL,
    postcode TEXT NOT NULL,
    istat_code TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version INTEGER DEFAULT '1' NOT NULL,
    CONSTRAINT site_pkey PRIMARY KEY (id),
    CONSTRAINT site_provider_id_id_key UNIQUE (provider_id, id),
    CONSTRAINT site_provider_id_fkey FOREIGN KEY(provider_id) REFERENCES provider (organisation_id),
    CONSTRAINT site_istat_code_fkey FOREIGN KEY(istat_code) REFERENCES municipality (istat_code)
);
CREATE INDEX site_istat_code_idx ON site (istat_code);

CREATE TABLE offering (
    id UUID NOT NULL,
    provider_id UUID NOT NULL,
    site_id UUID,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    category TEXT NOT NULL,
    mode TEXT NOT NULL,
    unit TEXT NOT NULL,
    vat_code TEXT NOT NULL,
    min_age INTEGER,
    max_age INTEGER,
    confirmation TEXT NOT NULL,
    response_hours INTEGER NOT NULL,
    min_notice_hours INTEGER NOT NULL,
    free_until_hours INTEGER NOT NULL,
    late_fee_bps INTEGER NOT NULL,
    no_show_fee_bps INTEGER NOT NULL,
    audience TEXT DEFAULT 'public' NOT NULL,
    access TEXT DEFAULT 'free' NOT NULL,
    status TEXT DEFAULT 'active' NOT NULL,
    name_key TEXT COLLATE "C" GENERATED ALWAYS AS (public.plain_text(name)) STORED NOT NULL,
    search TSVECTOR GENERATED ALWAYS AS (setweight(to_tsvector('public.it_unaccent'::regconfig, name), 'A') || setweight(to_tsvector('public.it_unaccent'::regconfig, description), 'B')) STORED NOT NULL,
    external_id TEXT,
    metadata JSONB DEFAULT '{}' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version INTEGER DEFAULT '1' NOT NULL,
    CONSTRAINT offering_pkey PRIMARY KEY (id),
    CONSTRAINT offering_provider_id_id_key UNIQUE (provider_id, id),
    CONSTRAINT offering_site_fkey FOREIGN KEY(provider_id, site_id) REFERENCES site (provider_id, id),
    CONSTRAINT offering_mode_known CHECK (mode IN ('appointment', 'home_visit', 'session', 'stay', 'enrolment', 'on_request')),
    CONSTRAINT offering_unit_known CHECK (unit IN ('visit', 'hour', 'half_day', 'day', 'night', 'week', 'month', 'session', 'meal', 'ride', 'cycle')),
    CONSTRAINT offering_vat_code_known CHECK (vat_code IN ('exempt', 'not_subject', 'vat_5', 'vat_10', 'vat_22')),
    CONSTRAINT offering_confirmation_known CHECK (confirmation IN ('instant','provider')),
    CONSTRAINT offering_audience_known CHECK (audience IN ('public','alliance','companies')),
    CONSTRAINT offering_access_known CHECK (access IN ('free','assessment','prescription')),
    CONSTRAINT offering_status_known CHECK (status IN ('active','inactive')),
    CONSTRAINT offering_ages CHECK (min_age >= 0 AND max_age >= coalesce(min_age, 0)),
    CONSTRAINT offering_hours_not_negative CHECK (response_hours > 0 AND min_notice_hours >= 0 AND free_until_hours >= 0),
    CONSTRAINT offering_fees_within_price CHECK (late_fee_bps BETWEEN 0 AND 10000 AND no_show_fee_bps BETWEEN 0 AND 10000),
    CONSTRAINT offering_provider_id_fkey FOREIGN KEY(provider_id) REFERENCES provider (organisation_id)
);
CREATE INDEX offering_category_idx ON offering (category, name_key, id);
CREATE INDEX offering_listed_idx ON offering (name_key, id) WHERE status = 'active';
CREATE INDEX offering_name_trgm_idx ON offering USING gin (name_key gin_trgm_ops);
CREATE INDEX offering_search_idx ON offering USING gin (search);
CREATE INDEX offering_site_idx ON offering (provider_id, site_id);

CREATE TABLE offering_area (
    offering_id UUID NOT NULL,
    istat_code TEXT NOT NULL,
    CONSTRAINT offering_area_pkey PRIMARY KEY (offering_id, istat_code),
    CONSTRAINT offering_area_offering_id_fkey FOREIGN KEY(offering_id) REFERENCES offering (id),
    CONSTRAINT offering_area_istat_code_fkey FOREIGN KEY(istat_code) REFERENCES municipality (istat_code)
);
CREATE INDEX offering_area_istat_code_idx ON offering_area (istat_code);

CREATE TABLE price (
    id UUID NOT NULL,
    offering_id UUID NOT NULL,
    price_cents BIGINT NOT NULL,
    valid_from DATE NOT NULL,
    valid_to DATE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT price_pkey PRIMARY KEY (id),
    CONSTRAINT price_positive CHECK (price_cents > 0),
    CONSTRAINT price_period CHECK (valid_to IS NULL OR valid_to > valid_from),
    CONSTRAINT price_one_per_day EXCLUDE USING gist (offering_id WITH =, daterange(valid_from, valid_to, '[)') WITH &&),
    CONSTRAINT price_offering_id_fkey FOREIGN KEY(offering_id) REFERENCES offering (id)
);
CREATE INDEX price_offering_id_idx ON price (offering_id);

CREATE TABLE slot (
    id UUID NOT NULL,
    provider_id UUID NOT NULL,
    offering_id UUID NOT NULL,
    starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
    capacity INTEGER NOT NULL,
    taken INTEGER DEFAULT '0' NOT NULL,
    status TEXT DEFAULT 'open' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version INTEGER DEFAULT '1' NOT NULL,
    CONSTRAINT slot_pkey PRIMARY KEY (id),
    CONSTRAINT slot_provider_id_id_key UNIQUE (provider_id, id),
    CONSTRAINT slot_provider_id_offering_id_fkey FOREIGN KEY(provider_id, offering_id) REFERENCES offering (provider_id, id),
    CONSTRAINT slot_taken_within_capacity CHECK (taken BETWEEN 0 AND capacity),
    CONSTRAINT slot_capacity_positive CHECK (capacity > 0),
    CONSTRAINT slot_not_empty CHECK (ends_at > starts_at),
    CONSTRAINT slot_status_known CHECK (status IN ('open','cancelled')),
    CONSTRAINT slot_cancelled_is_empty CHECK (status = 'open' OR taken = 0)
)
 WITH (fillfactor = 70);
CREATE INDEX slot_bookable_idx ON slot (offering_id, starts_at) WHERE status = 'open';
CREATE INDEX slot_offering_idx ON slot (provider_id, offering_id);
"""

# What a row is never changes: no UPDATE of owners, of an offering's kind, of a slot's offering and time, of an amount.
GRANTS = """
GRANT SELECT, INSERT ON provider, site, offering, price, slot TO beatrice_app, beatrice_worker;
GRANT UPDATE (phone, email, description, version) ON provider TO beatrice_app, beatrice_worker;
GRANT UPDATE (name, street, postcode, istat_code, version) ON site TO beatrice_app, beatrice_worker;
GRANT UPDATE (site_id, name, description, vat_code, min_age, max_age, confirmation, response_hours, min_notice_hours,
    free_until_hours, late_fee_bps, no_show_fee_bps, audience, access, status, external_id, metadata, version)
    ON offering TO beatrice_app, beatrice_worker;
GRANT UPDATE (valid_to) ON price TO beatrice_app, beatrice_worker;
GRANT UPDATE (capacity, taken, status, version) ON slot TO beatrice_app, beatrice_worker;
GRANT SELECT, INSERT, DELETE ON offering_area TO beatrice_app, beatrice_worker;
"""


def upgrade() -> None:
    op.execute(FUNCTIONS)
    op.execute(TABLES)
    op.execute(GRANTS)
