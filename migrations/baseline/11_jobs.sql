-- Who may touch procrastinate's tables, which its own SQL has made before.

GRANT SELECT, INSERT, UPDATE, DELETE ON
    procrastinate_jobs, procrastinate_events, procrastinate_periodic_defers, procrastinate_workers
    TO beatrice_app, beatrice_worker;
-- HR's routes queue mails: they may add a job, and read back its number only.
GRANT INSERT ON procrastinate_jobs, procrastinate_events TO beatrice_hr;
GRANT SELECT (id) ON procrastinate_jobs TO beatrice_hr;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO beatrice_app, beatrice_hr, beatrice_worker;
