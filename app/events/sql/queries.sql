-- Statements of the event feed.

-- name: record
SELECT record_event(e.id, e.type, e.kind, e.object_id, string_to_array(e.organisations, ',')::uuid[], e.at)
FROM unnest(CAST(:ids AS uuid[]), CAST(:types AS text[]), CAST(:kinds AS text[]), CAST(:object_ids AS uuid[]),
    CAST(:organisations AS text[]), CAST(:ats AS timestamptz[])) AS e (id, type, kind, object_id, organisations, at);

-- name: unnumbered_since
SELECT created_at FROM event WHERE NOT numbered ORDER BY created_at LIMIT 1;

-- name: number
SELECT number_events(:at_most);
