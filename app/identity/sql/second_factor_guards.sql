-- A code counts once: the step of the last one only grows, a used recovery code stays used, a secret that counts stays.

CREATE OR REPLACE FUNCTION refuse_second_use() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'a code of a second factor counts once'
        USING ERRCODE = '23514', CONSTRAINT = TG_TABLE_NAME || '_counts_once';
END $$;

REVOKE ALL ON FUNCTION refuse_second_use FROM PUBLIC;

CREATE OR REPLACE TRIGGER second_factor_10_counts_once BEFORE UPDATE ON second_factor FOR EACH ROW
    WHEN (OLD.confirmed_at IS NOT NULL AND (NEW.last_step IS NULL OR NEW.last_step <= OLD.last_step
        OR NEW.sealed_secret <> OLD.sealed_secret OR NEW.confirmed_at IS DISTINCT FROM OLD.confirmed_at))
    EXECUTE FUNCTION refuse_second_use();
CREATE OR REPLACE TRIGGER recovery_code_10_counts_once BEFORE UPDATE ON recovery_code FOR EACH ROW
    WHEN (OLD.used_at IS NOT NULL) EXECUTE FUNCTION refuse_second_use();
