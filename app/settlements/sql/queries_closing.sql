-- Closing the books for a cutoff: find the due payables, price, number, hash and write everything in one statement.
--
-- What a hash is taken of is canonical JSON (sorted keys, no blanks, dates ISO, ids as UUIDs): the same text as
-- json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False), written here because documents are made
-- and checked thousands of lines at a time. Values are integers, dates, UUIDs and words of ours, nothing to escape, but
-- for the payee, whose name and address people wrote: payee_text() escapes them. `close` and `run_content` write the same
-- text, the one of what it makes, the other of what is stored.

-- name: prepare
-- Planning a statement as long as `close` with JIT takes longer than running it; a month's sort should not go to disk.
SELECT ARRAY[set_config('statement_timeout', '60s', true), set_config('jit', 'off', true),
        set_config('work_mem', '64MB', true)] AS settings,
    pg_try_advisory_xact_lock(hashtextextended('settlement_run', 0)) AS locked,
    (SELECT id FROM settlement_run WHERE cutoff_on = :cutoff_on AND status <> 'cancelled') AS run_id,
    (SELECT count(*) FROM settlement_run WHERE cutoff_on = :cutoff_on AND status = 'cancelled') AS cancelled,
    (SELECT id FROM ledger.account WHERE kind = 'platform_fees' AND owner_id IS NULL) AS fees_account_id,
    (SELECT id FROM ledger.account WHERE kind = 'vat_payable' AND owner_id IS NULL) AS vat_account_id;

-- name: close
-- Every id is a UUIDv7 whose time is the cutoff's end and whose random bits follow from a name; a run that is made again
-- because one of its cutoff was cancelled has other names (`again`).
WITH
-- every provider as it would be paid now, or why it cannot be
payee AS MATERIALIZED (
    SELECT id AS provider_id, name, iban, street, street_number, postcode, town, country, CASE
            WHEN NOT EXISTS (SELECT FROM accreditation
                WHERE accreditation.provider_id = known.id AND accreditation.status = 'approved') THEN 'not_accredited'
            WHEN iban IS NULL AND EXISTS (SELECT FROM bank_account
                WHERE bank_account.organisation_id = known.id AND bank_account.status <> 'rejected') THEN 'iban_on_hold'
            WHEN iban IS NULL THEN 'iban_missing'
            WHEN public.plain_text(name) !~ '[a-z0-9]' THEN 'name_unusable'
            END AS reason
    FROM (SELECT organisation.*, iban_in_force(organisation.id, :created_at) AS iban
        FROM organisation JOIN provider ON provider.organisation_id = organisation.id) AS known
),
-- what is due and can be paid, each payable a line, locked in order
due AS MATERIALIZED (
    SELECT payable.id AS payable_id, source_id AS unit_id, payee_id AS provider_id, category, vat_code, gross_cents,
        service_on, kind
    FROM payable
    WHERE settlement_id IS NULL AND NOT blocked AND payable_at < :cutoff_end
        AND payee_id NOT IN (SELECT provider_id FROM payee WHERE reason IS NOT NULL)
    ORDER BY id
    FOR NO KEY UPDATE
),
-- what is due and cannot be paid
unpayable AS MATERIALIZED (
    SELECT payee.provider_id, payee.reason, sum(payable.gross_cents)::bigint AS due_cents
    FROM payee JOIN payable ON payable.payee_id = payee.provider_id
    WHERE payee.reason IS NOT NULL
        AND payable.settlement_id IS NULL AND NOT payable.blocked AND payable.payable_at < :cutoff_end
    GROUP BY payee.provider_id, payee.reason
),
-- the most specific and newest fee rule of each provider, category and day that occurs
rule AS MATERIALIZED (
    SELECT wanted.provider_id, wanted.category, wanted.service_on, chosen.*
    FROM (SELECT DISTINCT provider_id, category, service_on FROM due) AS wanted
    CROSS JOIN LATERAL (
        SELECT fee_rule.id AS rule_id, fee_rule.percent_bps, fee_rule.fixed_cents, fee_rule.min_cents,
            fee_rule.max_cents, fee_rule.vat_bps
        FROM fee_rule
        WHERE (fee_rule.provider_id = wanted.provider_id OR fee_rule.provider_id IS NULL)
            AND (fee_rule.category = wanted.category OR fee_rule.category IS NULL)
            AND fee_rule.valid_from <= wanted.service_on
            AND (fee_rule.valid_to IS NULL OR fee_rule.valid_to > wanted.service_on)
            AND fee_rule.payer = 'provider' AND fee_rule.status = 'approved'
        ORDER BY fee_rule.provider_id IS NULL, fee_rule.category IS NULL, fee_rule.valid_from DESC, fee_rule.id DESC
        LIMIT 1
    ) AS chosen
),
-- the least cap of the days that a document is about: none is exceeded, whatever was said of it since
cap AS MATERIALIZED (
    SELECT provider_id, min(fee_cap_bps(provider_id, service_on)) AS cap_bps
    FROM (SELECT DISTINCT provider_id, service_on FROM due) AS about GROUP BY provider_id
),
-- a document's fee by rule, fixed parts and minimum included never more than the cap
fee AS MATERIALIZED (
    SELECT provider_id, rule_id, base_cents, greatest(0, least(
            greatest((2 * base_cents * percent_bps + 10000) / 20000 + fixed_cents * line_count, min_cents),
            max_cents, base_cents * cap_bps / 10000)) AS fee_cents
    FROM (
        SELECT due.provider_id, rule_id, percent_bps, fixed_cents, min_cents, max_cents, vat_bps,
            sum(gross_cents)::bigint AS base_cents,
            count(*) FILTER (WHERE kind <> 'adjustment') AS line_count
        FROM due JOIN rule USING (provider_id, category, service_on)
        GROUP BY due.provider_id, rule_id, percent_bps, fixed_cents, min_cents, max_cents, vat_bps
    ) AS total JOIN cap USING (provider_id)
),
-- each line's share of the fee by its gross amount, rounded down (what is taken back is negative, and may leave no
-- base at all); `rest` ranks the lost fraction
fee_share AS (
    SELECT *, coalesce((part - rest) / base_cents, 0) AS share_cents
    FROM (
        SELECT due.*, rule.rule_id, rule.vat_bps, coalesce(fee.fee_cents, 0) AS total_cents, base_cents,
            fee.fee_cents * gross_cents AS part,
            coalesce((fee.fee_cents * gross_cents % base_cents + base_cents) % base_cents, 0) AS rest
        FROM due LEFT JOIN rule USING (provider_id, category, service_on)
        LEFT JOIN fee ON fee.provider_id = due.provider_id AND fee.rule_id = rule.rule_id AND fee.base_cents > 0
    ) AS shared
),
-- the same with the spare cents: the first lines by their rest get one each
fee_line AS (
    SELECT payable_id, unit_id, provider_id, vat_code, gross_cents, service_on, kind, vat_bps,
        share_cents + CASE WHEN row_number() OVER spare <= total_cents - sum(share_cents) OVER document
            THEN 1 ELSE 0 END AS fee_cents
    FROM fee_share
    WINDOW document AS (PARTITION BY provider_id, rule_id),
        spare AS (PARTITION BY provider_id, rule_id ORDER BY rest DESC, service_on, unit_id, payable_id)
),
-- a document's VAT on fees by rate, beside each line
fee_vat AS (
    SELECT *, (2 * base_cents * vat_bps + 10000) / 20000 AS total_cents
    FROM (
        SELECT *, sum(fee_cents) OVER (PARTITION BY provider_id, vat_bps)::bigint AS base_cents FROM fee_line
    ) AS whole
),
-- each line's share of that VAT by its fee, rounded down
fee_vat_share AS (
    SELECT *, coalesce((total_cents * fee_cents - rest) / nullif(base_cents, 0), 0) AS share_cents
    FROM (
        SELECT *, coalesce((total_cents * fee_cents % nullif(base_cents, 0) + base_cents) % nullif(base_cents, 0), 0)
            AS rest
        FROM fee_vat
    ) AS shared
),
-- the lines as they are written, spare cents of VAT given out like those of fees
line AS MATERIALIZED (
    SELECT payable_id, unit_id, provider_id, kind, service_on, vat_code, gross_cents, fee_cents, fee_vat_cents,
        0::bigint AS subsidy_cents, gross_cents - fee_cents - fee_vat_cents AS net_cents
    FROM (
        SELECT *, share_cents + CASE WHEN row_number() OVER spare <= total_cents - sum(share_cents) OVER document
            THEN 1 ELSE 0 END AS fee_vat_cents
        FROM fee_vat_share
        WINDOW document AS (PARTITION BY provider_id, vat_bps),
            spare AS (PARTITION BY provider_id, vat_bps ORDER BY rest DESC, service_on, unit_id, payable_id)
    ) AS divided
),
-- the VAT contained in a document's gross amount, taken per VAT code
vat AS (
    SELECT provider_id, sum(
        gross_cents - (20000 * gross_cents + 10000 + bps) / (2 * (10000 + bps)))::bigint AS vat_cents
    FROM (SELECT provider_id, vat_code, sum(gross_cents)::bigint AS gross_cents FROM line GROUP BY 1, 2) AS coded
    JOIN unnest(CAST(:vat_codes AS text[]), CAST(:vat_bps AS bigint[])) AS known (code, bps) ON code = vat_code
    GROUP BY provider_id
),
-- sums of each provider, and the lines' text in the order in which they are shown
total AS MATERIALIZED (
    SELECT line.provider_id, sum(gross_cents)::bigint AS gross_cents, sum(fee_cents)::bigint AS fee_cents,
        sum(fee_vat_cents)::bigint AS fee_vat_cents, sum(subsidy_cents)::bigint AS subsidy_cents,
        sum(net_cents)::bigint AS payout_cents,
        string_agg('{"fee_cents":' || line.fee_cents || ',"fee_vat_cents":' || line.fee_vat_cents
            || ',"gross_cents":' || line.gross_cents || ',"kind":"' || line.kind
            || '","net_cents":' || line.net_cents || ',"service_on":"' || to_char(line.service_on, 'YYYY-MM-DD')
            || '","subsidy_cents":' || line.subsidy_cents || ',"unit_id":"' || line.unit_id
            || '","vat_code":"' || line.vat_code || '"}',
            ',' ORDER BY line.service_on, line.unit_id, line.kind, line.payable_id) AS lines_text
    FROM line GROUP BY line.provider_id
),
-- the same with the least that is paid out to each
measured AS MATERIALIZED (
    SELECT total.*, greatest(1, (setting_in_force('minimum_payout_cents', :cutoff_on, provider_id)).value) AS least_cents
    FROM total
),
-- the documents that reach it
summed AS (
    SELECT measured.*, payee.name, payee.iban, payee.street, payee.street_number, payee.postcode, payee.town, payee.country
    FROM measured JOIN payee USING (provider_id) WHERE payout_cents >= least_cents
),
-- who is owed something and is not paid in this run
left_out AS MATERIALIZED (
    SELECT * FROM unpayable
    UNION ALL
    SELECT provider_id, 'below_minimum', payout_cents FROM measured WHERE payout_cents < least_cents
),
-- the next number of each such provider in the cutoff's year
numbered AS (
    INSERT INTO settlement_counter (provider_id, year, last_number)
    SELECT provider_id, :year, 1 FROM summed ORDER BY provider_id
    ON CONFLICT (provider_id, year) DO UPDATE SET last_number = settlement_counter.last_number + 1
    RETURNING provider_id, year, last_number AS sequence
),
-- the documents, complete
document AS (
    SELECT summed.*, vat.vat_cents, numbered.year, numbered.sequence,
        CAST(:cutoff_on AS date) AS cutoff_on, CAST(:pay_on AS date) AS pay_on
    FROM summed JOIN vat USING (provider_id) JOIN numbered USING (provider_id)
),
-- the same with id and hash
ready AS MATERIALIZED (
    SELECT document.*,
        CAST(CAST(:cutoff_hex AS text) || '7' || overlay(left(encode(sha256(convert_to(
            'settlement ' || CAST(:cutoff_on AS date) || ' ' || document.provider_id || CAST(:again AS text),
            'UTF8')), 'hex'), 18)
            PLACING '8' FROM 4 FOR 0) AS uuid) AS id,
        encode(sha256(convert_to('{"cutoff_on":"' || to_char(document.cutoff_on, 'YYYY-MM-DD')
            || '","fee_cents":' || document.fee_cents || ',"fee_vat_cents":' || document.fee_vat_cents
            || ',"gross_cents":' || document.gross_cents || ',"lines":[' || document.lines_text
            || '],"number":"' || document.year || '/' || document.sequence
            || '","pay_on":"' || to_char(document.pay_on, 'YYYY-MM-DD')
            || '","payee":' || payee_text(document.name, document.iban, document.street, document.street_number,
                document.postcode, document.town, document.country)
            || ',"payout_cents":' || document.payout_cents || ',"provider_id":"' || document.provider_id
            || '","subsidy_cents":' || document.subsidy_cents || ',"vat_cents":' || document.vat_cents
            || '}', 'UTF8')), 'hex') AS content_sha256
    FROM document
),
-- the run: what its hash is taken of is the cutoff and the documents' hashes by provider
new_run AS (
    INSERT INTO settlement_run
        (id, cutoff_on, content_sha256, settlement_count, total_cents, left_out_count, created_by, created_at)
    SELECT :run_id, :cutoff_on,
        encode(sha256(convert_to('{"cutoff_on":"' || to_char(CAST(:cutoff_on AS date), 'YYYY-MM-DD')
            || '","settlements":[' || coalesce(string_agg('"' || ready.content_sha256 || '"', ','
                ORDER BY ready.provider_id), '') || ']}', 'UTF8')), 'hex'),
        count(*), coalesce(sum(payout_cents), 0), (SELECT count(*) FROM left_out), :created_by, :created_at
    FROM ready
),
new_left_out AS (
    INSERT INTO settlement_left_out (run_id, provider_id, reason, due_cents)
    SELECT :run_id, provider_id, reason, due_cents FROM left_out ORDER BY provider_id
),
-- a row for each document
new_settlement AS (
    INSERT INTO settlement (id, run_id, provider_id, year, sequence, cutoff_on, gross_cents, vat_cents, fee_cents,
        fee_vat_cents, subsidy_cents, payout_cents, pay_on, content_sha256, created_at)
    SELECT id, :run_id, provider_id, year, sequence, cutoff_on, gross_cents, vat_cents, fee_cents,
        fee_vat_cents, subsidy_cents, payout_cents, pay_on, content_sha256, :created_at
    FROM ready ORDER BY provider_id
),
-- whom the bank will pay, fixed now; the end-to-end id is the document's own
new_payout AS (
    INSERT INTO payout (id, run_id, settlement_id, provider_id, end_to_end_id, creditor_name, iban, creditor_street,
        creditor_street_number, creditor_postcode, creditor_town, creditor_country, amount_cents, created_at)
    SELECT CAST(CAST(:cutoff_hex AS text) || '7' || overlay(left(encode(sha256(convert_to(
            'payout ' || id, 'UTF8')), 'hex'), 18) PLACING '8' FROM 4 FOR 0) AS uuid),
        :run_id, id, provider_id, end_to_end_id(id), name, iban, street, street_number, postcode, town, country,
        payout_cents, :created_at
    FROM ready ORDER BY provider_id
),
-- a row for each line of these documents
new_line AS (
    INSERT INTO settlement_line (id, settlement_id, provider_id, payable_id, unit_id, kind, service_on, vat_code,
        gross_cents, fee_cents, fee_vat_cents, subsidy_cents, net_cents)
    SELECT CAST(CAST(:cutoff_hex AS text) || '7' || overlay(left(encode(sha256(convert_to(
            'settlement_line ' || line.payable_id || CAST(:again AS text), 'UTF8')), 'hex'), 18)
            PLACING '8' FROM 4 FOR 0) AS uuid),
        ready.id, line.provider_id, line.payable_id, line.unit_id, line.kind, line.service_on, line.vat_code, line.gross_cents,
        line.fee_cents, line.fee_vat_cents, line.subsidy_cents, line.net_cents
    FROM line JOIN ready USING (provider_id)
),
-- whatever has a line is settled
settled AS (
    UPDATE payable SET settlement_id = ready.id
    FROM line JOIN ready USING (provider_id) WHERE payable.id = line.payable_id
)
SELECT ready.id, ready.provider_id, ready.fee_cents, ready.fee_vat_cents, provider.payable_account_id
FROM ready JOIN provider ON provider.organisation_id = ready.provider_id ORDER BY ready.provider_id;

-- name: run_content
-- The hash of what is stored, not of what was said when it was made; `agrees` says that every document's is true too.
SELECT encode(sha256(convert_to('{"cutoff_on":"' || to_char(min(settlement_run.cutoff_on), 'YYYY-MM-DD')
        || '","settlements":[' || coalesce(string_agg('"' || made.content_sha256 || '"', ','
            ORDER BY made.provider_id), '') || ']}', 'UTF8')), 'hex') AS content_sha256,
    coalesce(bool_and(made.content_sha256 = made.stored_sha256), true) AS agrees
FROM settlement_run LEFT JOIN LATERAL (
    SELECT settlement.provider_id, settlement.content_sha256 AS stored_sha256,
        encode(sha256(convert_to('{"cutoff_on":"' || to_char(settlement.cutoff_on, 'YYYY-MM-DD')
            || '","fee_cents":' || settlement.fee_cents || ',"fee_vat_cents":' || settlement.fee_vat_cents
            || ',"gross_cents":' || settlement.gross_cents || ',"lines":[' || line.lines_text
            || '],"number":"' || settlement.year || '/' || settlement.sequence
            || '","pay_on":"' || to_char(settlement.pay_on, 'YYYY-MM-DD')
            || '","payee":' || payee_text(payout.creditor_name, payout.iban, payout.creditor_street,
                payout.creditor_street_number, payout.creditor_postcode, payout.creditor_town, payout.creditor_country)
            || ',"payout_cents":' || payout.amount_cents || ',"provider_id":"' || settlement.provider_id
            || '","subsidy_cents":' || settlement.subsidy_cents || ',"vat_cents":' || settlement.vat_cents
            || '}', 'UTF8')), 'hex') AS content_sha256
    FROM settlement LEFT JOIN payout ON payout.settlement_id = settlement.id CROSS JOIN LATERAL (
        SELECT string_agg('{"fee_cents":' || line.fee_cents || ',"fee_vat_cents":' || line.fee_vat_cents
            || ',"gross_cents":' || line.gross_cents || ',"kind":"' || line.kind
            || '","net_cents":' || line.net_cents || ',"service_on":"' || to_char(line.service_on, 'YYYY-MM-DD')
            || '","subsidy_cents":' || line.subsidy_cents || ',"unit_id":"' || line.unit_id
            || '","vat_code":"' || line.vat_code || '"}',
            ',' ORDER BY line.service_on, line.unit_id, line.kind, line.payable_id) AS lines_text
        FROM settlement_line AS line
        WHERE line.provider_id = settlement.provider_id AND line.settlement_id = settlement.id
    ) AS line
    WHERE settlement.run_id = settlement_run.id
) AS made ON true
WHERE settlement_run.id = :run_id;
