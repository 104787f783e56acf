-- Statements of outgoing mail.

-- name: write_mails
INSERT INTO outgoing_mail (id, recipient, subject, text, created_at)
SELECT given.*, :at
FROM unnest(CAST(:ids AS uuid[]), CAST(:recipients AS text[]), CAST(:subjects AS text[]), CAST(:texts AS text[])) AS given;
