-- Settings by level: every value that was ever set, for whom, why and from which day on.

CREATE TABLE setting_value (
    id UUID NOT NULL,
    name TEXT NOT NULL,
    level TEXT NOT NULL,
    network_id UUID,
    alliance_id UUID,
    organisation_id UUID,
    programme_id UUID,
    value BIGINT,
    reason TEXT NOT NULL,
    valid_from DATE NOT NULL,
    set_by UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT setting_value_pkey PRIMARY KEY (id),
    CONSTRAINT setting_value_name_known CHECK (name IN ('quote_minutes','acknowledge_hours','grace_days','grace_window_days','minimum_payout_cents')),
    CONSTRAINT setting_value_level_known CHECK (level IN ('platform','network','alliance','organisation','programme')),
    CONSTRAINT setting_value_level_names_its_object CHECK (num_nonnulls(network_id, alliance_id, organisation_id, programme_id) = CASE level WHEN 'platform' THEN 0 ELSE 1 END AND CASE level WHEN 'network' THEN network_id WHEN 'alliance' THEN alliance_id WHEN 'organisation' THEN organisation_id WHEN 'programme' THEN programme_id ELSE id END IS NOT NULL),
    CONSTRAINT setting_value_reason_given CHECK (reason <> ''),
    CONSTRAINT setting_value_never_in_the_past CHECK (valid_from >= (created_at AT TIME ZONE 'Europe/Rome')::date),
    CONSTRAINT setting_value_network_id_fkey FOREIGN KEY(network_id) REFERENCES network (id),
    CONSTRAINT setting_value_alliance_id_fkey FOREIGN KEY(alliance_id) REFERENCES alliance (id),
    CONSTRAINT setting_value_organisation_id_fkey FOREIGN KEY(organisation_id) REFERENCES organisation (id),
    CONSTRAINT setting_value_programme_id_fkey FOREIGN KEY(programme_id) REFERENCES programme (id),
    CONSTRAINT setting_value_set_by_fkey FOREIGN KEY(set_by) REFERENCES user_account (id)
);
CREATE INDEX setting_value_name_idx ON setting_value (name);
CREATE INDEX setting_value_network_id_idx ON setting_value (network_id);
CREATE INDEX setting_value_alliance_id_idx ON setting_value (alliance_id);
CREATE INDEX setting_value_organisation_id_idx ON setting_value (organisation_id);
CREATE INDEX setting_value_programme_id_idx ON setting_value (programme_id);
CREATE INDEX setting_value_set_by_idx ON setting_value (set_by);

GRANT SELECT, INSERT ON setting_value TO beatrice_app;
GRANT SELECT ON setting_value TO beatrice_worker;
