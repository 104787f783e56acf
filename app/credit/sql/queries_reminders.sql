-- Reminding people of credit that dies, and what an alliance may know of what died: one sum. None is for company routes.

-- name: reminder_due
-- Each step looks for the one lot that reaches it first, by index; a step that was passed before it is over with the rest.
SELECT min(step.expires_on - step.days) FROM (
    SELECT given.days, (SELECT min(lot.expires_on) FROM lot
        WHERE lot.ended_at IS NULL AND lot.reminders = given.number AND lot.expires_on <= CAST(:today AS date) + given.days
        ) AS expires_on
    FROM unnest(CAST(:numbers AS integer[]), CAST(:days AS integer[])) AS given (number, days)
) step;

-- name: note_reminders
-- Count every step that lots have reached; say of each lot whom to tell, where anybody: nobody of a step that was over when
-- the credit came, of what carries over, or where nothing is left to use.
WITH waiting AS MATERIALIZED (
    SELECT found.* FROM unnest(CAST(:numbers AS integer[]), CAST(:days AS integer[])) AS given (number, days)
    CROSS JOIN LATERAL (
        SELECT lot.id, lot.expires_on, lot.valid_from FROM lot
        WHERE lot.ended_at IS NULL AND lot.reminders = given.number
            AND lot.expires_on <= CAST(:today AS date) + given.days
        ORDER BY lot.expires_on LIMIT :batch FOR NO KEY UPDATE SKIP LOCKED
    ) found
), reached AS (
    SELECT waiting.*, (SELECT count(*) FROM unnest(CAST(:days AS integer[])) AS step (days)
        WHERE waiting.expires_on <= CAST(:today AS date) + step.days)::smallint AS number
    FROM waiting
), noted AS (
    UPDATE lot SET reminders = reached.number FROM reached WHERE lot.id = reached.id RETURNING lot.id
)
SELECT reached.id AS lot_id, reached.expires_on, told.email, told.locale FROM reached
JOIN noted ON noted.id = reached.id
LEFT JOIN LATERAL (
    SELECT user_account.email, user_account.locale FROM lot_life life
    JOIN ledger.account ON account.id = life.id AND account.posted_cents > account.held_cents
    JOIN user_account ON user_account.id = life.user_id
    WHERE life.id = reached.id AND life.usable_until >= CAST(:today AS date) AND life.expired_credit_to <> 'carry_over'
        AND reached.expires_on - (CAST(:days AS integer[]))[reached.number] > reached.valid_from
) told ON true
ORDER BY reached.id;

-- name: fund_inflow
-- What came into an alliance's fund from people's credit, and what a correction took back, by the quarter's day on which it
-- is counted and by person: the sum is shown for many together only.
SELECT CASE WHEN midnight_of(quarter_of(moved.event_at)) = moved.event_at THEN quarter_of(moved.event_at)
        ELSE (quarter_of(moved.event_at) + interval '3 months')::date END AS counted_on,
    coalesce(employee.fiscal_code_index, uuid_send(lot.user_id)) AS person, sum(moved.amount_cents)::bigint AS cents
FROM (
    SELECT transfer.from_account_id AS lot_id, transfer.amount_cents, transfer.event_at FROM ledger.transfer
    WHERE transfer.to_account_id = :account_id
    UNION ALL
    SELECT transfer.to_account_id, -transfer.amount_cents, transfer.event_at FROM ledger.transfer
    WHERE transfer.from_account_id = :account_id
) moved JOIN lot ON lot.id = moved.lot_id LEFT JOIN employee ON employee.id = lot.employee_id
WHERE moved.event_at <= midnight_of(quarter_of(:now))
GROUP BY 1, 2 ORDER BY 1, 2;

-- name: fund_terms
SELECT alliance.solidarity_account_id AS account_id,
    (setting_in_force('least_people', :today, NULL, NULL, alliance.id)).value AS least_people
FROM alliance WHERE alliance.id = :alliance_id;
