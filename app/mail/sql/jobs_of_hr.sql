-- The role of company routes queues mails and nothing else: no job of its own choosing, none at another time or rank.

CREATE OR REPLACE FUNCTION refuse_jobs_of_hr() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_user = 'beatrice_hr' AND (
        NEW.task_name <> 'mail.send' OR NEW.queue_name <> 'default' OR NEW.status <> 'todo'
        OR NEW.priority <> 0 OR NEW.lock IS NOT NULL OR NEW.queueing_lock IS NOT NULL
        OR NEW.scheduled_at IS NOT NULL OR NEW.attempts <> 0
        OR NEW.args - 'mail_id' <> '{}'::jsonb OR NEW.args ->> 'mail_id' !~ '^[0-9a-f-]{36}$'
        OR NOT NEW.args ? 'mail_id'
    ) THEN
        RAISE EXCEPTION 'company routes queue mails only' USING ERRCODE = '42501';
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE TRIGGER jobs_00_hr_mails_only BEFORE INSERT ON procrastinate_jobs
    FOR EACH ROW EXECUTE FUNCTION refuse_jobs_of_hr();
