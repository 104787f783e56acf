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

-- A session says "by a second factor" only while its person has one.

CREATE OR REPLACE FUNCTION check_second_factor_of_session() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM second_factor f WHERE f.user_id = NEW.user_id AND f.confirmed_at IS NOT NULL) THEN
        RAISE EXCEPTION 'this person has no second factor'
            USING ERRCODE = '23514', CONSTRAINT = 'session_token_second_factor_exists';
    END IF;
    RETURN NEW;
END $$;

REVOKE ALL ON FUNCTION check_second_factor_of_session FROM PUBLIC;

CREATE OR REPLACE TRIGGER session_token_10_second_factor BEFORE INSERT OR UPDATE OF second_factor ON session_token
    FOR EACH ROW WHEN (NEW.second_factor) EXECUTE FUNCTION check_second_factor_of_session();

CREATE OR REPLACE FUNCTION forget_second_factor_of_sessions() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE session_token SET second_factor = false WHERE user_id = OLD.user_id AND second_factor;
    RETURN NULL;
END $$;

REVOKE ALL ON FUNCTION forget_second_factor_of_sessions FROM PUBLIC;

CREATE OR REPLACE TRIGGER second_factor_20_sessions AFTER DELETE ON second_factor
    FOR EACH ROW EXECUTE FUNCTION forget_second_factor_of_sessions();
