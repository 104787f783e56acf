-- Facts that are changed stay known as they were: quotes and bookings name the version that decided about them.

CREATE OR REPLACE FUNCTION care.keep_past_facts() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = care, pg_temp AS $$
BEGIN
    INSERT INTO beneficiary_past (beneficiary_id, version, relation, sealed_details)
        VALUES (OLD.id, OLD.version, OLD.relation, OLD.sealed_details);
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION care.keep_past_facts FROM PUBLIC;
-- Sealing anew under another key changes no version.
CREATE OR REPLACE TRIGGER beneficiary_past_kept AFTER UPDATE ON care.beneficiary FOR EACH ROW
    WHEN (OLD.version <> NEW.version
        AND (OLD.relation, OLD.sealed_details) IS DISTINCT FROM (NEW.relation, NEW.sealed_details))
    EXECUTE FUNCTION care.keep_past_facts();
