-- What a collective agreement's credit depends on, person by person: nothing of what became of any credit.

-- name: agreement_facts
-- Those named; else everybody of the category who works there in the year or later. Of a person hired again all spells
-- count, and what any of them has been given.
SELECT employee.id, employee.external_id, employee.given_name, employee.family_name,
    employee.fiscal_code_index AS person, employee.hired_on, employee.ended_on, employee.contract,
    employee.probation_ends_on, employee.unpaid_leave, employee.agreement_code,
    ARRAY(SELECT spell.hired_on FROM employee spell WHERE spell.company_id = employee.company_id
        AND spell.fiscal_code_index = employee.fiscal_code_index ORDER BY spell.hired_on, spell.id) AS spell_starts,
    ARRAY(SELECT coalesce(spell.ended_on, spell.contract_ends_on, make_date(:year, 12, 31)) FROM employee spell
        WHERE spell.company_id = employee.company_id AND spell.fiscal_code_index = employee.fiscal_code_index
        ORDER BY spell.hired_on, spell.id) AS spell_ends,
    coalesce(given.cents, 0)::bigint AS granted_cents
FROM employee LEFT JOIN (
    SELECT fiscal_code_index, sum(amount_cents) AS cents FROM agreement_line
    WHERE company_id = :company_id AND agreement_code = :code AND agreement_year = :year
    GROUP BY fiscal_code_index
) given ON given.fiscal_code_index = employee.fiscal_code_index
WHERE employee.company_id = :company_id AND CASE WHEN CAST(:ids AS uuid[]) IS NULL
    THEN employee.category = :category AND (employee.ended_on IS NULL OR employee.ended_on >= make_date(:year, 1, 1))
    ELSE employee.id = ANY (:ids) END
ORDER BY employee.id;

-- name: deadlines
-- Programmes whose agreement wants its credit given by a day from then on: nearest first.
SELECT programme.id, programme.company_id, source.name, programme.employee_category, programme.agreement_code,
    programme.agreement_year, programme.due_by
FROM programme JOIN credit_source source ON source.id = programme.id
WHERE programme.company_id = :company_id AND programme.archived_at IS NULL
    AND programme.due_by BETWEEN :from_day AND :to_day
ORDER BY programme.due_by, programme.id;

-- name: next_deadline_reminder
SELECT min(programme.due_by - step.days) FROM programme CROSS JOIN unnest(CAST(:steps AS integer[])) AS step (days)
WHERE programme.archived_at IS NULL AND programme.due_by >= :today AND programme.due_by - step.days <= :today
    AND programme.due_by - step.days > (programme.created_at AT TIME ZONE 'Europe/Rome')::date
    AND NOT EXISTS (SELECT FROM deadline_reminder sent
        WHERE sent.programme_id = programme.id AND sent.days_before = step.days);

-- name: note_deadline_reminders
-- Note every step that has been reached of the programmes that wait longest; each programme is told of once.
WITH waiting AS (
    SELECT programme.id, programme.company_id, step.days
    FROM programme CROSS JOIN unnest(CAST(:steps AS integer[])) AS step (days)
    WHERE programme.archived_at IS NULL AND programme.due_by >= :today AND programme.due_by - step.days <= :today
        AND programme.due_by - step.days > (programme.created_at AT TIME ZONE 'Europe/Rome')::date
        AND NOT EXISTS (SELECT FROM deadline_reminder sent
            WHERE sent.programme_id = programme.id AND sent.days_before = step.days)
    ORDER BY programme.due_by - step.days, programme.id LIMIT :batch
), noted AS (
    INSERT INTO deadline_reminder (programme_id, days_before, company_id, sent_at)
    SELECT id, days, company_id, :at FROM waiting ON CONFLICT DO NOTHING
    RETURNING programme_id
)
SELECT programme.id, programme.company_id, source.name, programme.employee_category, programme.agreement_code,
    programme.agreement_year, programme.due_by
FROM programme JOIN credit_source source ON source.id = programme.id
WHERE programme.id IN (SELECT programme_id FROM noted) ORDER BY programme.due_by, programme.id;
