-- Settings by level: what may be set, what is in force, and what the table refuses.

-- The one list of settings: unit, default, bounds, the levels at which each may be set, and which way it is stricter where
-- it protects people or money.
CREATE OR REPLACE VIEW setting WITH (security_invoker = true) AS
    -- Row by row: PostgreSQL 15 shows a list of VALUES in other words than 18 does.
    SELECT text 'quote_minutes' AS name, text 'minutes' AS unit, bigint '15' AS default_value, bigint '1' AS least,
        bigint '1440' AS most, CAST('{platform,network,alliance,organisation}' AS text[]) AS levels,
        CAST(NULL AS text) AS stricter
    UNION ALL SELECT 'acknowledge_hours', 'hours', 120, 1, 720, '{platform,network,alliance,organisation}', 'more'
    UNION ALL SELECT 'grace_days', 'days', 60, 1, 730, '{platform,network,alliance,organisation,programme}', NULL
    UNION ALL SELECT 'grace_window_days', 'days', 7, 0, 90, '{platform,network,alliance,organisation,programme}', NULL
    UNION ALL SELECT 'minimum_payout_cents', 'cents', 1, 1, 100000, '{platform,network,alliance,organisation}', NULL
    UNION ALL SELECT 'least_people', 'people', 10, 5, 1000, '{platform,network,alliance,organisation}', 'more'
    UNION ALL SELECT 'least_line_cents', 'cents', 2000, 500, 100000, '{platform,network,alliance,organisation}', 'more'
    UNION ALL SELECT 'returns_quarters', 'quarters', 1, 1, 2, '{platform,network,alliance,organisation}', 'more'
    UNION ALL SELECT 'top_up_limit_cents', 'cents', 1000000, 0, 10000000, '{platform,network,alliance,organisation}', 'less'
    UNION ALL SELECT 'fee_cap_bps', 'basis_points', 2000, 0, 5000, '{platform,network,alliance,organisation}', 'less';

REVOKE ALL ON setting FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT SELECT ON setting TO beatrice_app, beatrice_worker;

-- The value in force on a day and where it comes from: the narrowest level that says something, of each level what was
-- said last. Null said at a level means: as the level above, from that day on. An organisation's alliance is the one that
-- it joined first and still belongs to, as for its solidarity fund. `value_id` is null for a default.
CREATE OR REPLACE FUNCTION setting_in_force(
    setting_name text, on_day date, of_organisation uuid DEFAULT NULL, of_programme uuid DEFAULT NULL,
    of_alliance uuid DEFAULT NULL, OUT value bigint, OUT level text, OUT value_id uuid
) LANGUAGE plpgsql STABLE AS $$
DECLARE
    place record;
    chosen record;
BEGIN
    SELECT setting.default_value, 'default', NULL INTO value, level, value_id
        FROM setting WHERE setting.name = setting_name;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such setting' USING ERRCODE = '22023', CONSTRAINT = 'setting_known';
    END IF;
    IF NOT EXISTS (SELECT FROM setting_value said WHERE said.name = setting_name) THEN
        RETURN;
    END IF;
    SELECT alliance.id, alliance.network_id INTO place FROM alliance WHERE alliance.id = coalesce(of_alliance, (
        SELECT member.alliance_id FROM alliance_membership member
        WHERE member.organisation_id = of_organisation AND member.joined_on <= on_day
            AND (member.ended_on IS NULL OR member.ended_on > on_day)
        ORDER BY member.joined_on, member.id LIMIT 1));
    SELECT latest.value, latest.level, latest.id INTO chosen
    FROM (SELECT DISTINCT ON (said.level) said.id, said.level, said.value
        FROM setting_value said
        WHERE said.name = setting_name AND said.valid_from <= on_day
            AND (said.confirmed_by IS NOT NULL OR NOT said.needs_second)
            AND (said.level = 'platform' OR said.network_id = place.network_id OR said.alliance_id = place.id
                OR said.organisation_id = of_organisation OR said.programme_id = of_programme)
        ORDER BY said.level, said.valid_from DESC, said.created_at DESC, said.id DESC) AS latest
    WHERE latest.value IS NOT NULL
    ORDER BY array_position('{programme,organisation,alliance,network,platform}'::text[], latest.level) LIMIT 1;
    IF FOUND THEN
        value := chosen.value;
        level := chosen.level;
        value_id := chosen.id;
    END IF;
END $$;

REVOKE ALL ON FUNCTION setting_in_force FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT EXECUTE ON FUNCTION setting_in_force TO beatrice_app, beatrice_worker;

-- A value fits its setting, at a level where that may be set; what was said stays.
CREATE OR REPLACE FUNCTION check_setting_value() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    known record;
BEGIN
    SELECT least, most, levels INTO STRICT known FROM setting WHERE setting.name = NEW.name;
    IF NEW.level <> ALL (known.levels) THEN
        RAISE EXCEPTION 'this setting has no such level'
            USING ERRCODE = '23514', CONSTRAINT = 'setting_value_level_allowed';
    END IF;
    IF NEW.value NOT BETWEEN known.least AND known.most THEN
        RAISE EXCEPTION 'the value is out of bounds'
            USING ERRCODE = '23514', CONSTRAINT = 'setting_value_in_bounds';
    END IF;
    RETURN NULL;
END $$;
CREATE OR REPLACE TRIGGER setting_value_fits AFTER INSERT ON setting_value
    FOR EACH ROW EXECUTE FUNCTION check_setting_value();
CREATE OR REPLACE TRIGGER setting_value_append_only BEFORE DELETE ON setting_value
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- One person makes stricter what protects people or money; what is less strict than the default, or than anything that was
-- in force or is to be, anywhere, needs a second one. So does going back to the level above, which may be less strict.
CREATE OR REPLACE FUNCTION setting_weakens(setting_name text, new_value bigint) RETURNS boolean
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT coalesce(setting.stricter IS NOT NULL AND (new_value IS NULL OR EXISTS (
        SELECT FROM (
            SELECT setting.default_value AS value UNION ALL
            SELECT said.value FROM setting_value said
            WHERE said.name = setting_name AND (said.confirmed_by IS NOT NULL OR NOT said.needs_second)
        ) AS standing
        WHERE CASE setting.stricter WHEN 'more' THEN new_value < standing.value ELSE new_value > standing.value END
    )), false)
    FROM setting WHERE setting.name = setting_name
$$;

CREATE OR REPLACE FUNCTION check_second_of_setting() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.needs_second := coalesce(setting_weakens(NEW.name, NEW.value), false);
        NEW.confirmed_by := NULL;
        NEW.confirmed_at := NULL;
    ELSIF to_jsonb(NEW) - ARRAY['confirmed_by', 'confirmed_at']
            IS DISTINCT FROM to_jsonb(OLD) - ARRAY['confirmed_by', 'confirmed_at'] THEN
        RAISE EXCEPTION 'what was said of a setting stays'
            USING ERRCODE = '23514', CONSTRAINT = 'setting_value_append_only';
    ELSIF OLD.confirmed_by IS NOT NULL THEN
        RAISE EXCEPTION 'what was said of a setting is confirmed once'
            USING ERRCODE = '23514', CONSTRAINT = 'setting_value_confirmed_once';
    END IF;
    RETURN NEW;
END $$;
REVOKE ALL ON FUNCTION setting_weakens, check_second_of_setting FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT EXECUTE ON FUNCTION setting_weakens TO beatrice_app;
CREATE OR REPLACE TRIGGER setting_value_10_second BEFORE INSERT OR UPDATE ON setting_value
    FOR EACH ROW EXECUTE FUNCTION check_second_of_setting();
CREATE OR REPLACE TRIGGER setting_value_no_truncate BEFORE TRUNCATE ON setting_value
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
