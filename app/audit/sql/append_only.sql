-- Rows that never change or vanish; other modules hang these two on tables of their own.

CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % never change', TG_TABLE_NAME
        USING ERRCODE = '23514', CONSTRAINT = TG_TABLE_NAME || '_append_only';
END $$;

CREATE OR REPLACE FUNCTION refuse_change_but_place() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.position IS NOT NULL OR NEW.position IS NULL
        OR to_jsonb(NEW) - 'position' - 'hash' IS DISTINCT FROM to_jsonb(OLD) - 'position' - 'hash' THEN
        RAISE EXCEPTION 'rows of % only get their place in the chain, once', TG_TABLE_NAME
            USING ERRCODE = '23514', CONSTRAINT = TG_TABLE_NAME || '_append_only';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE TRIGGER audit_entry_append_only BEFORE UPDATE ON audit_entry
    FOR EACH ROW EXECUTE FUNCTION refuse_change_but_place();
CREATE OR REPLACE TRIGGER audit_entry_no_delete BEFORE DELETE ON audit_entry
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER audit_entry_no_truncate BEFORE TRUNCATE ON audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE TRIGGER audit_head_append_only BEFORE UPDATE OR DELETE ON audit_head
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE OR REPLACE TRIGGER audit_head_no_truncate BEFORE TRUNCATE ON audit_head
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE OR REPLACE FUNCTION check_chain_gapless() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM placed WHERE position IS NOT NULL AND position <> 1 AND NOT EXISTS (
            SELECT FROM audit_entry AS before WHERE before.position = placed.position - 1)) THEN
        RAISE EXCEPTION 'positions have no gaps' USING ERRCODE = '23514', CONSTRAINT = 'audit_entry_gapless';
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER audit_entry_gapless AFTER UPDATE ON audit_entry REFERENCING NEW TABLE AS placed
    FOR EACH STATEMENT EXECUTE FUNCTION check_chain_gapless();
