-- Who approves for a company that has one person of HR. Real time: what waits for people does not move with the sandbox.

-- name: mandates
SELECT mandate.id, mandate.company_id, mandate.alliance_id, alliance.name AS alliance_name, mandate.given_at AS created_at,
    mandate.from_at, mandate.ended_at
FROM approval_mandate mandate JOIN alliance ON alliance.id = mandate.alliance_id
WHERE mandate.company_id = :company_id;

-- name: give_mandate
WITH given AS (
    INSERT INTO approval_mandate (id, company_id, alliance_id, given_by, given_at, from_at)
    SELECT :id, member.organisation_id, member.alliance_id, :given_by, :given_at, :from_at
    FROM alliance_membership member
    WHERE member.organisation_id = :company_id AND member.alliance_id = :alliance_id AND member.role = 'company'
        AND member.ended_on IS NULL
    ON CONFLICT (company_id) WHERE ended_at IS NULL DO NOTHING
    RETURNING *
)
SELECT given.id, given.company_id, given.alliance_id, alliance.name AS alliance_name, given.given_at AS created_at,
    given.from_at, given.ended_at
FROM given JOIN alliance ON alliance.id = given.alliance_id;

-- name: belongs_to_alliance
SELECT EXISTS (SELECT FROM alliance_membership WHERE organisation_id = :company_id AND alliance_id = :alliance_id
    AND role = 'company' AND ended_on IS NULL);

-- name: end_mandate
WITH ended AS (
    UPDATE approval_mandate SET ended_at = :at
    WHERE company_id = :company_id AND id = :id AND ended_at IS NULL RETURNING *
)
SELECT ended.id, ended.company_id, ended.alliance_id, alliance.name AS alliance_name, ended.given_at AS created_at,
    ended.from_at, ended.ended_at
FROM ended JOIN alliance ON alliance.id = ended.alliance_id;

-- name: mandated_grants
-- What waits for another person in the companies that appointed this alliance: sums and numbers of people, no names.
SELECT credit_grant.id, credit_grant.company_id, organisation.name AS company_name, source.name AS programme_name,
    source.programme_source AS source, credit_grant.status, credit_grant.total_cents, credit_grant.employee_count,
    credit_grant.generality_reason, credit_grant.generality_note, credit_grant.created_at,
    ARRAY(SELECT line.amount_cents FROM grant_line line WHERE line.company_id = credit_grant.company_id
        AND line.grant_id = credit_grant.id GROUP BY line.amount_cents ORDER BY line.amount_cents) AS amounts,
    ARRAY(SELECT count(*) FROM grant_line line WHERE line.company_id = credit_grant.company_id
        AND line.grant_id = credit_grant.id GROUP BY line.amount_cents ORDER BY line.amount_cents) AS people,
    asked.reason AS revocation_reason,
    CASE WHEN asked.id IS NULL THEN NULL WHEN asked.whole THEN credit_grant.employee_count
        ELSE (SELECT count(*) FROM revoked_line WHERE revocation_id = asked.id) END AS revoked_people
FROM approval_mandate mandate
JOIN alliance_membership member ON member.alliance_id = mandate.alliance_id
    AND member.organisation_id = mandate.company_id AND member.role = 'company' AND member.ended_on IS NULL
JOIN organisation ON organisation.id = mandate.company_id
JOIN credit_grant ON credit_grant.company_id = mandate.company_id
JOIN credit_source source ON source.id = credit_grant.programme_id
LEFT JOIN grant_revocation asked ON asked.company_id = credit_grant.company_id AND asked.grant_id = credit_grant.id
    AND asked.approved_at IS NULL AND asked.withdrawn_at IS NULL
WHERE mandate.alliance_id = :alliance_id AND mandate.ended_at IS NULL AND mandate.from_at <= :real_now
    AND (CAST(:id AS uuid) IS NULL OR credit_grant.id = :id)
    AND (credit_grant.status = 'draft' OR asked.id IS NOT NULL);
