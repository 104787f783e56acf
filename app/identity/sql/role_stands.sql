-- Who brought in whom. Whoever may enter an organisation may also bring in its first people, so that these alone are still
-- one person's word. A role stands when somebody of the operator's finance vouched for it, or when it was given by an
-- administrator or coordinator of the same scope whose own role stands.

-- The sandbox is for trying out what an alliance does, by one person if need be; whatever is no sandbox needs the second word.
CREATE OR REPLACE FUNCTION needs_second_word() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT NOT EXISTS (SELECT FROM installation WHERE mode = 'sandbox')
$$;

-- A role and those through which it was given, up to one that another person answers for. `p_without` are people whose word
-- does not count, because they did the other half of an act.
CREATE OR REPLACE FUNCTION roles_behind(p_grant_id uuid, p_without uuid[]) RETURNS SETOF role_grant
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH RECURSIVE behind AS (
        SELECT given.* FROM role_grant AS given WHERE given.id = p_grant_id
        UNION
        SELECT giver.* FROM behind JOIN role_grant AS giver ON giver.user_id = behind.granted_by
            AND giver.scope_kind = behind.scope_kind AND giver.scope_id IS NOT DISTINCT FROM behind.scope_id
            AND (giver.role IN ('admin', 'coordinator') OR giver.role = 'manager' AND behind.role IN ('manager', 'staff'))
            AND tstzrange(giver.from_at, giver.until_at) @> behind.granted_at
        WHERE behind.vouched_by IS NULL AND behind.confirmed_by IS NULL AND behind.granted_by <> ALL (p_without)
    )
    SELECT * FROM behind
$$;

-- What nobody gave began with the installation; but the operator's own people are no second word for an alliance that the
-- operator leads itself.
CREATE OR REPLACE FUNCTION role_stands(p_grant_id uuid, p_without uuid[]) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT NOT needs_second_word() OR EXISTS (
        SELECT FROM roles_behind(p_grant_id, p_without) AS behind
        WHERE behind.vouched_by IS NOT NULL AND behind.vouched_by <> ALL (p_without)
            OR behind.granted_by IS NULL AND NOT EXISTS (
                SELECT FROM organisation WHERE id = behind.organisation_id AND 'operator' = ANY (kinds)))
$$;
REVOKE ALL ON FUNCTION needs_second_word, roles_behind, role_stands FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT EXECUTE ON FUNCTION role_stands TO beatrice_app, beatrice_worker;

-- Finance vouches once, and not where the same person stands behind its own role and behind the other.
CREATE OR REPLACE FUNCTION check_voucher() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' OR OLD.vouched_by IS NOT NULL OR NEW.granted_by IS NULL OR NOT EXISTS (
        SELECT FROM role_grant AS own LEFT JOIN organisation ON organisation.id = own.organisation_id
        WHERE own.user_id = NEW.vouched_by AND own.role = 'finance'
            AND (own.scope_kind = 'platform' OR 'operator' = ANY (organisation.kinds))
            AND tstzrange(own.from_at, own.until_at) @> NEW.vouched_at
            AND NOT EXISTS (SELECT FROM roles_behind(NEW.id, '{}') AS theirs
                WHERE theirs.granted_by = NEW.vouched_by OR theirs.granted_by IN (
                    SELECT granted_by FROM roles_behind(own.id, '{}') WHERE confirmed_by IS NULL))) THEN
        RAISE EXCEPTION 'finance vouches once for whom another person brought in'
            USING ERRCODE = '23514', CONSTRAINT = 'role_grant_voucher_is_apart';
    END IF;
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION check_voucher FROM PUBLIC;
CREATE OR REPLACE TRIGGER role_grant_30_given_unvouched BEFORE INSERT ON role_grant
    FOR EACH ROW WHEN (NEW.vouched_by IS NOT NULL) EXECUTE FUNCTION check_voucher();
CREATE OR REPLACE TRIGGER role_grant_40_voucher BEFORE UPDATE OF vouched_by, vouched_at ON role_grant
    FOR EACH ROW EXECUTE FUNCTION check_voucher();
