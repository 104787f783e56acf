"""Settlement: fee rules, runs, settlements, lines, payouts.

Revision ID: 0007
Revises: 0006
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = r"""
CREATE TABLE fee_rule (
    id UUID NOT NULL,
    provider_id UUID,
    category TEXT,
    percent_bps INTEGER NOT NULL,
    fixed_cents BIGINT NOT NULL,
    min_cents BIGINT,
    max_cents BIGINT,
    payer TEXT NOT NULL,
    vat_bps INTEGER DEFAULT '2200' NOT NULL,
    valid_from DATE NOT NULL,
    valid_to DATE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT fee_rule_pkey PRIMARY KEY (id),
    CONSTRAINT fee_rule_not_negative CHECK (percent_bps BETWEEN 0 AND 10000 AND fixed_cents >= 0),
    CONSTRAINT fee_rule_bounds CHECK (min_cents >= 0 AND max_cents >= coalesce(min_cents, 0)),
    CONSTRAINT fee_rule_payer_known CHECK (payer IN ('provider','company','project_fund')),
    CONSTRAINT fee_rule_period CHECK (valid_to IS NULL OR valid_to > valid_from),
    CONSTRAINT fee_rule_provider_id_fkey FOREIGN KEY(provider_id) REFERENCES provider (organisation_id)
);
CREATE INDEX fee_rule_provider_id_idx ON fee_rule (provider_id);

CREATE TABLE settlement_run (
    id UUID NOT NULL,
    cutoff_on DATE NOT NULL,
    status TEXT DEFAULT 'closed' NOT NULL,
    content_sha256 TEXT NOT NULL,
    settlement_count INTEGER NOT NULL,
    total_cents BIGINT NOT NULL,
    created_by UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    approved_by UUID,
    approved_at TIMESTAMP WITH TIME ZONE,
    approved_sha256 TEXT,
    debtor_name TEXT,
    debtor_iban TEXT,
    execution_on DATE,
    payment_file_sha256 TEXT,
    sent_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT settlement_run_pkey PRIMARY KEY (id),
    CONSTRAINT settlement_run_status_known CHECK (status IN ('closed','approved','sent','reconciled','cancelled')),
    CONSTRAINT settlement_run_approver_is_not_maker CHECK (approved_by IS NULL OR approved_by <> created_by),
    CONSTRAINT settlement_run_approval_is_complete CHECK ((approved_sha256 IS NULL) = (approved_by IS NULL) AND (approved_by IS NULL) = (approved_at IS NULL)),
    CONSTRAINT settlement_run_approved_is_this_content CHECK (approved_sha256 IS NULL OR approved_sha256 = content_sha256),
    CONSTRAINT settlement_run_approved_before_sent CHECK (status IN ('closed','cancelled') OR approved_by IS NOT NULL),
    CONSTRAINT settlement_run_sent_has_instant CHECK ((status IN ('sent','reconciled')) = (sent_at IS NOT NULL)),
    CONSTRAINT settlement_run_payment_is_complete CHECK (approved_by IS NULL OR (debtor_name IS NOT NULL AND debtor_iban IS NOT NULL AND execution_on IS NOT NULL AND (payment_file_sha256 IS NULL) = (settlement_count = 0)))
);
CREATE UNIQUE INDEX settlement_run_cutoff_on_key ON settlement_run (cutoff_on) WHERE status <> 'cancelled';

CREATE TABLE settlement_counter (
    provider_id UUID NOT NULL,
    year INTEGER NOT NULL,
    last_number INTEGER NOT NULL,
    CONSTRAINT settlement_counter_pkey PRIMARY KEY (provider_id, year),
    CONSTRAINT settlement_counter_provider_id_fkey FOREIGN KEY(provider_id) REFERENCES provider (organisation_id)
);

CREATE TABLE settlement (
    id UUID NOT NULL,
    run_id UUID NOT NULL,
    provider_id UUID NOT NULL,
    year INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    cutoff_on DATE NOT NULL,
    status TEXT DEFAULT 'issued' NOT NULL,
    gross_cents BIGINT NOT NULL,
    vat_cents BIGINT NOT NULL,
    fee_cents BIGINT NOT NULL,
    fee_vat_cents BIGINT NOT NULL,
    subsidy_cents BIGINT NOT NULL,
    payout_cents BIGINT NOT NULL,
    pay_on DATE NOT NULL,
    content_sha256 TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT settlement_pkey PRIMARY KEY (id),
    CONSTRAINT settlement_run_id_provider_id_key UNIQUE (run_id, provider_id),
    CONSTRAINT settlement_provider_id_id_key UNIQUE (provider_id, id),
    CONSTRAINT settlement_number_key UNIQUE (provider_id, year, sequence),
    CONSTRAINT settlement_status_known CHECK (status IN ('issued','approved','paying','paid','returned')),
    CONSTRAINT settlement_adds_up CHECK (payout_cents = gross_cents - fee_cents - fee_vat_cents + subsidy_cents AND payout_cents >= 0),
    CONSTRAINT settlement_run_id_fkey FOREIGN KEY(run_id) REFERENCES settlement_run (id),
    CONSTRAINT settlement_provider_id_fkey FOREIGN KEY(provider_id) REFERENCES provider (organisation_id)
);

CREATE TABLE settlement_line (
    id UUID NOT NULL,
    settlement_id UUID NOT NULL,
    provider_id UUID NOT NULL,
    unit_id UUID NOT NULL,
    kind TEXT NOT NULL,
    service_on DATE NOT NULL,
    vat_code TEXT NOT NULL,
    gross_cents BIGINT NOT NULL,
    fee_cents BIGINT NOT NULL,
    fee_vat_cents BIGINT NOT NULL,
    subsidy_cents BIGINT NOT NULL,
    net_cents BIGINT NOT NULL,
    CONSTRAINT settlement_line_pkey PRIMARY KEY (id),
    CONSTRAINT settlement_line_unit_once_key UNIQUE (unit_id, kind),
    CONSTRAINT settlement_line_provider_id_settlement_id_fkey FOREIGN KEY(provider_id, settlement_id) REFERENCES settlement (provider_id, id),
    CONSTRAINT settlement_line_kind_known CHECK (kind IN ('service','late_fee','no_show_fee','adjustment')),
    CONSTRAINT settlement_line_adds_up CHECK (net_cents = gross_cents - fee_cents - fee_vat_cents + subsidy_cents),
    CONSTRAINT settlement_line_unit_id_fkey FOREIGN KEY(unit_id) REFERENCES care.unit (id)
);
CREATE INDEX settlement_line_settlement_idx ON settlement_line (provider_id, settlement_id);

CREATE TABLE payout (
    id UUID NOT NULL,
    run_id UUID NOT NULL,
    settlement_id UUID NOT NULL,
    provider_id UUID NOT NULL,
    end_to_end_id TEXT NOT NULL,
    creditor_name TEXT NOT NULL,
    iban TEXT NOT NULL,
    creditor_street TEXT,
    creditor_street_number TEXT,
    creditor_postcode TEXT,
    creditor_town TEXT,
    creditor_country TEXT NOT NULL,
    amount_cents BIGINT NOT NULL,
    status TEXT DEFAULT 'approved' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT payout_pkey PRIMARY KEY (id),
    CONSTRAINT payout_provider_id_settlement_id_fkey FOREIGN KEY(provider_id, settlement_id) REFERENCES settlement (provider_id, id),
    CONSTRAINT payout_settlement_id_key UNIQUE (settlement_id),
    CONSTRAINT payout_positive CHECK (amount_cents > 0),
    CONSTRAINT payout_status_known CHECK (status IN ('approved','paying','paid','returned')),
    CONSTRAINT payout_end_to_end_id_sepa CHECK (end_to_end_id ~ '^[A-Za-z0-9/?:().,+ -]{1,35}$'),
    CONSTRAINT payout_run_id_fkey FOREIGN KEY(run_id) REFERENCES settlement_run (id),
    CONSTRAINT payout_end_to_end_id_key UNIQUE (end_to_end_id)
);
CREATE INDEX payout_run_id_idx ON payout (run_id);
CREATE INDEX payout_settlement_idx ON payout (provider_id, settlement_id);
"""

# What was settled never changes. Only states move, along these pairs; the rest of a row is compared as a whole.
IMMUTABLE = r"""
CREATE FUNCTION settlement_moves() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    approval text[] := CASE WHEN TG_TABLE_NAME = 'settlement_run' AND OLD.status = 'closed'
        THEN ARRAY['approved_by', 'approved_at', 'approved_sha256', 'debtor_name', 'debtor_iban', 'execution_on',
            'payment_file_sha256']
        WHEN TG_TABLE_NAME = 'settlement_run' AND OLD.status = 'approved' THEN ARRAY['sent_at'] ELSE '{}' END;
BEGIN
    IF to_jsonb(NEW) - 'status' - approval IS DISTINCT FROM to_jsonb(OLD) - 'status' - approval THEN
        RAISE EXCEPTION 'rows of % never change', TG_TABLE_NAME
            USING ERRCODE = '23514', CONSTRAINT = TG_TABLE_NAME || '_immutable';
    END IF;
    IF TG_TABLE_NAME || ':' || OLD.status || '>' || NEW.status NOT IN (
        'settlement_run:closed>approved', 'settlement_run:approved>sent', 'settlement_run:sent>reconciled',
        'settlement:issued>approved', 'settlement:approved>paying', 'settlement:paying>paid',
        'settlement:paying>returned',
        'payout:approved>paying', 'payout:paying>paid', 'payout:paying>returned') THEN
        RAISE EXCEPTION '% does not go from % to %', TG_TABLE_NAME, OLD.status, NEW.status
            USING ERRCODE = '23514', CONSTRAINT = TG_TABLE_NAME || '_transition';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER settlement_run_moves BEFORE UPDATE ON settlement_run
    FOR EACH ROW EXECUTE FUNCTION settlement_moves();
CREATE TRIGGER settlement_moves BEFORE UPDATE ON settlement FOR EACH ROW EXECUTE FUNCTION settlement_moves();
CREATE TRIGGER payout_moves BEFORE UPDATE ON payout FOR EACH ROW EXECUTE FUNCTION settlement_moves();
CREATE TRIGGER settlement_line_no_change BEFORE UPDATE ON settlement_line
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE FUNCTION settlement_counter_steps() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.last_number = 1 OR TG_OP = 'UPDATE' AND NEW.last_number = OLD.last_number + 1
        AND NEW.provider_id = OLD.provider_id AND NEW.year = OLD.year THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'numbers are given one by one'
        USING ERRCODE = '23514', CONSTRAINT = 'settlement_counter_one_by_one';
END $$;
CREATE TRIGGER settlement_counter_steps BEFORE INSERT OR UPDATE ON settlement_counter
    FOR EACH ROW EXECUTE FUNCTION settlement_counter_steps();
""" + "".join(
    f"""
CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
"""
    for table in ("settlement_run", "settlement_counter", "settlement", "settlement_line", "payout")
)

# Sums are compared once per statement for lines (20,000 row triggers would each add up a whole document) and at the
# end of the transaction for documents, which may be written before their lines. MATERIALIZED keeps the planner from
# asking for the sum before it has made the documents distinct; a sum reads one document by its index, whatever the
# table's size was when the plan was kept.
AGREE = r"""
CREATE FUNCTION settlement_lines_agree() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (
        SELECT FROM new_line LEFT JOIN care.unit ON unit.id = new_line.unit_id
        WHERE new_line.kind <> 'adjustment' AND (unit.id IS NULL OR unit.payable_at IS NULL OR unit.disputed
            OR unit.provider_id <> new_line.provider_id OR unit.captured_cents <> new_line.gross_cents
            OR new_line.kind IS DISTINCT FROM CASE unit.status WHEN 'completed' THEN 'service'
                WHEN 'cancelled_late' THEN 'late_fee' WHEN 'no_show' THEN 'no_show_fee' END)) THEN
        RAISE EXCEPTION 'a line settles a payable unit of its provider, for what was captured'
            USING ERRCODE = '23514', CONSTRAINT = 'settlement_line_is_the_units';
    END IF;
    IF EXISTS (
        WITH touched AS MATERIALIZED (SELECT DISTINCT provider_id, settlement_id FROM new_line)
        SELECT FROM touched WHERE NOT settlement_is_sum(provider_id, settlement_id)) THEN
        RAISE EXCEPTION 'a settlement is the sum of its lines'
            USING ERRCODE = '23514', CONSTRAINT = 'settlement_is_sum_of_lines';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION settlement_is_sum(p_provider_id uuid, p_settlement_id uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp SET enable_seqscan = off AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM settlement CROSS JOIN (
            SELECT coalesce(sum(gross_cents), 0) AS gross, coalesce(sum(fee_cents), 0) AS fee,
                coalesce(sum(fee_vat_cents), 0) AS fee_vat, coalesce(sum(subsidy_cents), 0) AS subsidy,
                coalesce(sum(net_cents), 0) AS net
            FROM settlement_line WHERE provider_id = p_provider_id AND settlement_id = p_settlement_id
        ) AS line
        WHERE settlement.id = p_settlement_id AND settlement.gross_cents = gross AND settlement.fee_cents = fee
            AND settlement.fee_vat_cents = fee_vat AND settlement.subsidy_cents = subsidy
            AND settlement.payout_cents = net);
END $$;

CREATE FUNCTION settlement_adds_up() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.status <> 'issued' OR NOT settlement_is_sum(NEW.provider_id, NEW.id) THEN
        RAISE EXCEPTION 'a settlement is the sum of its lines'
            USING ERRCODE = '23514', CONSTRAINT = 'settlement_is_sum_of_lines';
    END IF;
    IF NOT EXISTS (SELECT FROM settlement_counter WHERE provider_id = NEW.provider_id AND year = NEW.year
            AND last_number >= NEW.sequence)
        OR NEW.sequence <> 1 AND NOT EXISTS (SELECT FROM settlement WHERE provider_id = NEW.provider_id
            AND year = NEW.year AND sequence = NEW.sequence - 1) THEN
        RAISE EXCEPTION 'settlements are numbered without gaps'
            USING ERRCODE = '23514', CONSTRAINT = 'settlement_number_gapless';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION settlement_run_is_sum(p_run_id uuid) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM settlement_run CROSS JOIN (
            SELECT count(*) AS documents, coalesce(sum(payout_cents), 0) AS total,
                count(*) FILTER (WHERE cutoff_on <> (SELECT cutoff_on FROM settlement_run WHERE id = p_run_id)) AS other
            FROM settlement WHERE run_id = p_run_id
        ) AS made
        WHERE settlement_run.id = p_run_id AND settlement_count = documents AND total_cents = total AND other = 0);
END $$;

CREATE FUNCTION settlement_run_agrees() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (
        WITH touched AS MATERIALIZED (SELECT DISTINCT run_id FROM new_settlement)
        SELECT FROM touched WHERE NOT settlement_run_is_sum(run_id)) THEN
        RAISE EXCEPTION 'a run is the sum of its settlements'
            USING ERRCODE = '23514', CONSTRAINT = 'settlement_run_is_sum_of_settlements';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION settlement_run_adds_up() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.status <> 'closed' OR NOT settlement_run_is_sum(NEW.id) THEN
        RAISE EXCEPTION 'a run starts closed and is the sum of its settlements'
            USING ERRCODE = '23514', CONSTRAINT = 'settlement_run_is_sum_of_settlements';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION settlement_counter_used() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM settlement WHERE provider_id = NEW.provider_id AND year = NEW.year
            AND sequence = NEW.last_number) THEN
        RAISE EXCEPTION 'settlements are numbered without gaps'
            USING ERRCODE = '23514', CONSTRAINT = 'settlement_number_gapless';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION payout_is_approved() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.status <> 'approved' OR NOT EXISTS (
        SELECT FROM settlement JOIN settlement_run ON settlement_run.id = settlement.run_id
        WHERE settlement.id = NEW.settlement_id AND settlement.run_id = NEW.run_id
            AND settlement.payout_cents = NEW.amount_cents AND settlement_run.status = 'approved') THEN
        RAISE EXCEPTION 'a payout pays what an approved run owes'
            USING ERRCODE = '23514', CONSTRAINT = 'payout_is_approved';
    END IF;
    RETURN NULL;
END $$;

-- Every change of a unit that money left for would have to change a settlement.
CREATE FUNCTION care.refuse_change_once_settled() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM settlement_line WHERE unit_id = OLD.id) THEN
        RAISE EXCEPTION 'a settled unit never changes'
            USING ERRCODE = '23514', CONSTRAINT = 'unit_settled_never_changes';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER settlement_line_agrees AFTER INSERT ON settlement_line REFERENCING NEW TABLE AS new_line
    FOR EACH STATEMENT EXECUTE FUNCTION settlement_lines_agree();
CREATE CONSTRAINT TRIGGER settlement_sum AFTER INSERT ON settlement
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION settlement_adds_up();
CREATE TRIGGER settlement_run_agrees AFTER INSERT ON settlement REFERENCING NEW TABLE AS new_settlement
    FOR EACH STATEMENT EXECUTE FUNCTION settlement_run_agrees();
CREATE CONSTRAINT TRIGGER settlement_run_sum AFTER INSERT ON settlement_run
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION settlement_run_adds_up();
CREATE CONSTRAINT TRIGGER settlement_counter_used AFTER INSERT OR UPDATE ON settlement_counter
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION settlement_counter_used();
CREATE TRIGGER payout_is_approved AFTER INSERT ON payout FOR EACH ROW EXECUTE FUNCTION payout_is_approved();
CREATE TRIGGER unit_settled_never_changes BEFORE UPDATE ON care.unit FOR EACH ROW
    WHEN (OLD.payable_at IS NOT NULL) EXECUTE FUNCTION care.refuse_change_once_settled();
REVOKE ALL ON FUNCTION settlement_moves, settlement_counter_steps, settlement_lines_agree, settlement_is_sum,
    settlement_adds_up, settlement_run_is_sum, settlement_run_agrees, settlement_run_adds_up, settlement_counter_used,
    payout_is_approved, care.refuse_change_once_settled FROM PUBLIC;
"""

GRANTS = """
GRANT SELECT, INSERT, UPDATE ON settlement_run, settlement_counter, settlement, payout
    TO beatrice_app, beatrice_worker;
GRANT SELECT, INSERT ON fee_rule, settlement_line TO beatrice_app, beatrice_worker;
"""


def upgrade() -> None:
    for script in (TABLES, IMMUTABLE, AGREE, GRANTS):
        op.execute(script)
