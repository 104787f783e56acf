-- Statements of the sandbox: the clock that all processes share, and the job library's own tables.

-- name: lock_offset
SELECT offset_interval FROM clock_offset FOR NO KEY UPDATE;

-- name: set_offset
UPDATE clock_offset SET offset_interval = :offset;

-- name: last_job_id
SELECT coalesce(max(id), 0) FROM procrastinate_jobs;

-- name: open_job_ids
-- Jobs that run or may run now; a retry planned for later is not among them.
SELECT id FROM procrastinate_jobs WHERE status = 'doing' OR status = 'todo'
    AND (scheduled_at IS NULL OR procrastinate_jobs.scheduled_at <= statement_timestamp());

-- name: ended_jobs
SELECT CAST(task_name AS text) AS name, count(*) AS count FROM procrastinate_jobs
WHERE (id = ANY (CAST(:job_ids AS bigint[])) OR id > :after) AND status IN ('succeeded', 'failed', 'aborted')
    AND task_name <> ALL (CAST(:periodic AS text[]))
GROUP BY task_name;

-- name: free_slots
SELECT DISTINCT ON (date_trunc('day', starts_at)) id, starts_at, ends_at FROM slot
WHERE offering_id = :offering_id AND status = 'open' AND taken < capacity AND starts_at >= :after
ORDER BY date_trunc('day', starts_at), starts_at LIMIT :count;
