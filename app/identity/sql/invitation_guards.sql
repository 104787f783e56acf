-- An invitation to roles is a way to bookings: company routes invite employees only.

CREATE OR REPLACE FUNCTION refuse_invitation_to_roles() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'this role invites employees only' USING ERRCODE = 'insufficient_privilege';
END $$;

REVOKE ALL ON FUNCTION refuse_invitation_to_roles FROM PUBLIC;

CREATE OR REPLACE TRIGGER invitation_05_hr BEFORE INSERT ON invitation FOR EACH ROW
    WHEN (current_user = 'beatrice_hr' AND NEW.employee_id IS NULL) EXECUTE FUNCTION refuse_invitation_to_roles();
