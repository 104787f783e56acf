-- Every guard of this module refuses under the name of what it keeps.

CREATE OR REPLACE FUNCTION refuse_credit(guard text, message text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', message USING ERRCODE = 'check_violation', CONSTRAINT = guard;
END $$;
