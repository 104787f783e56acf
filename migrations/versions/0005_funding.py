"""Funding: top-ups, programmes, grants, lots.

Revision ID: 0005
Revises: 0004
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = r"""
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
"""

# A lot's life as commands see it: `last_day` is a deadline kept as data, so a lot is over before any sweep ran.
LIFE = r"""
CREATE VIEW lot_life WITH (security_invoker = true) AS
    SELECT lot.id, lot.company_id, lot.employee_id, employee.user_id, lot.programme_id, lot.grant_id, lot.kind,
        lot.amount_cents, lot.valid_from, lot.expires_on, lot.expired_at,
        CASE WHEN programme.leavers_rule = 'zero_at_leaving' AND employee.ended_on < lot.expires_on
            THEN employee.ended_on ELSE lot.expires_on END AS last_day,
        programme.name AS programme_name, programme.source, programme.rule_codes, programme.categories,
        programme.validity_basis, programme.relatives_reading, programme.fee_funding, programme.expired_credit_to
    FROM lot
    JOIN programme ON programme.id = lot.programme_id
    JOIN employee ON employee.id = lot.employee_id;

CREATE FUNCTION place_credit(
    person_id uuid, on_day date, hold_ids uuid[], lot_ids uuid[], payee_ids uuid[], amounts bigint[],
    cause_ids uuid[], happened_at timestamptz, written_at timestamptz
) RETURNS bigint LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM 1 FROM ledger.lock_accounts(lot_ids);
    IF EXISTS (
        SELECT FROM (
            SELECT given.lot_id, sum(given.amount) AS amount
            FROM unnest(lot_ids, amounts) AS given (lot_id, amount) GROUP BY given.lot_id
        ) asked
        LEFT JOIN lot_life life ON life.id = asked.lot_id AND life.user_id = person_id
            AND life.expired_at IS NULL AND life.last_day >= on_day
        LEFT JOIN ledger.account ON account.id = life.id
        WHERE account.id IS NULL OR account.posted_cents - account.held_cents < asked.amount
    ) THEN
        RETURN (
            SELECT coalesce(sum(account.posted_cents - account.held_cents), 0)
            FROM lot_life life JOIN ledger.account ON account.id = life.id
            WHERE life.user_id = person_id AND life.expired_at IS NULL AND life.last_day >= on_day
        );
    END IF;
    INSERT INTO ledger.hold (id, account_id, payee_account_id, amount_cents, cause_id, event_at, created_at)
        SELECT given.*, happened_at, written_at FROM unnest(hold_ids, lot_ids, payee_ids, amounts, cause_ids) AS given;
    RETURN NULL;
END $$;
"""

# The HR role cannot read lots: these two answer what it must know and do, never for one person.
HR = r"""
CREATE FUNCTION company_returned(of_company_id uuid) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce(sum(transfer.amount_cents), 0)::bigint
    FROM company JOIN ledger.transfer ON transfer.to_account_id = company.account_id
    WHERE company.organisation_id = of_company_id AND transfer.reason IN ('expired', 'returned')
$$;

CREATE FUNCTION return_revoked_lots(
    of_company_id uuid, of_grant_id uuid, transfer_ids uuid[], on_day date, happened_at timestamptz,
    written_at timestamptz
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    lot_ids uuid[];
BEGIN
    IF NOT EXISTS (SELECT FROM credit_grant WHERE company_id = of_company_id AND id = of_grant_id
            AND status = 'revoked') THEN
        RAISE EXCEPTION 'the grant is not revoked' USING ERRCODE = 'check_violation', CONSTRAINT = 'lot_revoked_grant';
    END IF;
    -- The caller holds the company's account. A sweep that is ending a lot holds its row and waits for that account: it
    -- returns the lot's rest itself, and waiting for it here would be for ever.
    SELECT array_agg(locked.id) INTO lot_ids FROM (
        SELECT lot.id FROM lot
        WHERE lot.company_id = of_company_id AND lot.grant_id = of_grant_id AND lot.kind = 'grant'
            AND lot.expired_at IS NULL AND lot.expires_on >= on_day
        ORDER BY lot.id FOR NO KEY UPDATE SKIP LOCKED
    ) locked;
    PERFORM 1 FROM ledger.lock_accounts(
        lot_ids || (SELECT account_id FROM company WHERE organisation_id = of_company_id));
    INSERT INTO ledger.transfer
        (id, from_account_id, to_account_id, amount_cents, reason, cause_id, event_at, created_at)
    SELECT transfer_ids[rest.place], rest.id, company.account_id, rest.available, 'returned', of_grant_id,
        happened_at, written_at
    FROM (
        SELECT account.id, account.posted_cents - account.held_cents AS available,
            row_number() OVER (ORDER BY account.id) AS place
        FROM ledger.account WHERE account.id = ANY (lot_ids) AND account.posted_cents > account.held_cents
    ) rest, company
    WHERE company.organisation_id = of_company_id;
    UPDATE lot SET expired_at = happened_at WHERE id = ANY (lot_ids);
END $$;
"""

GUARDS = r"""
CREATE FUNCTION refuse_funding(guard text, message text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', message USING ERRCODE = 'check_violation', CONSTRAINT = guard;
END $$;

CREATE FUNCTION check_top_up() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'pending' THEN
            PERFORM refuse_funding('top_up_transition', 'a top-up starts pending');
        END IF;
    ELSIF (OLD.id, OLD.company_id, OLD.amount_cents, OLD.payment_reference, OLD.created_by, OLD.created_at)
            IS DISTINCT FROM
            (NEW.id, NEW.company_id, NEW.amount_cents, NEW.payment_reference, NEW.created_by, NEW.created_at) THEN
        PERFORM refuse_funding('top_up_fixed', 'an announced top-up does not change');
    ELSIF OLD.status <> 'pending' THEN
        PERFORM refuse_funding('top_up_transition', 'a top-up is resolved once');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER top_up_10_check BEFORE INSERT OR UPDATE ON top_up FOR EACH ROW EXECUTE FUNCTION check_top_up();

CREATE FUNCTION check_programme() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF (to_jsonb(OLD) - 'name' - 'version') IS DISTINCT FROM (to_jsonb(NEW) - 'name' - 'version') AND (
            (OLD.id, OLD.company_id, OLD.created_at) IS DISTINCT FROM (NEW.id, NEW.company_id, NEW.created_at)
            OR EXISTS (SELECT FROM credit_grant WHERE company_id = OLD.company_id AND programme_id = OLD.id)) THEN
        PERFORM refuse_funding('programme_fixed', 'a programme that grants use keeps its rules');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER programme_10_check BEFORE UPDATE ON programme FOR EACH ROW EXECUTE FUNCTION check_programme();

-- A key acts for whoever made it: drafting through one's own key does not make one another person.
CREATE FUNCTION person_behind(actor_id uuid) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce((SELECT created_by FROM api_key WHERE id = actor_id), actor_id)
$$;

CREATE FUNCTION check_grant() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'draft' OR NEW.approved_by IS NOT NULL THEN
            PERFORM refuse_funding('credit_grant_transition', 'a grant starts as a draft');
        END IF;
        RETURN NEW;
    END IF;
    IF (OLD.id, OLD.company_id, OLD.programme_id, OLD.total_cents, OLD.employee_count, OLD.generality_reason,
            OLD.created_by, OLD.created_at) IS DISTINCT FROM
            (NEW.id, NEW.company_id, NEW.programme_id, NEW.total_cents, NEW.employee_count, NEW.generality_reason,
            NEW.created_by, NEW.created_at)
            OR OLD.approved_by IS NOT NULL
                AND (OLD.approved_by, OLD.approved_at) IS DISTINCT FROM (NEW.approved_by, NEW.approved_at)
            OR OLD.activated_at IS NOT NULL AND OLD.activated_at IS DISTINCT FROM NEW.activated_at THEN
        PERFORM refuse_funding('credit_grant_fixed', 'a drafted grant keeps its content, an approval its author');
    END IF;
    IF NEW.approved_by IS NOT NULL AND OLD.approved_by IS NULL AND NEW.approved_by = person_behind(NEW.created_by) THEN
        PERFORM refuse_funding('credit_grant_approver_is_not_maker', 'another person approves');
    END IF;
    IF NEW.status <> OLD.status AND (OLD.status, NEW.status) NOT IN (
            ('draft', 'awaiting_funds'), ('draft', 'active'), ('draft', 'revoked'),
            ('awaiting_funds', 'active'), ('awaiting_funds', 'revoked'), ('active', 'revoked')) THEN
        PERFORM refuse_funding('credit_grant_transition', 'a grant does not move this way');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER credit_grant_10_check BEFORE INSERT OR UPDATE ON credit_grant
    FOR EACH ROW EXECUTE FUNCTION check_grant();

CREATE FUNCTION check_grant_whole() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF (SELECT (count(*), coalesce(sum(amount_cents), 0)) FROM grant_line
            WHERE company_id = NEW.company_id AND grant_id = NEW.id)
            IS DISTINCT FROM (NEW.employee_count::bigint, NEW.total_cents::numeric) THEN
        PERFORM refuse_funding('credit_grant_adds_up', 'a grant is the sum of its lines');
    END IF;
    IF NEW.status = 'active' AND EXISTS (
            SELECT FROM grant_line line WHERE line.company_id = NEW.company_id AND line.grant_id = NEW.id
            AND NOT EXISTS (SELECT FROM lot JOIN ledger.transfer ON transfer.to_account_id = lot.id
                AND transfer.reason = 'granted' WHERE lot.id = line.lot_id)) THEN
        PERFORM refuse_funding('credit_grant_whole', 'an active grant has a funded lot for each line');
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER credit_grant_90_whole AFTER INSERT OR UPDATE OF status ON credit_grant
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_grant_whole();

CREATE FUNCTION check_grant_lines() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM new_line JOIN credit_grant ON credit_grant.id = new_line.grant_id
            WHERE credit_grant.status <> 'draft') THEN
        PERFORM refuse_funding('grant_line_of_draft', 'only a draft takes lines');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER grant_line_10_check AFTER INSERT ON grant_line REFERENCING NEW TABLE AS new_line
    FOR EACH STATEMENT EXECUTE FUNCTION check_grant_lines();
CREATE TRIGGER grant_line_00_fixed BEFORE UPDATE OR DELETE ON grant_line
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE FUNCTION check_new_lots() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM new_lot LEFT JOIN ledger.account ON account.id = new_lot.id AND account.kind = 'lot'
            WHERE account.id IS NULL OR account.posted_cents <> 0 OR new_lot.expired_at IS NOT NULL) THEN
        PERFORM refuse_funding('lot_starts_empty', 'a lot starts with an empty account of its own');
    END IF;
    IF EXISTS (SELECT FROM new_lot
            LEFT JOIN grant_line line ON line.lot_id = new_lot.id AND line.grant_id = new_lot.grant_id
                AND line.employee_id = new_lot.employee_id AND line.amount_cents = new_lot.amount_cents
            LEFT JOIN credit_grant ON credit_grant.id = line.grant_id AND credit_grant.status = 'active'
                AND credit_grant.programme_id = new_lot.programme_id
            WHERE new_lot.kind = 'grant' AND credit_grant.id IS NULL) THEN
        PERFORM refuse_funding('lot_of_active_grant', 'a lot is the line of an active grant');
    END IF;
    IF EXISTS (SELECT FROM new_lot LEFT JOIN lot origin ON origin.id = new_lot.grace_of
                AND (origin.company_id, origin.employee_id, origin.programme_id, origin.grant_id)
                = (new_lot.company_id, new_lot.employee_id, new_lot.programme_id, new_lot.grant_id)
            WHERE new_lot.kind = 'grace' AND origin.id IS NULL) THEN
        PERFORM refuse_funding('lot_grace_of_same', 'a grace lot stays with its person and programme');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER lot_10_new AFTER INSERT ON lot REFERENCING NEW TABLE AS new_lot
    FOR EACH STATEMENT EXECUTE FUNCTION check_new_lots();

CREATE FUNCTION check_grace_funded() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM ledger.transfer WHERE to_account_id = NEW.id) THEN
        PERFORM refuse_funding('lot_funded', 'a lot holds its amount from the start');
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER lot_90_funded AFTER INSERT ON lot DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.kind <> 'grant') EXECUTE FUNCTION check_grace_funded();

CREATE FUNCTION check_changed_lot() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF (to_jsonb(OLD) - 'expired_at') IS DISTINCT FROM (to_jsonb(NEW) - 'expired_at') THEN
        PERFORM refuse_funding('lot_fixed', 'a lot keeps its amount, owner and validity');
    END IF;
    IF OLD.expired_at IS NOT NULL AND NEW.expired_at IS DISTINCT FROM OLD.expired_at THEN
        PERFORM refuse_funding('lot_expires_once', 'a lot ends once');
    END IF;
    IF NEW.expired_at IS NOT NULL AND (NEW.expired_at AT TIME ZONE 'Europe/Rome')::date <= NEW.expires_on
            AND NOT EXISTS (SELECT FROM credit_grant WHERE id = NEW.grant_id AND status = 'revoked')
            AND NOT EXISTS (SELECT FROM lot_life WHERE id = NEW.id
                AND last_day < (NEW.expired_at AT TIME ZONE 'Europe/Rome')::date) THEN
        PERFORM refuse_funding('lot_not_expired_early', 'a lot lives until the midnight after its last day');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER lot_10_changed BEFORE UPDATE ON lot FOR EACH ROW EXECUTE FUNCTION check_changed_lot();
CREATE TRIGGER lot_00_kept BEFORE DELETE ON lot FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE FUNCTION check_lot_transfers() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (
            SELECT FROM new_transfer n JOIN lot ON lot.id = n.to_account_id
            JOIN company ON company.organisation_id = lot.company_id
            LEFT JOIN ledger.transfer undone ON undone.id = n.reverses_id AND undone.hold_id IS NOT NULL
            WHERE undone.id IS NULL AND (
                NOT CASE lot.kind
                    WHEN 'grant' THEN n.reason = 'granted' AND n.from_account_id = company.account_id
                    WHEN 'grace' THEN n.reason IN ('grace', 'carried_over') AND n.from_account_id = lot.grace_of
                    ELSE n.reason = 'awarded' END
                OR n.amount_cents <> lot.amount_cents
                OR EXISTS (SELECT FROM ledger.transfer other
                    WHERE other.to_account_id = lot.id AND other.reverses_id IS NULL AND other.id <> n.id))) THEN
        PERFORM refuse_funding('lot_funded_once', 'a lot gets its amount once, and back what was captured from it');
    END IF;
    IF EXISTS (
            SELECT FROM new_transfer n JOIN lot_life life ON life.id = n.from_account_id
            JOIN company ON company.organisation_id = life.company_id
            JOIN ledger.account payee ON payee.id = n.to_account_id
            LEFT JOIN lot successor ON successor.id = n.to_account_id AND successor.grace_of = life.id
            WHERE n.hold_id IS NULL AND NOT CASE n.reason
                WHEN 'expired' THEN (n.event_at AT TIME ZONE 'Europe/Rome')::date > life.expires_on
                    AND (payee.kind = 'solidarity_fund' OR payee.id = company.account_id)
                WHEN 'returned' THEN payee.id = company.account_id AND (life.expired_at IS NOT NULL
                    OR (n.event_at AT TIME ZONE 'Europe/Rome')::date > life.last_day
                    OR EXISTS (SELECT FROM credit_grant WHERE id = life.grant_id AND status = 'revoked'))
                WHEN 'carried_over' THEN (n.event_at AT TIME ZONE 'Europe/Rome')::date > life.expires_on
                    AND successor.id IS NOT NULL
                WHEN 'grace' THEN successor.id IS NOT NULL
                ELSE false END) THEN
        PERFORM refuse_funding('lot_leaves_by_rule', 'credit leaves a lot by capture, expiry, return or grace only');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER transfer_40_lots AFTER INSERT ON ledger.transfer REFERENCING NEW TABLE AS new_transfer
    FOR EACH STATEMENT EXECUTE FUNCTION check_lot_transfers();

-- Nothing is reserved on a lot that is over; only a mark taken back puts its own credit under a hold again.
CREATE FUNCTION check_lot_holds() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (
            SELECT FROM new_hold n JOIN lot_life life ON life.id = n.account_id
            WHERE (life.expired_at IS NOT NULL OR (n.event_at AT TIME ZONE 'Europe/Rome')::date > life.last_day)
            AND NOT EXISTS (SELECT FROM ledger.transfer back WHERE back.to_account_id = n.account_id
                AND back.reverses_id IS NOT NULL AND back.event_at = n.event_at)) THEN
        PERFORM refuse_funding('lot_held_alive', 'nothing is reserved on a lot that is over');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER hold_40_lots AFTER INSERT ON ledger.hold REFERENCING NEW TABLE AS new_hold
    FOR EACH STATEMENT EXECUTE FUNCTION check_lot_holds();
"""

GRANTS = """
GRANT SELECT, INSERT, UPDATE ON top_up, programme, credit_grant TO beatrice_app, beatrice_worker;
GRANT SELECT, INSERT, UPDATE ON programme, credit_grant TO beatrice_hr;
GRANT SELECT, INSERT ON top_up TO beatrice_hr;
GRANT SELECT, INSERT ON grant_line TO beatrice_app, beatrice_hr, beatrice_worker;
GRANT SELECT, INSERT ON lot TO beatrice_app, beatrice_worker;
GRANT UPDATE (expired_at) ON lot TO beatrice_app, beatrice_worker;
GRANT INSERT ON lot TO beatrice_hr;
GRANT SELECT ON lot_life TO beatrice_app, beatrice_worker;
REVOKE ALL ON FUNCTION place_credit, company_returned, return_revoked_lots, check_changed_lot, check_grace_funded,
    check_grant_whole, check_lot_holds, check_lot_transfers, check_new_lots, person_behind FROM PUBLIC;
GRANT EXECUTE ON FUNCTION place_credit TO beatrice_app, beatrice_worker;
GRANT EXECUTE ON FUNCTION company_returned, person_behind, return_revoked_lots TO beatrice_app, beatrice_hr, beatrice_worker;
"""


def upgrade() -> None:
    for script in (TABLES, LIFE, HR, GUARDS, GRANTS):
        op.execute(script)
