-- Sums are compared once per statement for lines (20,000 row triggers would each add up a whole document) and at the
-- end of the transaction for documents, which may be written before their lines. MATERIALIZED keeps the planner from
-- asking for the sum before it has made the documents distinct; a sum reads one document by its index, whatever the
-- table's size was when the plan was kept.

CREATE OR REPLACE FUNCTION settlement_is_sum(p_provider_id uuid, p_settlement_id uuid) RETURNS boolean
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
REVOKE ALL ON FUNCTION settlement_is_sum FROM PUBLIC;

CREATE OR REPLACE FUNCTION settlement_lines_agree() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (
        SELECT FROM new_line LEFT JOIN payable ON payable.id = new_line.payable_id
        WHERE payable.settlement_id IS DISTINCT FROM new_line.settlement_id
            OR (payable.payee_id, payable.source_id, payable.kind, payable.gross_cents, payable.vat_code,
                payable.service_on) IS DISTINCT FROM (new_line.provider_id, new_line.unit_id, new_line.kind,
                new_line.gross_cents, new_line.vat_code, new_line.service_on)) THEN
        RAISE EXCEPTION 'a line settles a payable of its provider, for what is owed'
            USING ERRCODE = '23514', CONSTRAINT = 'settlement_line_is_the_payable';
    END IF;
    IF EXISTS (
        WITH touched AS MATERIALIZED (SELECT DISTINCT provider_id, settlement_id FROM new_line)
        SELECT FROM touched WHERE NOT settlement_is_sum(provider_id, settlement_id)) THEN
        RAISE EXCEPTION 'a settlement is the sum of its lines'
            USING ERRCODE = '23514', CONSTRAINT = 'settlement_is_sum_of_lines';
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION settlement_lines_agree FROM PUBLIC;
CREATE OR REPLACE TRIGGER settlement_line_agrees AFTER INSERT ON settlement_line REFERENCING NEW TABLE AS new_line
    FOR EACH STATEMENT EXECUTE FUNCTION settlement_lines_agree();

CREATE OR REPLACE FUNCTION payable_settled_by_line() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (
        SELECT FROM new_payable
        LEFT JOIN settlement_line AS line ON line.payable_id = new_payable.id AND NOT line.cancelled
        WHERE new_payable.settlement_id IS DISTINCT FROM line.settlement_id) THEN
        RAISE EXCEPTION 'a payable is settled by a line'
            USING ERRCODE = '23514', CONSTRAINT = 'payable_settled_by_line';
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION payable_settled_by_line FROM PUBLIC;
CREATE OR REPLACE TRIGGER payable_settled_by_line AFTER UPDATE ON payable REFERENCING NEW TABLE AS new_payable
    FOR EACH STATEMENT EXECUTE FUNCTION payable_settled_by_line();

CREATE OR REPLACE FUNCTION settlement_adds_up() RETURNS trigger
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
REVOKE ALL ON FUNCTION settlement_adds_up FROM PUBLIC;
DROP TRIGGER IF EXISTS settlement_sum ON settlement;
CREATE CONSTRAINT TRIGGER settlement_sum AFTER INSERT ON settlement
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION settlement_adds_up();

CREATE OR REPLACE FUNCTION settlement_run_is_sum(p_run_id uuid) RETURNS boolean
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
REVOKE ALL ON FUNCTION settlement_run_is_sum FROM PUBLIC;

CREATE OR REPLACE FUNCTION settlement_run_agrees() RETURNS trigger
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
REVOKE ALL ON FUNCTION settlement_run_agrees FROM PUBLIC;
CREATE OR REPLACE TRIGGER settlement_run_agrees AFTER INSERT ON settlement REFERENCING NEW TABLE AS new_settlement
    FOR EACH STATEMENT EXECUTE FUNCTION settlement_run_agrees();

CREATE OR REPLACE FUNCTION settlement_run_adds_up() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.status <> 'closed' OR NOT settlement_run_is_sum(NEW.id) THEN
        RAISE EXCEPTION 'a run starts closed and is the sum of its settlements'
            USING ERRCODE = '23514', CONSTRAINT = 'settlement_run_is_sum_of_settlements';
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION settlement_run_adds_up FROM PUBLIC;
DROP TRIGGER IF EXISTS settlement_run_sum ON settlement_run;
CREATE CONSTRAINT TRIGGER settlement_run_sum AFTER INSERT ON settlement_run
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION settlement_run_adds_up();
