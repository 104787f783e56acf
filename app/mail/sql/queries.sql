-- Statements of outgoing mail.

-- name: write_mails
INSERT INTO outgoing_mail (id, recipient, subject, text, created_at)
SELECT given.*, :at
FROM unnest(CAST(:ids AS uuid[]), CAST(:recipients AS text[]), CAST(:subjects AS text[]), CAST(:texts AS text[])) AS given;

-- name: earliest_to_forget
SELECT least(
    (SELECT min(created_at) FROM outgoing_mail) + CAST(:kept AS interval),
    (SELECT min(created_at) FROM outgoing_mail WHERE sent_at IS NULL AND text <> '') + CAST(:unsent_kept AS interval));

-- name: delete_old
DELETE FROM outgoing_mail WHERE id IN (
    SELECT id FROM outgoing_mail WHERE created_at <= :before ORDER BY created_at LIMIT :limit)
RETURNING 1;

-- name: empty_unsent
UPDATE outgoing_mail SET text = '' WHERE id IN (
    SELECT id FROM outgoing_mail WHERE sent_at IS NULL AND text <> '' AND created_at <= :before
    ORDER BY created_at LIMIT :limit)
RETURNING 1;
