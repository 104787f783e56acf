-- Statements of the event feed.

-- name: record
SELECT record_event(e.id, e.type, e.kind, e.object_id, string_to_array(e.organisations, ',')::uuid[], e.at)
FROM unnest(CAST(:ids AS uuid[]), CAST(:types AS text[]), CAST(:kinds AS text[]), CAST(:object_ids AS uuid[]),
    CAST(:organisations AS text[]), CAST(:ats AS timestamptz[])) AS e (id, type, kind, object_id, organisations, at);

-- name: unnumbered_since
SELECT created_at FROM event WHERE NOT numbered ORDER BY created_at LIMIT 1;

-- name: number
SELECT number_events(:at_most);

-- name: feed
SELECT place.position, event.id AS event_id, event.type, event.object_kind, event.object_id,
    event.created_at AS happened_at
FROM event_position place JOIN event ON event.id = place.event_id
WHERE place.organisation_id = :organisation_id AND event.type = ANY (CAST(:types AS text[]));

-- name: position_of
SELECT place.position FROM event_position place JOIN event ON event.id = place.event_id
WHERE place.organisation_id = :organisation_id AND place.event_id = :event_id
    AND event.type = ANY (CAST(:types AS text[]));

-- name: anything_to_forget
SELECT EXISTS (SELECT FROM events_to_forget(:recorded_before, :happened_before, 1));

-- name: forget
SELECT forget_events(:recorded_before, :happened_before, :limit);
