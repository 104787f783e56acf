-- Statements of the event feed.

-- name: record
INSERT INTO event (id, type, object_kind, object_id, organisation_ids, created_at)
SELECT e.id, e.type, e.kind, e.object_id, string_to_array(e.organisations, ',')::uuid[], e.at
FROM unnest(CAST(:ids AS uuid[]), CAST(:types AS text[]), CAST(:kinds AS text[]), CAST(:object_ids AS uuid[]),
    CAST(:organisations AS text[]), CAST(:ats AS timestamptz[])) AS e (id, type, kind, object_id, organisations, at);
