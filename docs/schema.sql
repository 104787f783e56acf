-- The database as the migrations and app/*/sql/ make it: tables, views, functions, and who may do what.
-- Written by `make schema`, for reading only; tests/test_schema.py compares it with the migrated database.

GRANT USAGE ON SCHEMA care TO beatrice_app, beatrice_worker;
GRANT USAGE ON SCHEMA ledger TO beatrice_app, beatrice_hr, beatrice_worker;
GRANT USAGE ON SCHEMA public TO PUBLIC;

CREATE TABLE care.beneficiary (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    relation text NOT NULL,
    given_name text NOT NULL,
    family_name text NOT NULL,
    sealed_fiscal_code bytea,
    istat_code text,
    sealed_access_notes bytea,
    created_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    version integer NOT NULL DEFAULT 1,
    sealed_details bytea NOT NULL,
    CONSTRAINT beneficiary_pkey PRIMARY KEY (id),
    CONSTRAINT beneficiary_user_id_id_key UNIQUE (user_id, id),
    CONSTRAINT beneficiary_istat_code_fkey FOREIGN KEY (istat_code) REFERENCES public.municipality(istat_code),
    CONSTRAINT beneficiary_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.user_account(id),
    CONSTRAINT beneficiary_relation_known CHECK (relation = ANY (ARRAY['self'::text, 'spouse'::text, 'child'::text, 'parent'::text, 'child_in_law'::text, 'parent_in_law'::text, 'sibling'::text, 'grandparent'::text, 'grandchild'::text, 'other'::text]))
);
CREATE INDEX beneficiary_istat_code_idx ON care.beneficiary USING btree (istat_code);
CREATE UNIQUE INDEX beneficiary_self_key ON care.beneficiary USING btree (user_id) WHERE relation = 'self'::text;
CREATE TRIGGER beneficiary_past_kept AFTER UPDATE ON care.beneficiary FOR EACH ROW WHEN (old.version <> new.version AND (old.relation IS DISTINCT FROM new.relation OR old.sealed_details IS DISTINCT FROM new.sealed_details)) EXECUTE FUNCTION care.keep_past_facts();
GRANT INSERT, SELECT, UPDATE ON care.beneficiary TO beatrice_app, beatrice_worker;

CREATE TABLE care.beneficiary_past (
    beneficiary_id uuid NOT NULL,
    version integer NOT NULL,
    relation text NOT NULL,
    sealed_details bytea NOT NULL,
    CONSTRAINT beneficiary_past_pkey PRIMARY KEY (beneficiary_id, version),
    CONSTRAINT beneficiary_past_beneficiary_id_fkey FOREIGN KEY (beneficiary_id) REFERENCES care.beneficiary(id)
);
GRANT SELECT ON care.beneficiary_past TO beatrice_app, beatrice_worker;

CREATE TABLE care.booking (
    id uuid NOT NULL,
    quote_id uuid NOT NULL,
    user_id uuid NOT NULL,
    provider_id uuid NOT NULL,
    offering_id uuid NOT NULL,
    beneficiary_id uuid NOT NULL,
    status text NOT NULL,
    free_until_hours integer NOT NULL,
    late_fee_bps integer NOT NULL,
    no_show_fee_bps integer NOT NULL,
    confirm_by timestamp with time zone,
    sealed_note bytea,
    sealed_end_reason bytea,
    created_at timestamp with time zone NOT NULL,
    version integer NOT NULL DEFAULT 1,
    external_id text,
    sealed_metadata bytea,
    rules_digest text NOT NULL DEFAULT ''::text,
    CONSTRAINT booking_pkey PRIMARY KEY (id),
    CONSTRAINT booking_one_per_quote_key UNIQUE (quote_id),
    CONSTRAINT booking_provider_id_id_key UNIQUE (provider_id, id),
    CONSTRAINT booking_user_id_id_key UNIQUE (user_id, id),
    CONSTRAINT booking_executes_its_quote_fkey FOREIGN KEY (quote_id, free_until_hours, late_fee_bps, no_show_fee_bps) REFERENCES care.quote(id, free_until_hours, late_fee_bps, no_show_fee_bps),
    CONSTRAINT booking_provider_id_offering_id_fkey FOREIGN KEY (provider_id, offering_id) REFERENCES public.offering(provider_id, id),
    CONSTRAINT booking_user_id_beneficiary_id_fkey FOREIGN KEY (user_id, beneficiary_id) REFERENCES care.beneficiary(user_id, id),
    CONSTRAINT booking_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.user_account(id),
    CONSTRAINT booking_status_known CHECK (status = ANY (ARRAY['requested'::text, 'in_progress'::text, 'confirmed'::text, 'delivered'::text, 'completed'::text, 'no_show'::text, 'cancelled'::text, 'declined'::text, 'expired'::text]))
) WITH (fillfactor=80);
CREATE INDEX booking_awaiting_answer_idx ON care.booking USING btree (confirm_by) WHERE status = 'requested'::text;
CREATE INDEX booking_beneficiary_idx ON care.booking USING btree (user_id, beneficiary_id);
CREATE INDEX booking_external_id_idx ON care.booking USING btree (user_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX booking_offering_idx ON care.booking USING btree (provider_id, offering_id);
CREATE INDEX booking_rules_digest_idx ON care.booking USING btree (rules_digest) WHERE status = ANY (ARRAY['requested'::text, 'confirmed'::text, 'in_progress'::text]);
GRANT INSERT, SELECT, UPDATE ON care.booking TO beatrice_app, beatrice_worker;

CREATE TABLE care.claim (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    document_id uuid NOT NULL,
    beneficiary_id uuid NOT NULL,
    category text NOT NULL,
    service_on date NOT NULL,
    decision jsonb NOT NULL,
    amount_cents bigint NOT NULL,
    status text NOT NULL,
    sealed_details bytea NOT NULL,
    sealed_payee bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    sealed_question bytea,
    sealed_answer bytea,
    decided_at timestamp with time zone,
    decided_by uuid,
    sealed_decision bytea,
    appealed_at timestamp with time zone,
    sealed_appeal bytea,
    first_decided_by uuid,
    run_id uuid,
    paid_at timestamp with time zone,
    CONSTRAINT claim_pkey PRIMARY KEY (id),
    CONSTRAINT claim_user_id_id_key UNIQUE (user_id, id),
    CONSTRAINT claim_beneficiary_id_fkey FOREIGN KEY (beneficiary_id) REFERENCES care.beneficiary(id),
    CONSTRAINT claim_decided_by_fkey FOREIGN KEY (decided_by) REFERENCES public.user_account(id),
    CONSTRAINT claim_document_id_fkey FOREIGN KEY (document_id) REFERENCES care.claim_document(id),
    CONSTRAINT claim_first_decided_by_fkey FOREIGN KEY (first_decided_by) REFERENCES public.user_account(id),
    CONSTRAINT claim_run_id_fkey FOREIGN KEY (run_id) REFERENCES care.claim_run(id),
    CONSTRAINT claim_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.user_account(id),
    CONSTRAINT claim_appeal_decided_by_another CHECK ((status <> ALL (ARRAY['approved'::text, 'rejected'::text, 'paid'::text])) OR decided_by <> first_decided_by),
    CONSTRAINT claim_appealed_in_words CHECK ((appealed_at IS NULL) = (sealed_appeal IS NULL)),
    CONSTRAINT claim_appeals_a_decision CHECK ((appealed_at IS NULL) = (first_decided_by IS NULL)),
    CONSTRAINT claim_asked_in_words CHECK (status <> 'needs_info'::text OR sealed_question IS NOT NULL),
    CONSTRAINT claim_decided_by_another CHECK (decided_by <> user_id),
    CONSTRAINT claim_decided_whole CHECK (num_nonnulls(decided_at, decided_by, sealed_decision) =
CASE
    WHEN (status = ANY (ARRAY['approved'::text, 'rejected'::text, 'paid'::text])) OR appealed_at IS NOT NULL THEN 3
    ELSE 0
END),
    CONSTRAINT claim_paid_by_a_run CHECK (status <> 'paid'::text OR run_id IS NOT NULL),
    CONSTRAINT claim_paid_has_instant CHECK ((status = 'paid'::text) = (paid_at IS NOT NULL)),
    CONSTRAINT claim_paid_when_approved CHECK (run_id IS NULL OR (status = ANY (ARRAY['approved'::text, 'paid'::text]))),
    CONSTRAINT claim_something_claimed CHECK (amount_cents > 0),
    CONSTRAINT claim_status_known CHECK (status = ANY (ARRAY['submitted'::text, 'needs_info'::text, 'approved'::text, 'rejected'::text, 'withdrawn'::text, 'paid'::text]))
);
CREATE INDEX claim_beneficiary_idx ON care.claim USING btree (beneficiary_id);
CREATE INDEX claim_decided_by_idx ON care.claim USING btree (decided_by);
CREATE INDEX claim_document_idx ON care.claim USING btree (document_id);
CREATE INDEX claim_first_decided_by_idx ON care.claim USING btree (first_decided_by);
CREATE INDEX claim_run_idx ON care.claim USING btree (run_id);
CREATE INDEX claim_status_idx ON care.claim USING btree (status, id);
CREATE CONSTRAINT TRIGGER claim_adds_up AFTER INSERT OR UPDATE ON care.claim DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION care.claim_adds_up();
CREATE TRIGGER claim_begins BEFORE INSERT ON care.claim FOR EACH ROW EXECUTE FUNCTION care.claim_begins();
CREATE TRIGGER claim_moves BEFORE UPDATE ON care.claim FOR EACH ROW EXECUTE FUNCTION care.claim_moves();
CREATE TRIGGER claim_no_delete BEFORE DELETE ON care.claim FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER claim_no_truncate BEFORE TRUNCATE ON care.claim FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();
CREATE CONSTRAINT TRIGGER claim_of_run_adds_up AFTER UPDATE ON care.claim DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (new.run_id IS NOT NULL) EXECUTE FUNCTION care.claim_run_adds_up();
GRANT INSERT, SELECT, UPDATE ON care.claim TO beatrice_app;
GRANT SELECT ON care.claim TO beatrice_worker;

CREATE TABLE care.claim_document (
    id uuid NOT NULL,
    fingerprint bytea NOT NULL,
    sealed_identity bytea NOT NULL,
    total_cents bigint NOT NULL,
    public_cents bigint NOT NULL,
    claimed_cents bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT claim_document_pkey PRIMARY KEY (id),
    CONSTRAINT claim_document_fingerprint_key UNIQUE (fingerprint),
    CONSTRAINT claim_document_never_exceeded CHECK (claimed_cents >= 0 AND claimed_cents <= (total_cents - public_cents)),
    CONSTRAINT claim_document_something_own CHECK (public_cents >= 0 AND total_cents > public_cents)
);
CREATE CONSTRAINT TRIGGER claim_document_adds_up AFTER INSERT OR UPDATE ON care.claim_document DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION care.claim_adds_up();
CREATE TRIGGER claim_document_no_delete BEFORE DELETE ON care.claim_document FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER claim_document_no_truncate BEFORE TRUNCATE ON care.claim_document FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER claim_document_stays BEFORE UPDATE ON care.claim_document FOR EACH ROW EXECUTE FUNCTION care.claim_document_stays();
GRANT INSERT, SELECT, UPDATE ON care.claim_document TO beatrice_app;
GRANT SELECT ON care.claim_document TO beatrice_worker;

CREATE TABLE care.claim_file (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    claim_id uuid,
    media_type text NOT NULL,
    size_bytes integer NOT NULL,
    sealed_content bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT claim_file_pkey PRIMARY KEY (id),
    CONSTRAINT claim_file_claim_id_fkey FOREIGN KEY (claim_id) REFERENCES care.claim(id),
    CONSTRAINT claim_file_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.user_account(id),
    CONSTRAINT claim_file_media_type_known CHECK (media_type = ANY (ARRAY['application/pdf'::text, 'image/jpeg'::text, 'image/png'::text])),
    CONSTRAINT claim_file_not_empty CHECK (size_bytes > 0)
);
CREATE INDEX claim_file_claim_idx ON care.claim_file USING btree (claim_id, id);
CREATE INDEX claim_file_user_idx ON care.claim_file USING btree (user_id, claim_id);
CREATE TRIGGER claim_file_no_truncate BEFORE TRUNCATE ON care.claim_file FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER claim_file_stays BEFORE DELETE OR UPDATE ON care.claim_file FOR EACH ROW EXECUTE FUNCTION care.claim_file_stays();
GRANT DELETE, INSERT, SELECT, UPDATE ON care.claim_file TO beatrice_app;

CREATE TABLE care.claim_leg (
    hold_id uuid NOT NULL,
    claim_id uuid NOT NULL,
    attempt smallint NOT NULL,
    lot_id uuid NOT NULL,
    rule_code text NOT NULL,
    amount_cents bigint NOT NULL,
    CONSTRAINT claim_leg_pkey PRIMARY KEY (hold_id),
    CONSTRAINT claim_leg_lot_key UNIQUE (claim_id, attempt, lot_id),
    CONSTRAINT claim_leg_claim_id_fkey FOREIGN KEY (claim_id) REFERENCES care.claim(id),
    CONSTRAINT claim_leg_hold_id_fkey FOREIGN KEY (hold_id) REFERENCES ledger.hold(id),
    CONSTRAINT claim_leg_lot_id_fkey FOREIGN KEY (lot_id) REFERENCES public.lot(id),
    CONSTRAINT claim_leg_amount_positive CHECK (amount_cents > 0),
    CONSTRAINT claim_leg_attempt_known CHECK (attempt = ANY (ARRAY[1, 2]))
);
CREATE INDEX claim_leg_lot_idx ON care.claim_leg USING btree (lot_id);
CREATE TRIGGER claim_leg_append_only BEFORE DELETE OR UPDATE ON care.claim_leg FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER claim_leg_is_its_hold BEFORE INSERT ON care.claim_leg FOR EACH ROW EXECUTE FUNCTION care.claim_leg_is_its_hold();
CREATE TRIGGER claim_leg_no_truncate BEFORE TRUNCATE ON care.claim_leg FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();
GRANT INSERT, SELECT ON care.claim_leg TO beatrice_app;
GRANT SELECT ON care.claim_leg TO beatrice_worker;

CREATE TABLE care.claim_run (
    id uuid NOT NULL,
    status text NOT NULL,
    content_sha256 text NOT NULL,
    claim_count integer NOT NULL,
    total_cents bigint NOT NULL,
    created_by uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    approved_by uuid,
    approved_at timestamp with time zone,
    debtor_name text,
    debtor_iban text,
    execution_on date,
    payment_file_sha256 text,
    sent_at timestamp with time zone,
    cancelled_by uuid,
    cancelled_at timestamp with time zone,
    CONSTRAINT claim_run_pkey PRIMARY KEY (id),
    CONSTRAINT claim_run_approved_by_fkey FOREIGN KEY (approved_by) REFERENCES public.user_account(id),
    CONSTRAINT claim_run_cancelled_by_fkey FOREIGN KEY (cancelled_by) REFERENCES public.user_account(id),
    CONSTRAINT claim_run_created_by_fkey FOREIGN KEY (created_by) REFERENCES public.user_account(id),
    CONSTRAINT claim_run_approved_whole CHECK (num_nonnulls(approved_by, approved_at, debtor_name, debtor_iban, execution_on, payment_file_sha256) =
CASE
    WHEN status = ANY (ARRAY['approved'::text, 'sent'::text]) THEN 6
    ELSE 0
END),
    CONSTRAINT claim_run_approver_is_not_maker CHECK (approved_by <> created_by),
    CONSTRAINT claim_run_cancelled_whole CHECK (num_nonnulls(cancelled_by, cancelled_at) =
CASE
    WHEN status = 'cancelled'::text THEN 2
    ELSE 0
END),
    CONSTRAINT claim_run_sent_has_instant CHECK ((status = 'sent'::text) = (sent_at IS NOT NULL)),
    CONSTRAINT claim_run_something_to_pay CHECK (claim_count > 0 AND total_cents > 0),
    CONSTRAINT claim_run_status_known CHECK (status = ANY (ARRAY['closed'::text, 'approved'::text, 'sent'::text, 'cancelled'::text]))
);
CREATE INDEX claim_run_approved_by_idx ON care.claim_run USING btree (approved_by);
CREATE INDEX claim_run_cancelled_by_idx ON care.claim_run USING btree (cancelled_by);
CREATE INDEX claim_run_created_by_idx ON care.claim_run USING btree (created_by);
CREATE CONSTRAINT TRIGGER claim_run_adds_up AFTER INSERT OR UPDATE ON care.claim_run DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION care.claim_run_adds_up();
CREATE TRIGGER claim_run_moves BEFORE UPDATE ON care.claim_run FOR EACH ROW EXECUTE FUNCTION care.claim_run_moves();
CREATE TRIGGER claim_run_no_delete BEFORE DELETE ON care.claim_run FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER claim_run_no_truncate BEFORE TRUNCATE ON care.claim_run FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();
GRANT INSERT, SELECT, UPDATE ON care.claim_run TO beatrice_app;

CREATE TABLE care.dispute (
    id uuid NOT NULL,
    booking_id uuid NOT NULL,
    user_id uuid NOT NULL,
    provider_id uuid NOT NULL,
    status text NOT NULL,
    sealed_reason bytea NOT NULL,
    contested_cents bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    decide_by timestamp with time zone NOT NULL,
    decided_at timestamp with time zone,
    decided_by uuid,
    sealed_decision bytea,
    refund_cents bigint,
    CONSTRAINT dispute_pkey PRIMARY KEY (id),
    CONSTRAINT dispute_booking_id_id_key UNIQUE (booking_id, id),
    CONSTRAINT dispute_decided_by_fkey FOREIGN KEY (decided_by) REFERENCES public.user_account(id),
    CONSTRAINT dispute_provider_id_booking_id_fkey FOREIGN KEY (provider_id, booking_id) REFERENCES care.booking(provider_id, id),
    CONSTRAINT dispute_user_id_booking_id_fkey FOREIGN KEY (user_id, booking_id) REFERENCES care.booking(user_id, id),
    CONSTRAINT dispute_decided_by_another CHECK (decided_by <> user_id),
    CONSTRAINT dispute_decided_whole CHECK (num_nonnulls(decided_at, decided_by, sealed_decision, refund_cents) =
CASE
    WHEN status = 'open'::text THEN 0
    ELSE 4
END),
    CONSTRAINT dispute_refund_of_outcome CHECK (
CASE status
    WHEN 'upheld'::text THEN refund_cents = contested_cents
    WHEN 'partly_upheld'::text THEN refund_cents > 0 AND refund_cents < contested_cents
    WHEN 'rejected'::text THEN refund_cents = 0
    ELSE refund_cents IS NULL
END),
    CONSTRAINT dispute_something_contested CHECK (contested_cents > 0),
    CONSTRAINT dispute_status_known CHECK (status = ANY (ARRAY['open'::text, 'upheld'::text, 'partly_upheld'::text, 'rejected'::text]))
);
CREATE INDEX dispute_decided_by_idx ON care.dispute USING btree (decided_by);
CREATE INDEX dispute_provider_idx ON care.dispute USING btree (provider_id, booking_id);
CREATE INDEX dispute_status_idx ON care.dispute USING btree (status, id);
CREATE INDEX dispute_user_idx ON care.dispute USING btree (user_id, booking_id);
CREATE TRIGGER dispute_decided_once BEFORE UPDATE ON care.dispute FOR EACH ROW EXECUTE FUNCTION care.dispute_decided_once();
CREATE CONSTRAINT TRIGGER dispute_is_its_units AFTER INSERT OR UPDATE ON care.dispute DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION care.dispute_is_its_units();
CREATE TRIGGER dispute_no_delete BEFORE DELETE ON care.dispute FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER dispute_no_truncate BEFORE TRUNCATE ON care.dispute FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();
GRANT INSERT, SELECT, UPDATE (status, decided_at, decided_by, sealed_decision, refund_cents) ON care.dispute TO beatrice_app, beatrice_worker;

CREATE TABLE care.dispute_unit (
    unit_id uuid NOT NULL,
    dispute_id uuid NOT NULL,
    booking_id uuid NOT NULL,
    CONSTRAINT dispute_unit_pkey PRIMARY KEY (unit_id),
    CONSTRAINT dispute_unit_booking_id_dispute_id_fkey FOREIGN KEY (booking_id, dispute_id) REFERENCES care.dispute(booking_id, id),
    CONSTRAINT dispute_unit_booking_id_unit_id_fkey FOREIGN KEY (booking_id, unit_id) REFERENCES care.unit(booking_id, id)
);
CREATE INDEX dispute_unit_dispute_idx ON care.dispute_unit USING btree (booking_id, dispute_id);
CREATE INDEX dispute_unit_unit_idx ON care.dispute_unit USING btree (booking_id, unit_id);
CREATE CONSTRAINT TRIGGER dispute_is_its_units AFTER INSERT ON care.dispute_unit DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION care.dispute_is_its_units();
CREATE TRIGGER dispute_unit_append_only BEFORE DELETE OR UPDATE ON care.dispute_unit FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER dispute_unit_no_truncate BEFORE TRUNCATE ON care.dispute_unit FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();
GRANT INSERT, SELECT ON care.dispute_unit TO beatrice_app, beatrice_worker;

CREATE TABLE care.leg (
    id uuid NOT NULL,
    unit_id uuid NOT NULL,
    source text NOT NULL,
    lot_id uuid,
    hold_id uuid,
    amount_cents bigint NOT NULL,
    rule_code text,
    CONSTRAINT leg_pkey PRIMARY KEY (id),
    CONSTRAINT leg_hold_id_key UNIQUE (hold_id),
    CONSTRAINT leg_one_per_source_key UNIQUE NULLS NOT DISTINCT (unit_id, lot_id),
    CONSTRAINT leg_hold_id_fkey FOREIGN KEY (hold_id) REFERENCES ledger.hold(id),
    CONSTRAINT leg_lot_id_fkey FOREIGN KEY (lot_id) REFERENCES public.lot(id),
    CONSTRAINT leg_unit_id_fkey FOREIGN KEY (unit_id) REFERENCES care.unit(id),
    CONSTRAINT leg_credit_has_a_hold CHECK ((lot_id IS NULL) = (hold_id IS NULL)),
    CONSTRAINT leg_credit_names_its_lot CHECK ((source = 'own_money'::text) = (lot_id IS NULL)),
    CONSTRAINT leg_credit_names_its_rule CHECK ((source = 'own_money'::text) = (rule_code IS NULL)),
    CONSTRAINT leg_positive CHECK (amount_cents > 0),
    CONSTRAINT leg_source_known CHECK (source = ANY (ARRAY['lot'::text, 'entitlement'::text, 'own_money'::text]))
);
CREATE INDEX leg_lot_id_idx ON care.leg USING btree (lot_id);
CREATE TRIGGER leg_counts_as_fringe AFTER INSERT ON care.leg REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION care.count_new_legs();
CREATE TRIGGER leg_counts_as_fringe_no_more AFTER DELETE ON care.leg REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION care.count_gone_legs();
CREATE TRIGGER leg_counts_as_fringe_still AFTER UPDATE ON care.leg REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION care.count_changed_legs();
CREATE TRIGGER leg_takes_credit AFTER INSERT ON care.leg REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION care.check_leg_takes_credit();
CREATE TRIGGER leg_whole AFTER INSERT ON care.leg REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION care.check_whole_units();
CREATE TRIGGER leg_whole_still AFTER UPDATE ON care.leg REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION care.check_whole_units();
GRANT INSERT, SELECT, UPDATE ON care.leg TO beatrice_app, beatrice_worker;

CREATE TABLE care.quote (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    provider_id uuid NOT NULL,
    offering_id uuid NOT NULL,
    beneficiary_id uuid NOT NULL,
    beneficiary_version integer NOT NULL,
    total_cents bigint NOT NULL,
    credit_cents bigint NOT NULL,
    own_money_cents bigint NOT NULL,
    units jsonb NOT NULL,
    decisions jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    confirmation text NOT NULL,
    response_hours integer NOT NULL,
    min_notice_hours integer NOT NULL,
    free_until_hours integer NOT NULL,
    late_fee_bps integer NOT NULL,
    no_show_fee_bps integer NOT NULL,
    vat_code text NOT NULL,
    fringe jsonb,
    CONSTRAINT quote_pkey PRIMARY KEY (id),
    CONSTRAINT quote_terms_key UNIQUE (id, free_until_hours, late_fee_bps, no_show_fee_bps),
    CONSTRAINT quote_provider_id_offering_id_fkey FOREIGN KEY (provider_id, offering_id) REFERENCES public.offering(provider_id, id),
    CONSTRAINT quote_user_id_beneficiary_id_fkey FOREIGN KEY (user_id, beneficiary_id) REFERENCES care.beneficiary(user_id, id),
    CONSTRAINT quote_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.user_account(id),
    CONSTRAINT quote_adds_up CHECK (total_cents = (credit_cents + own_money_cents)),
    CONSTRAINT quote_confirmation_known CHECK (confirmation = ANY (ARRAY['instant'::text, 'provider'::text])),
    CONSTRAINT quote_vat_code_known CHECK (vat_code = ANY (ARRAY['exempt'::text, 'not_subject'::text, 'vat_5'::text, 'vat_10'::text, 'vat_22'::text]))
);
CREATE INDEX quote_beneficiary_idx ON care.quote USING btree (user_id, beneficiary_id);
CREATE INDEX quote_expires_at_idx ON care.quote USING btree (expires_at);
CREATE INDEX quote_offering_idx ON care.quote USING btree (provider_id, offering_id);
GRANT DELETE, INSERT, SELECT ON care.quote TO beatrice_worker;
GRANT INSERT, SELECT ON care.quote TO beatrice_app;

CREATE TABLE care.unit (
    id uuid NOT NULL,
    booking_id uuid NOT NULL,
    provider_id uuid NOT NULL,
    index integer NOT NULL,
    slot_id uuid,
    status text NOT NULL,
    status_at timestamp with time zone NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    price_cents bigint NOT NULL,
    vat_code text NOT NULL,
    fee_funding text NOT NULL,
    fee_cents bigint NOT NULL DEFAULT '0'::bigint,
    fee_source text,
    own_money_due_cents bigint NOT NULL DEFAULT '0'::bigint,
    disputed boolean NOT NULL DEFAULT false,
    needs_review boolean NOT NULL DEFAULT false,
    delivered_at timestamp with time zone,
    complete_at timestamp with time zone,
    completed_at timestamp with time zone,
    dispute_decided_at timestamp with time zone,
    refunded_cents bigint NOT NULL DEFAULT '0'::bigint,
    reminders smallint NOT NULL DEFAULT '0'::smallint,
    review_by timestamp with time zone,
    CONSTRAINT unit_pkey PRIMARY KEY (id),
    CONSTRAINT unit_booking_id_id_key UNIQUE (booking_id, id),
    CONSTRAINT unit_booking_id_index_key UNIQUE (booking_id, index),
    CONSTRAINT unit_provider_id_booking_id_fkey FOREIGN KEY (provider_id, booking_id) REFERENCES care.booking(provider_id, id),
    CONSTRAINT unit_provider_id_slot_id_fkey FOREIGN KEY (provider_id, slot_id) REFERENCES public.slot(provider_id, id),
    CONSTRAINT unit_completed_has_instant CHECK (status <> 'completed'::text OR completed_at IS NOT NULL),
    CONSTRAINT unit_contested_until_complete CHECK (num_nonnulls(complete_at, completed_at) =
CASE
    WHEN (status = ANY (ARRAY['delivered'::text, 'completed'::text])) OR fee_source = 'credit'::text THEN 1
    ELSE 0
END),
    CONSTRAINT unit_delivered_has_deadline CHECK (status <> 'delivered'::text OR complete_at IS NOT NULL),
    CONSTRAINT unit_disputed_once CHECK (NOT disputed OR dispute_decided_at IS NULL),
    CONSTRAINT unit_fee_from_credit_at_most_half CHECK (fee_source <> 'credit'::text OR (fee_cents * 2) <= price_cents),
    CONSTRAINT unit_fee_funding_known CHECK (fee_funding = ANY (ARRAY['out_of_pocket'::text, 'from_credit'::text])),
    CONSTRAINT unit_fee_source_known CHECK (fee_source = ANY (ARRAY['credit'::text, 'out_of_pocket'::text])),
    CONSTRAINT unit_fee_within_price CHECK (fee_cents >= 0 AND fee_cents <= price_cents),
    CONSTRAINT unit_not_empty CHECK (ends_at > starts_at),
    CONSTRAINT unit_own_money_not_negative CHECK (own_money_due_cents >= 0),
    CONSTRAINT unit_price_positive CHECK (price_cents > 0),
    CONSTRAINT unit_refund_was_decided CHECK (refunded_cents = 0 OR dispute_decided_at IS NOT NULL),
    CONSTRAINT unit_refund_within_price CHECK (refunded_cents >= 0 AND refunded_cents <= price_cents),
    CONSTRAINT unit_reminders_known CHECK (reminders >= 0 AND reminders <= 3),
    CONSTRAINT unit_review_has_deadline CHECK (needs_review = (review_by IS NOT NULL)),
    CONSTRAINT unit_review_of_open CHECK (NOT needs_review OR (status = ANY (ARRAY['requested'::text, 'confirmed'::text]))),
    CONSTRAINT unit_status_known CHECK (status = ANY (ARRAY['requested'::text, 'confirmed'::text, 'delivered'::text, 'completed'::text, 'declined'::text, 'expired'::text, 'cancelled'::text, 'cancelled_late'::text, 'no_show'::text]))
) WITH (fillfactor=80);
CREATE INDEX unit_booking_idx ON care.unit USING btree (provider_id, booking_id);
CREATE INDEX unit_complete_at_idx ON care.unit USING btree (complete_at) WHERE complete_at IS NOT NULL;
CREATE INDEX unit_review_by_idx ON care.unit USING btree (review_by) WHERE review_by IS NOT NULL;
CREATE INDEX unit_slot_idx ON care.unit USING btree (provider_id, slot_id);
CREATE INDEX unit_starts_at_idx ON care.unit USING btree (provider_id, starts_at, id);
CREATE INDEX unit_unreported_idx ON care.unit USING btree (reminders, ends_at) WHERE status = 'confirmed'::text;
CREATE TRIGGER unit_counts_as_fringe AFTER UPDATE ON care.unit REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION care.count_moved_units();
CREATE TRIGGER unit_disputed_blocks AFTER UPDATE ON care.unit FOR EACH ROW WHEN (old.disputed <> new.disputed) EXECUTE FUNCTION care.block_what_is_disputed();
CREATE TRIGGER unit_moved AFTER UPDATE ON care.unit REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION care.record_moved_units();
CREATE TRIGGER unit_recorded AFTER INSERT ON care.unit REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION care.record_new_units();
CREATE TRIGGER unit_settled_never_changes BEFORE UPDATE ON care.unit FOR EACH ROW WHEN (old.status = ANY (ARRAY['completed'::text, 'cancelled_late'::text, 'no_show'::text])) EXECUTE FUNCTION care.refuse_change_once_settled();
CREATE TRIGGER unit_takes_credit AFTER UPDATE ON care.unit REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION care.check_unit_takes_credit();
GRANT INSERT, SELECT, UPDATE ON care.unit TO beatrice_app, beatrice_worker;

CREATE TABLE care.unit_transition (
    id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    unit_id uuid NOT NULL,
    from_status text,
    to_status text NOT NULL,
    at timestamp with time zone NOT NULL,
    CONSTRAINT unit_transition_pkey PRIMARY KEY (id),
    CONSTRAINT unit_transition_unit_id_fkey FOREIGN KEY (unit_id) REFERENCES care.unit(id)
);
CREATE INDEX unit_transition_unit_id_idx ON care.unit_transition USING btree (unit_id, id);
CREATE TRIGGER unit_transition_append_only BEFORE DELETE OR UPDATE ON care.unit_transition FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER unit_transition_no_truncate BEFORE TRUNCATE ON care.unit_transition FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();
GRANT SELECT ON care.unit_transition TO beatrice_app, beatrice_worker;

CREATE TABLE care.unit_transition_rule (
    from_status text NOT NULL,
    to_status text NOT NULL,
    CONSTRAINT unit_transition_rule_pkey PRIMARY KEY (from_status, to_status)
);
GRANT SELECT ON care.unit_transition_rule TO beatrice_app, beatrice_worker;

CREATE TABLE ledger.account (
    id uuid NOT NULL,
    kind text NOT NULL,
    owner_id uuid,
    guarded boolean NOT NULL GENERATED ALWAYS AS (kind = ANY (ARRAY['company_account'::text, 'lot'::text, 'entitlement_budget'::text, 'project_fund'::text])) STORED,
    posted_cents bigint NOT NULL DEFAULT 0,
    held_cents bigint NOT NULL DEFAULT 0,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT account_pkey PRIMARY KEY (id),
    CONSTRAINT account_kind_owner_id_key UNIQUE NULLS NOT DISTINCT (kind, owner_id),
    CONSTRAINT account_held_not_negative CHECK (held_cents >= 0),
    CONSTRAINT account_kind CHECK (kind = ANY (ARRAY['company_account'::text, 'lot'::text, 'entitlement_budget'::text, 'project_fund'::text, 'bank_clearing_company'::text, 'bank_clearing_public'::text, 'company_returns'::text, 'provider_earned'::text, 'provider_payable'::text, 'provider_in_transit'::text, 'provider_recoverable'::text, 'claims_payable'::text, 'vat_payable'::text, 'platform_fees'::text, 'solidarity_fund'::text, 'suspense'::text])),
    CONSTRAINT account_no_overdraft CHECK (NOT guarded OR (posted_cents - held_cents) >= 0),
    CONSTRAINT account_open_keeps_no_balance CHECK (guarded OR posted_cents = 0 AND held_cents = 0)
) WITH (fillfactor=70);
CREATE TRIGGER account_00_new_is_empty BEFORE INSERT ON ledger.account FOR EACH ROW WHEN (new.posted_cents <> 0 OR new.held_cents <> 0) EXECUTE FUNCTION ledger.refuse();
CREATE TRIGGER account_00_no_delete BEFORE DELETE ON ledger.account FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
CREATE TRIGGER account_00_no_truncate BEFORE TRUNCATE ON ledger.account FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
CREATE TRIGGER account_00_no_update BEFORE UPDATE ON ledger.account FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION ledger.refuse();
CREATE TRIGGER account_05_hr BEFORE INSERT ON ledger.account FOR EACH ROW WHEN (CURRENT_USER = 'beatrice_hr'::name) EXECUTE FUNCTION ledger.refuse_unless_lots();
GRANT INSERT (id, kind, owner_id, created_at) ON ledger.account TO beatrice_hr;
GRANT INSERT (id, kind, owner_id, created_at), SELECT ON ledger.account TO beatrice_app, beatrice_worker;

CREATE TABLE ledger.hold (
    id uuid NOT NULL,
    account_id uuid NOT NULL,
    payee_account_id uuid NOT NULL,
    amount_cents bigint NOT NULL,
    cause_id uuid,
    event_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT hold_pkey PRIMARY KEY (id),
    CONSTRAINT hold_account_id_fkey FOREIGN KEY (account_id) REFERENCES ledger.account(id),
    CONSTRAINT hold_payee_account_id_fkey FOREIGN KEY (payee_account_id) REFERENCES ledger.account(id),
    CONSTRAINT hold_amount CHECK (amount_cents >= 1 AND amount_cents <= '1000000000000'::bigint),
    CONSTRAINT hold_two_accounts CHECK (account_id <> payee_account_id)
);
CREATE INDEX hold_account_id_idx ON ledger.hold USING btree (account_id);
CREATE INDEX hold_cause_id_idx ON ledger.hold USING btree (cause_id) WHERE cause_id IS NOT NULL;
CREATE INDEX hold_payee_account_id_idx ON ledger.hold USING btree (payee_account_id);
CREATE TRIGGER hold_00_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON ledger.hold FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
CREATE TRIGGER hold_30_apply AFTER INSERT ON ledger.hold REFERENCING NEW TABLE AS new_hold FOR EACH STATEMENT EXECUTE FUNCTION ledger.apply_holds();
CREATE TRIGGER hold_40_lots AFTER INSERT ON ledger.hold REFERENCING NEW TABLE AS new_hold FOR EACH STATEMENT EXECUTE FUNCTION public.check_lot_holds();
GRANT INSERT, SELECT ON ledger.hold TO beatrice_app, beatrice_worker;

CREATE TABLE ledger.hold_end (
    hold_id uuid NOT NULL,
    kind text NOT NULL,
    amount_cents bigint NOT NULL,
    event_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT hold_end_pkey PRIMARY KEY (hold_id),
    CONSTRAINT hold_end_hold_id_fkey FOREIGN KEY (hold_id) REFERENCES ledger.hold(id),
    CONSTRAINT hold_end_amount CHECK (
CASE kind
    WHEN 'captured'::text THEN amount_cents >= 1 AND amount_cents <= '1000000000000'::bigint
    ELSE amount_cents = 0
END),
    CONSTRAINT hold_end_kind CHECK (kind = ANY (ARRAY['captured'::text, 'released'::text, 'expired'::text]))
);
CREATE TRIGGER hold_end_00_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON ledger.hold_end FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
CREATE TRIGGER hold_end_10_lock BEFORE INSERT ON ledger.hold_end FOR EACH ROW WHEN (new.kind <> 'captured'::text) EXECUTE FUNCTION ledger.lock_held_account();
CREATE TRIGGER hold_end_30_apply AFTER INSERT ON ledger.hold_end REFERENCING NEW TABLE AS new_hold_end FOR EACH STATEMENT EXECUTE FUNCTION ledger.apply_hold_ends();
GRANT INSERT, SELECT ON ledger.hold_end TO beatrice_app, beatrice_worker;

CREATE TABLE ledger.transfer (
    id uuid NOT NULL,
    from_account_id uuid NOT NULL,
    to_account_id uuid NOT NULL,
    amount_cents bigint NOT NULL,
    reason text NOT NULL,
    hold_id uuid,
    reverses_id uuid,
    cause_id uuid,
    event_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT transfer_pkey PRIMARY KEY (id),
    CONSTRAINT transfer_from_account_id_fkey FOREIGN KEY (from_account_id) REFERENCES ledger.account(id),
    CONSTRAINT transfer_hold_id_fkey FOREIGN KEY (hold_id) REFERENCES ledger.hold(id),
    CONSTRAINT transfer_reverses_id_fkey FOREIGN KEY (reverses_id) REFERENCES ledger.transfer(id),
    CONSTRAINT transfer_to_account_id_fkey FOREIGN KEY (to_account_id) REFERENCES ledger.account(id),
    CONSTRAINT transfer_amount CHECK (amount_cents >= 1 AND amount_cents <= '1000000000000'::bigint),
    CONSTRAINT transfer_capture_or_reversal CHECK (hold_id IS NULL OR reverses_id IS NULL),
    CONSTRAINT transfer_reason CHECK (reason ~ '^[a-z][a-z0-9_]{1,58}[a-z0-9]$'::text),
    CONSTRAINT transfer_two_accounts CHECK (from_account_id <> to_account_id)
);
CREATE INDEX transfer_cause_id_idx ON ledger.transfer USING btree (cause_id) WHERE cause_id IS NOT NULL;
CREATE INDEX transfer_from_account_id_idx ON ledger.transfer USING btree (from_account_id, id);
CREATE UNIQUE INDEX transfer_hold_id_key ON ledger.transfer USING btree (hold_id) WHERE hold_id IS NOT NULL;
CREATE UNIQUE INDEX transfer_reverses_id_key ON ledger.transfer USING btree (reverses_id) WHERE reverses_id IS NOT NULL;
CREATE INDEX transfer_to_account_id_idx ON ledger.transfer USING btree (to_account_id, id);
CREATE UNIQUE INDEX transfer_top_up_once_key ON ledger.transfer USING btree (cause_id) WHERE reason = 'top_up'::text;
CREATE TRIGGER transfer_00_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON ledger.transfer FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
CREATE TRIGGER transfer_10_lock BEFORE INSERT ON ledger.transfer FOR EACH ROW WHEN (new.hold_id IS NOT NULL OR new.reverses_id IS NOT NULL) EXECUTE FUNCTION ledger.lock_two_accounts();
CREATE TRIGGER transfer_20_reversal AFTER INSERT ON ledger.transfer FOR EACH ROW WHEN (new.reverses_id IS NOT NULL) EXECUTE FUNCTION ledger.check_reversals();
CREATE TRIGGER transfer_25_hr AFTER INSERT ON ledger.transfer REFERENCING NEW TABLE AS new_transfer FOR EACH STATEMENT WHEN (CURRENT_USER = 'beatrice_hr'::name) EXECUTE FUNCTION ledger.refuse_unless_grants();
CREATE TRIGGER transfer_27_routes AFTER INSERT ON ledger.transfer REFERENCING NEW TABLE AS new_transfer FOR EACH STATEMENT EXECUTE FUNCTION ledger.check_routes();
CREATE TRIGGER transfer_30_apply AFTER INSERT ON ledger.transfer REFERENCING NEW TABLE AS new_transfer FOR EACH STATEMENT EXECUTE FUNCTION ledger.apply_transfers();
CREATE TRIGGER transfer_40_lots AFTER INSERT ON ledger.transfer REFERENCING NEW TABLE AS new_transfer FOR EACH STATEMENT EXECUTE FUNCTION public.check_lot_transfers();
CREATE TRIGGER transfer_50_returns AFTER INSERT ON ledger.transfer REFERENCING NEW TABLE AS new_transfer FOR EACH STATEMENT EXECUTE FUNCTION public.check_returns();
CREATE TRIGGER transfer_60_company_money AFTER INSERT ON ledger.transfer REFERENCING NEW TABLE AS new_transfer FOR EACH STATEMENT EXECUTE FUNCTION public.check_company_money();
GRANT INSERT (id, from_account_id, to_account_id, amount_cents, reason, cause_id, event_at, created_at) ON ledger.transfer TO beatrice_hr;
GRANT INSERT, SELECT ON ledger.transfer TO beatrice_app, beatrice_worker;

CREATE TABLE ledger.verification (
    id uuid NOT NULL,
    verified_at timestamp with time zone NOT NULL,
    ok boolean NOT NULL,
    detail jsonb NOT NULL,
    CONSTRAINT verification_pkey PRIMARY KEY (id)
);
CREATE INDEX verification_verified_at_idx ON ledger.verification USING btree (verified_at);
CREATE TRIGGER verification_00_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON ledger.verification FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
GRANT INSERT, SELECT ON ledger.verification TO beatrice_app, beatrice_worker;

CREATE TABLE public.accreditation (
    id uuid NOT NULL,
    alliance_id uuid NOT NULL,
    provider_id uuid NOT NULL,
    membership_id uuid,
    categories text[],
    valid_from date NOT NULL,
    valid_to date,
    status text NOT NULL DEFAULT 'requested'::text,
    requested_by uuid,
    requested_at timestamp with time zone NOT NULL,
    decided_by uuid,
    decided_at timestamp with time zone,
    CONSTRAINT accreditation_pkey PRIMARY KEY (id),
    CONSTRAINT accreditation_alliance_id_fkey FOREIGN KEY (alliance_id) REFERENCES public.alliance(id),
    CONSTRAINT accreditation_membership_id_fkey FOREIGN KEY (membership_id) REFERENCES public.alliance_membership(id),
    CONSTRAINT accreditation_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES public.provider(organisation_id),
    CONSTRAINT accreditation_approver_is_not_requester CHECK (status <> 'approved'::text OR decided_by <> requested_by),
    CONSTRAINT accreditation_categories_named CHECK (cardinality(categories) > 0),
    CONSTRAINT accreditation_decided_when_not_requested CHECK ((status = 'requested'::text) = (decided_at IS NULL)),
    CONSTRAINT accreditation_of_an_admission CHECK ((status = 'approved'::text) = (membership_id IS NOT NULL)),
    CONSTRAINT accreditation_period CHECK (valid_to IS NULL OR valid_to >= valid_from),
    CONSTRAINT accreditation_status_known CHECK (status = ANY (ARRAY['requested'::text, 'approved'::text, 'refused'::text]))
);
CREATE INDEX accreditation_alliance_id_idx ON public.accreditation USING btree (alliance_id);
CREATE INDEX accreditation_membership_id_idx ON public.accreditation USING btree (membership_id);
CREATE UNIQUE INDEX accreditation_one_requested_key ON public.accreditation USING btree (provider_id, alliance_id) WHERE status = 'requested'::text;
CREATE INDEX accreditation_provider_id_idx ON public.accreditation USING btree (provider_id);
CREATE TRIGGER accreditation_check BEFORE INSERT OR UPDATE ON public.accreditation FOR EACH ROW EXECUTE FUNCTION public.check_accreditation();
CREATE TRIGGER accreditation_no_delete BEFORE DELETE ON public.accreditation FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER accreditation_no_truncate BEFORE TRUNCATE ON public.accreditation FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();
GRANT INSERT, SELECT, UPDATE (membership_id, valid_to, status, decided_by, decided_at) ON public.accreditation TO beatrice_app, beatrice_worker;

CREATE TABLE public.activation_failure (
    employee_id uuid NOT NULL,
    company_id uuid NOT NULL,
    failures integer NOT NULL,
    last_failed_at timestamp with time zone NOT NULL,
    CONSTRAINT activation_failure_pkey PRIMARY KEY (employee_id),
    CONSTRAINT activation_failure_company_id_employee_id_fkey FOREIGN KEY (company_id, employee_id) REFERENCES public.employee(company_id, id),
    CONSTRAINT activation_failure_counted CHECK (failures > 0)
);
CREATE INDEX activation_failure_employee_idx ON public.activation_failure USING btree (company_id, employee_id);
GRANT DELETE, INSERT, SELECT, UPDATE ON public.activation_failure TO beatrice_app;
GRANT DELETE, SELECT ON public.activation_failure TO beatrice_worker;

CREATE TABLE public.alliance (
    id uuid NOT NULL,
    network_id uuid NOT NULL,
    name text NOT NULL,
    lead_organisation_id uuid NOT NULL,
    solidarity_account_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT alliance_pkey PRIMARY KEY (id),
    CONSTRAINT alliance_name_key UNIQUE (name),
    CONSTRAINT alliance_solidarity_account_id_key UNIQUE (solidarity_account_id),
    CONSTRAINT alliance_lead_organisation_id_fkey FOREIGN KEY (lead_organisation_id) REFERENCES public.organisation(id),
    CONSTRAINT alliance_network_id_fkey FOREIGN KEY (network_id) REFERENCES public.network(id),
    CONSTRAINT alliance_solidarity_account_id_fkey FOREIGN KEY (solidarity_account_id) REFERENCES ledger.account(id)
);
CREATE INDEX alliance_lead_organisation_id_idx ON public.alliance USING btree (lead_organisation_id);
CREATE INDEX alliance_network_id_idx ON public.alliance USING btree (network_id);
GRANT INSERT, SELECT, UPDATE ON public.alliance TO beatrice_app, beatrice_worker;

CREATE TABLE public.alliance_membership (
    id uuid NOT NULL,
    alliance_id uuid NOT NULL,
    organisation_id uuid NOT NULL,
    role text NOT NULL,
    joined_on date NOT NULL,
    ended_on date,
    CONSTRAINT alliance_membership_pkey PRIMARY KEY (id),
    CONSTRAINT alliance_membership_alliance_id_fkey FOREIGN KEY (alliance_id) REFERENCES public.alliance(id),
    CONSTRAINT alliance_membership_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES public.organisation(id),
    CONSTRAINT alliance_membership_period CHECK (ended_on IS NULL OR ended_on > joined_on),
    CONSTRAINT alliance_membership_role_known CHECK (role = ANY (ARRAY['lead'::text, 'partner'::text, 'company'::text, 'provider'::text]))
);
CREATE INDEX alliance_membership_alliance_id_idx ON public.alliance_membership USING btree (alliance_id);
CREATE UNIQUE INDEX alliance_membership_live_key ON public.alliance_membership USING btree (alliance_id, organisation_id, role) WHERE ended_on IS NULL;
CREATE INDEX alliance_membership_organisation_id_idx ON public.alliance_membership USING btree (organisation_id);
CREATE TRIGGER alliance_membership_check BEFORE UPDATE ON public.alliance_membership FOR EACH ROW EXECUTE FUNCTION public.check_alliance_membership();
GRANT INSERT, SELECT, UPDATE (ended_on) ON public.alliance_membership TO beatrice_app, beatrice_worker;

CREATE TABLE public.alliance_municipality (
    alliance_id uuid NOT NULL,
    istat_code text NOT NULL,
    CONSTRAINT alliance_municipality_pkey PRIMARY KEY (alliance_id, istat_code),
    CONSTRAINT alliance_municipality_alliance_id_fkey FOREIGN KEY (alliance_id) REFERENCES public.alliance(id),
    CONSTRAINT alliance_municipality_istat_code_fkey FOREIGN KEY (istat_code) REFERENCES public.municipality(istat_code)
);
CREATE INDEX alliance_municipality_istat_code_idx ON public.alliance_municipality USING btree (istat_code);
GRANT DELETE, INSERT, SELECT ON public.alliance_municipality TO beatrice_app, beatrice_worker;

CREATE TABLE public.api_key (
    id uuid NOT NULL,
    organisation_id uuid NOT NULL,
    name text NOT NULL,
    token_hash bytea NOT NULL,
    hint text NOT NULL,
    scopes text[] NOT NULL,
    created_by uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    last_used_at timestamp with time zone,
    revoked_at timestamp with time zone,
    live_place smallint,
    CONSTRAINT api_key_pkey PRIMARY KEY (id),
    CONSTRAINT api_key_token_hash_key UNIQUE (token_hash),
    CONSTRAINT api_key_created_by_fkey FOREIGN KEY (created_by) REFERENCES public.user_account(id),
    CONSTRAINT api_key_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES public.organisation(id),
    CONSTRAINT api_key_life CHECK (expires_at <= (created_at + '17544:00:00'::interval)),
    CONSTRAINT api_key_live_place_known CHECK (live_place = ANY (ARRAY[1, 2])),
    CONSTRAINT api_key_live_place_only_while_live CHECK (revoked_at IS NULL OR live_place IS NULL),
    CONSTRAINT api_key_scopes_given CHECK (cardinality(scopes) > 0)
);
CREATE INDEX api_key_created_by_idx ON public.api_key USING btree (created_by);
CREATE INDEX api_key_organisation_id_idx ON public.api_key USING btree (organisation_id);
CREATE UNIQUE INDEX api_key_two_live_key ON public.api_key USING btree (organisation_id, name, live_place);
GRANT INSERT, SELECT, UPDATE ON public.api_key TO beatrice_app, beatrice_worker;

CREATE TABLE public.approval_mandate (
    id uuid NOT NULL,
    company_id uuid NOT NULL,
    alliance_id uuid NOT NULL,
    given_by uuid NOT NULL,
    given_at timestamp with time zone NOT NULL,
    from_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT approval_mandate_pkey PRIMARY KEY (id),
    CONSTRAINT approval_mandate_alliance_id_fkey FOREIGN KEY (alliance_id) REFERENCES public.alliance(id),
    CONSTRAINT approval_mandate_company_id_fkey FOREIGN KEY (company_id) REFERENCES public.company(organisation_id),
    CONSTRAINT approval_mandate_begins_later CHECK (from_at >= given_at)
);
CREATE INDEX approval_mandate_alliance_id_idx ON public.approval_mandate USING btree (alliance_id);
CREATE INDEX approval_mandate_company_id_idx ON public.approval_mandate USING btree (company_id);
CREATE UNIQUE INDEX approval_mandate_open_key ON public.approval_mandate USING btree (company_id) WHERE ended_at IS NULL;
CREATE TRIGGER approval_mandate_00_kept BEFORE DELETE ON public.approval_mandate FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER approval_mandate_10_check BEFORE INSERT OR UPDATE ON public.approval_mandate FOR EACH ROW EXECUTE FUNCTION public.check_mandate();
GRANT INSERT, SELECT, UPDATE (ended_at) ON public.approval_mandate TO beatrice_app;

CREATE TABLE public.attempt_count (
    key bytea NOT NULL,
    window_start timestamp with time zone NOT NULL,
    attempts integer NOT NULL,
    CONSTRAINT attempt_count_pkey PRIMARY KEY (key)
);
CREATE INDEX attempt_count_window_start_idx ON public.attempt_count USING btree (window_start);
GRANT DELETE, INSERT, SELECT, UPDATE ON public.attempt_count TO beatrice_app, beatrice_worker;
GRANT INSERT, SELECT, UPDATE ON public.attempt_count TO beatrice_hr;

CREATE TABLE public.audit_entry (
    id uuid NOT NULL,
    actor_kind text NOT NULL,
    actor_id uuid,
    organisation_id uuid,
    action text NOT NULL,
    object_kind text NOT NULL,
    object_id uuid,
    created_at timestamp with time zone NOT NULL,
    position bigint,
    recorded_at timestamp with time zone,
    session_id uuid,
    address text,
    request_id uuid,
    refusal text,
    times integer NOT NULL DEFAULT 1,
    shown uuid[],
    hash bytea,
    CONSTRAINT audit_entry_pkey PRIMARY KEY (id),
    CONSTRAINT audit_entry_position_key UNIQUE ("position"),
    CONSTRAINT audit_entry_actor_kind_known CHECK (actor_kind = ANY (ARRAY['user'::text, 'api_key'::text, 'anonymous'::text, 'system'::text])),
    CONSTRAINT audit_entry_address_short CHECK (length(address) <= 45),
    CONSTRAINT audit_entry_hash_with_position CHECK ((hash IS NULL) = ("position" IS NULL)),
    CONSTRAINT audit_entry_times_positive CHECK (times > 0)
);
CREATE INDEX audit_entry_actor_id_idx ON public.audit_entry USING btree (actor_id, id);
CREATE INDEX audit_entry_object_id_idx ON public.audit_entry USING btree (object_id);
CREATE INDEX audit_entry_unnumbered_idx ON public.audit_entry USING btree (created_at) WHERE "position" IS NULL;
CREATE TRIGGER audit_entry_append_only BEFORE UPDATE ON public.audit_entry FOR EACH ROW EXECUTE FUNCTION public.refuse_change_but_place();
CREATE TRIGGER audit_entry_gapless AFTER UPDATE ON public.audit_entry REFERENCING NEW TABLE AS placed FOR EACH STATEMENT EXECUTE FUNCTION public.check_chain_gapless();
CREATE TRIGGER audit_entry_no_delete BEFORE DELETE ON public.audit_entry FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER audit_entry_no_truncate BEFORE TRUNCATE ON public.audit_entry FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();
GRANT SELECT ON public.audit_entry TO beatrice_app;
GRANT SELECT, UPDATE (position, hash) ON public.audit_entry TO beatrice_worker;

CREATE TABLE public.audit_head (
    position bigint NOT NULL,
    hash bytea NOT NULL,
    exported_at timestamp with time zone NOT NULL,
    key_id text NOT NULL,
    signature bytea NOT NULL,
    CONSTRAINT audit_head_pkey PRIMARY KEY ("position"),
    CONSTRAINT audit_head_from_one CHECK ("position" > 0)
);
CREATE TRIGGER audit_head_append_only BEFORE DELETE OR UPDATE ON public.audit_head FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER audit_head_no_truncate BEFORE TRUNCATE ON public.audit_head FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();
GRANT INSERT, SELECT ON public.audit_head TO beatrice_worker;
GRANT SELECT ON public.audit_head TO beatrice_app;

CREATE TABLE public.bank_account (
    id uuid NOT NULL,
    organisation_id uuid NOT NULL,
    iban text NOT NULL,
    status text NOT NULL DEFAULT 'pending'::text,
    requested_by uuid,
    requested_at timestamp with time zone NOT NULL,
    effective_at timestamp with time zone NOT NULL,
    decided_by uuid,
    decided_at timestamp with time zone,
    CONSTRAINT bank_account_pkey PRIMARY KEY (id),
    CONSTRAINT bank_account_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES public.organisation(id),
    CONSTRAINT bank_account_approver_is_not_requester CHECK (status <> 'approved'::text OR decided_by <> requested_by),
    CONSTRAINT bank_account_decided_when_not_pending CHECK ((status = 'pending'::text) = (decided_at IS NULL)),
    CONSTRAINT bank_account_effective_once_approved CHECK (status <> 'approved'::text OR effective_at >= decided_at),
    CONSTRAINT bank_account_iban_form CHECK (iban ~ '^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$'::text),
    CONSTRAINT bank_account_status_known CHECK (status = ANY (ARRAY['pending'::text, 'approved'::text, 'rejected'::text]))
);
CREATE UNIQUE INDEX bank_account_one_pending_key ON public.bank_account USING btree (organisation_id) WHERE status = 'pending'::text;
CREATE INDEX bank_account_organisation_id_idx ON public.bank_account USING btree (organisation_id, effective_at);
CREATE TRIGGER bank_account_check BEFORE INSERT OR UPDATE ON public.bank_account FOR EACH ROW EXECUTE FUNCTION public.check_bank_account();
CREATE TRIGGER bank_account_no_delete BEFORE DELETE ON public.bank_account FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER bank_account_no_truncate BEFORE TRUNCATE ON public.bank_account FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();
GRANT INSERT, SELECT, UPDATE (status, effective_at, decided_by, decided_at) ON public.bank_account TO beatrice_app, beatrice_worker;

CREATE TABLE public.clock_offset (
    only_row boolean NOT NULL DEFAULT true,
    offset_interval interval NOT NULL DEFAULT '00:00:00'::interval,
    CONSTRAINT clock_offset_pkey PRIMARY KEY (only_row),
    CONSTRAINT clock_offset_never_behind CHECK (offset_interval > '-100 years'::interval),
    CONSTRAINT clock_offset_one_row CHECK (only_row)
);
CREATE TRIGGER clock_offset_05_sandbox BEFORE INSERT OR UPDATE ON public.clock_offset FOR EACH ROW EXECUTE FUNCTION public.refuse_clock_of_production();
GRANT SELECT ON public.clock_offset TO beatrice_hr, beatrice_worker;
GRANT SELECT, UPDATE ON public.clock_offset TO beatrice_app;

CREATE TABLE public.company (
    organisation_id uuid NOT NULL,
    account_id uuid NOT NULL,
    relatives_reading text NOT NULL DEFAULT 'strict'::text,
    returns_account_id uuid NOT NULL,
    CONSTRAINT company_pkey PRIMARY KEY (organisation_id),
    CONSTRAINT company_account_id_key UNIQUE (account_id),
    CONSTRAINT company_returns_account_id_key UNIQUE (returns_account_id),
    CONSTRAINT company_account_id_fkey FOREIGN KEY (account_id) REFERENCES ledger.account(id),
    CONSTRAINT company_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES public.organisation(id),
    CONSTRAINT company_returns_account_id_fkey FOREIGN KEY (returns_account_id) REFERENCES ledger.account(id),
    CONSTRAINT company_relatives_reading_known CHECK (relatives_reading = ANY (ARRAY['strict'::text, 'lenient'::text]))
);
GRANT INSERT, SELECT, UPDATE ON public.company TO beatrice_app, beatrice_worker;
GRANT SELECT ON public.company TO beatrice_hr;

CREATE TABLE public.company_return (
    id uuid NOT NULL,
    company_id uuid NOT NULL,
    returned_on date NOT NULL,
    amount_cents bigint NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT company_return_pkey PRIMARY KEY (id),
    CONSTRAINT company_return_once_a_period UNIQUE (company_id, returned_on),
    CONSTRAINT company_return_company_id_fkey FOREIGN KEY (company_id) REFERENCES public.company(organisation_id),
    CONSTRAINT company_return_id_fkey FOREIGN KEY (id) REFERENCES ledger.transfer(id) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT company_return_positive CHECK (amount_cents > 0)
);
CREATE TRIGGER company_return_00_fixed BEFORE DELETE OR UPDATE ON public.company_return FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
CREATE CONSTRAINT TRIGGER company_return_90_whole AFTER INSERT ON public.company_return DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.check_company_return();
GRANT INSERT, SELECT ON public.company_return TO beatrice_worker;
GRANT SELECT ON public.company_return TO beatrice_app, beatrice_hr;

CREATE TABLE public.credit_grant (
    id uuid NOT NULL,
    company_id uuid NOT NULL,
    programme_id uuid NOT NULL,
    status text NOT NULL DEFAULT 'draft'::text,
    total_cents bigint NOT NULL,
    employee_count integer NOT NULL,
    generality_reason text,
    created_by uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    approved_by uuid,
    approved_at timestamp with time zone,
    activated_at timestamp with time zone,
    version integer NOT NULL DEFAULT 1,
    external_id text,
    metadata jsonb NOT NULL DEFAULT '{}'::jsonb,
    generality_note text,
    CONSTRAINT credit_grant_pkey PRIMARY KEY (id),
    CONSTRAINT credit_grant_company_id_id_key UNIQUE (company_id, id),
    CONSTRAINT credit_grant_company_id_fkey FOREIGN KEY (company_id) REFERENCES public.company(organisation_id),
    CONSTRAINT credit_grant_company_id_programme_id_fkey FOREIGN KEY (company_id, programme_id) REFERENCES public.programme(company_id, id),
    CONSTRAINT credit_grant_active_has_instant CHECK (status <> 'active'::text OR activated_at IS NOT NULL),
    CONSTRAINT credit_grant_approved_before_active CHECK ((status = ANY (ARRAY['draft'::text, 'revoked'::text])) OR approved_by IS NOT NULL),
    CONSTRAINT credit_grant_approver_is_not_maker CHECK (approved_by IS NULL OR approved_by <> created_by),
    CONSTRAINT credit_grant_not_empty CHECK (total_cents > 0 AND employee_count > 0),
    CONSTRAINT credit_grant_status_known CHECK (status = ANY (ARRAY['draft'::text, 'awaiting_funds'::text, 'active'::text, 'revoked'::text]))
);
CREATE INDEX credit_grant_external_id_idx ON public.credit_grant USING btree (company_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX credit_grant_programme_idx ON public.credit_grant USING btree (company_id, programme_id);
CREATE INDEX credit_grant_waiting_idx ON public.credit_grant USING btree (company_id, approved_at) WHERE status = 'awaiting_funds'::text;
CREATE TRIGGER credit_grant_10_check BEFORE INSERT OR UPDATE ON public.credit_grant FOR EACH ROW EXECUTE FUNCTION public.check_grant();
CREATE TRIGGER credit_grant_80_agreement AFTER UPDATE OF status ON public.credit_grant FOR EACH ROW WHEN (old.status = 'draft'::text AND (new.status = ANY (ARRAY['awaiting_funds'::text, 'active'::text]))) EXECUTE FUNCTION public.check_agreement_once();
CREATE CONSTRAINT TRIGGER credit_grant_90_whole AFTER INSERT OR UPDATE OF status ON public.credit_grant DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.check_grant_whole();
GRANT INSERT, SELECT, UPDATE ON public.credit_grant TO beatrice_app, beatrice_hr, beatrice_worker;

CREATE TABLE public.credit_source (
    id uuid NOT NULL,
    kind text NOT NULL,
    programme_source text,
    name text NOT NULL,
    rule_codes text[] NOT NULL,
    categories text[],
    validity_basis text NOT NULL,
    relatives_reading text NOT NULL,
    fee_funding text NOT NULL,
    expired_credit_to text NOT NULL,
    leavers_rule text NOT NULL,
    funded_by_account_id uuid NOT NULL,
    returns_to_account_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT credit_source_pkey PRIMARY KEY (id),
    CONSTRAINT credit_source_funded_by_account_id_fkey FOREIGN KEY (funded_by_account_id) REFERENCES ledger.account(id),
    CONSTRAINT credit_source_returns_to_account_id_fkey FOREIGN KEY (returns_to_account_id) REFERENCES ledger.account(id),
    CONSTRAINT credit_source_expired_credit_to_known CHECK (expired_credit_to = ANY (ARRAY['company'::text, 'solidarity_fund'::text, 'carry_over'::text])),
    CONSTRAINT credit_source_fee_funding_known CHECK (fee_funding = ANY (ARRAY['out_of_pocket'::text, 'from_credit'::text])),
    CONSTRAINT credit_source_kind_known CHECK (kind = ANY (ARRAY['programme'::text, 'entitlement_programme'::text, 'fund'::text])),
    CONSTRAINT credit_source_leavers_rule_known CHECK (leavers_rule = ANY (ARRAY['zero_at_leaving'::text, 'keep_until_expiry'::text])),
    CONSTRAINT credit_source_only_on_top_returns_to_company CHECK (kind <> 'programme'::text OR programme_source = 'on_top'::text OR leavers_rule = 'keep_until_expiry'::text AND expired_credit_to <> 'company'::text),
    CONSTRAINT credit_source_programme_says_source CHECK ((kind = 'programme'::text) = (programme_source IS NOT NULL)),
    CONSTRAINT credit_source_programme_source_known CHECK (programme_source = ANY (ARRAY['on_top'::text, 'collective_agreement'::text, 'performance_bonus'::text])),
    CONSTRAINT credit_source_relatives_reading_known CHECK (relatives_reading = ANY (ARRAY['strict'::text, 'lenient'::text])),
    CONSTRAINT credit_source_rule_codes_given CHECK (cardinality(rule_codes) > 0),
    CONSTRAINT credit_source_validity_basis_known CHECK (validity_basis = ANY (ARRAY['service_date'::text, 'booking_date'::text]))
);
CREATE INDEX credit_source_funded_by_idx ON public.credit_source USING btree (funded_by_account_id);
CREATE INDEX credit_source_returns_to_idx ON public.credit_source USING btree (returns_to_account_id);
CREATE TRIGGER credit_source_10_programme BEFORE UPDATE ON public.credit_source FOR EACH ROW EXECUTE FUNCTION public.check_programme();
CREATE TRIGGER credit_source_20_check BEFORE UPDATE ON public.credit_source FOR EACH ROW EXECUTE FUNCTION public.check_source();
CREATE TRIGGER credit_source_20_new BEFORE INSERT ON public.credit_source FOR EACH ROW EXECUTE FUNCTION public.check_new_source();
GRANT INSERT, SELECT, UPDATE ON public.credit_source TO beatrice_app, beatrice_hr, beatrice_worker;

CREATE TABLE public.database_code (
    path text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamp with time zone NOT NULL,
    CONSTRAINT database_code_pkey PRIMARY KEY (path)
);

CREATE TABLE public.deadline_reminder (
    programme_id uuid NOT NULL,
    days_before integer NOT NULL,
    company_id uuid NOT NULL,
    sent_at timestamp with time zone NOT NULL,
    CONSTRAINT deadline_reminder_pkey PRIMARY KEY (programme_id, days_before),
    CONSTRAINT deadline_reminder_company_id_programme_id_fkey FOREIGN KEY (company_id, programme_id) REFERENCES public.programme(company_id, id)
);
CREATE INDEX deadline_reminder_programme_idx ON public.deadline_reminder USING btree (company_id, programme_id);
GRANT INSERT, SELECT ON public.deadline_reminder TO beatrice_app, beatrice_worker;

CREATE TABLE public.email_change (
    id uuid NOT NULL,
    token_hash bytea NOT NULL,
    user_id uuid NOT NULL,
    old_email text NOT NULL,
    new_email text NOT NULL,
    session_hash bytea,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    accepted_at timestamp with time zone,
    ended_at timestamp with time zone,
    undo_hash bytea,
    undo_until timestamp with time zone,
    undone_at timestamp with time zone,
    CONSTRAINT email_change_pkey PRIMARY KEY (id),
    CONSTRAINT email_change_token_hash_key UNIQUE (token_hash),
    CONSTRAINT email_change_undo_hash_key UNIQUE (undo_hash),
    CONSTRAINT email_change_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.user_account(id),
    CONSTRAINT email_change_accepted_whole CHECK (num_nonnulls(accepted_at, undo_hash, undo_until) = ANY (ARRAY[0, 3])),
    CONSTRAINT email_change_email_lower CHECK (old_email = lower(old_email) AND new_email = lower(new_email)),
    CONSTRAINT email_change_undone_after_accepted CHECK (undone_at IS NULL OR accepted_at IS NOT NULL)
);
CREATE INDEX email_change_over_idx ON public.email_change USING btree (COALESCE(undo_until, expires_at));
CREATE INDEX email_change_user_id_idx ON public.email_change USING btree (user_id);
GRANT DELETE, SELECT ON public.email_change TO beatrice_worker;
GRANT INSERT, SELECT, UPDATE (accepted_at, ended_at, undo_hash, undo_until, undone_at) ON public.email_change TO beatrice_app;

CREATE TABLE public.employee (
    id uuid NOT NULL,
    company_id uuid NOT NULL,
    user_id uuid,
    email text,
    given_name text NOT NULL,
    family_name text NOT NULL,
    sealed_fiscal_code bytea NOT NULL,
    fiscal_code_index bytea NOT NULL,
    external_id text,
    category text NOT NULL,
    hired_on date NOT NULL,
    ended_on date,
    contract text NOT NULL DEFAULT 'permanent'::text,
    contract_ends_on date,
    probation_ends_on date,
    unpaid_leave jsonb NOT NULL DEFAULT '[]'::jsonb,
    agreement_code text,
    created_at timestamp with time zone NOT NULL,
    version integer NOT NULL DEFAULT 1,
    ended_noted_at timestamp with time zone,
    updated_at timestamp with time zone,
    CONSTRAINT employee_pkey PRIMARY KEY (id),
    CONSTRAINT employee_company_id_id_key UNIQUE (company_id, id),
    CONSTRAINT employee_same_hiring_key UNIQUE (company_id, fiscal_code_index, hired_on),
    CONSTRAINT employee_company_id_fkey FOREIGN KEY (company_id) REFERENCES public.company(organisation_id),
    CONSTRAINT employee_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.user_account(id),
    CONSTRAINT employee_contact_is_the_persons CHECK (user_id IS NULL OR email IS NULL),
    CONSTRAINT employee_contract_known CHECK (contract = ANY (ARRAY['permanent'::text, 'fixed_term'::text, 'agency'::text])),
    CONSTRAINT employee_period CHECK (ended_on IS NULL OR ended_on >= hired_on)
);
CREATE INDEX employee_category_idx ON public.employee USING btree (company_id, category);
CREATE UNIQUE INDEX employee_employed_once_key ON public.employee USING btree (company_id, fiscal_code_index) WHERE ended_on IS NULL;
CREATE UNIQUE INDEX employee_external_id_key ON public.employee USING btree (company_id, external_id) WHERE ended_on IS NULL AND external_id IS NOT NULL;
CREATE INDEX employee_leaving_noted_idx ON public.employee USING btree (ended_noted_at) WHERE ended_noted_at IS NOT NULL;
CREATE INDEX employee_user_id_idx ON public.employee USING btree (user_id);
GRANT INSERT (id, company_id, email, given_name, family_name, sealed_fiscal_code, fiscal_code_index, external_id, category, hired_on, ended_on, contract, contract_ends_on, probation_ends_on, unpaid_leave, agreement_code, created_at, ended_noted_at), SELECT, UPDATE (email, given_name, family_name, sealed_fiscal_code, fiscal_code_index, external_id, category, hired_on, ended_on, contract, contract_ends_on, probation_ends_on, unpaid_leave, agreement_code, version, ended_noted_at, updated_at) ON public.employee TO beatrice_hr;
GRANT INSERT, SELECT, UPDATE ON public.employee TO beatrice_app, beatrice_worker;

CREATE TABLE public.event (
    id uuid NOT NULL,
    type text NOT NULL,
    object_kind text NOT NULL,
    object_id uuid NOT NULL,
    organisation_ids uuid[] NOT NULL,
    created_at timestamp with time zone NOT NULL,
    numbered boolean NOT NULL DEFAULT false,
    CONSTRAINT event_pkey PRIMARY KEY (id),
    CONSTRAINT event_type_form CHECK (type ~ '^[a-z_]+\.[a-z_]+$'::text)
);
CREATE INDEX event_object_id_idx ON public.event USING btree (object_id);
CREATE INDEX event_unnumbered_idx ON public.event USING btree (created_at) WHERE NOT numbered;
CREATE TRIGGER event_append_only BEFORE UPDATE ON public.event FOR EACH ROW EXECUTE FUNCTION public.refuse_change_but_numbered();
GRANT SELECT ON public.event TO beatrice_app, beatrice_worker;

CREATE TABLE public.event_position (
    organisation_id uuid NOT NULL,
    position bigint NOT NULL,
    event_id uuid NOT NULL,
    CONSTRAINT event_position_pkey PRIMARY KEY (organisation_id, "position"),
    CONSTRAINT event_position_once UNIQUE (event_id, organisation_id),
    CONSTRAINT event_position_event_id_fkey FOREIGN KEY (event_id) REFERENCES public.event(id),
    CONSTRAINT event_position_from_one CHECK ("position" > 0)
);
CREATE TRIGGER event_position_gapless AFTER INSERT ON public.event_position REFERENCING NEW TABLE AS new_position FOR EACH STATEMENT EXECUTE FUNCTION public.check_positions_gapless();
CREATE TRIGGER event_position_no_change BEFORE UPDATE ON public.event_position FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
GRANT SELECT ON public.event_position TO beatrice_app, beatrice_worker;

CREATE TABLE public.fee_rule (
    id uuid NOT NULL,
    provider_id uuid,
    category text,
    percent_bps integer NOT NULL,
    fixed_cents bigint NOT NULL,
    min_cents bigint,
    max_cents bigint,
    payer text NOT NULL,
    vat_bps integer NOT NULL DEFAULT 2200,
    valid_from date NOT NULL,
    valid_to date,
    created_at timestamp with time zone NOT NULL,
    status text NOT NULL DEFAULT 'draft'::text,
    created_by uuid,
    approved_by uuid,
    approved_at timestamp with time zone,
    CONSTRAINT fee_rule_pkey PRIMARY KEY (id),
    CONSTRAINT fee_rule_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES public.provider(organisation_id),
    CONSTRAINT fee_rule_approved_once CHECK ((status = 'approved'::text) = (approved_at IS NOT NULL)),
    CONSTRAINT fee_rule_approver_is_not_maker CHECK (approved_by <> created_by),
    CONSTRAINT fee_rule_bounds CHECK (min_cents >= 0 AND max_cents >= COALESCE(min_cents, 0::bigint)),
    CONSTRAINT fee_rule_not_negative CHECK (percent_bps >= 0 AND percent_bps <= 10000 AND fixed_cents >= 0),
    CONSTRAINT fee_rule_payer_known CHECK (payer = ANY (ARRAY['provider'::text, 'company'::text, 'project_fund'::text])),
    CONSTRAINT fee_rule_period CHECK (valid_to IS NULL OR valid_to > valid_from),
    CONSTRAINT fee_rule_status_known CHECK (status = ANY (ARRAY['draft'::text, 'approved'::text]))
);
CREATE INDEX fee_rule_provider_id_idx ON public.fee_rule USING btree (provider_id);
CREATE TRIGGER fee_rule_check BEFORE INSERT OR UPDATE ON public.fee_rule FOR EACH ROW EXECUTE FUNCTION public.check_fee_rule();
GRANT INSERT, SELECT, UPDATE (status, approved_by, approved_at) ON public.fee_rule TO beatrice_app, beatrice_worker;

CREATE TABLE public.fringe_benefit (
    id uuid NOT NULL,
    company_id uuid NOT NULL,
    employee_id uuid NOT NULL,
    tax_year integer NOT NULL,
    amount_cents bigint NOT NULL,
    posted_by uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT fringe_benefit_pkey PRIMARY KEY (id),
    CONSTRAINT fringe_benefit_company_id_fkey FOREIGN KEY (company_id, employee_id) REFERENCES public.employee(company_id, id),
    CONSTRAINT fringe_benefit_says_something CHECK (amount_cents <> 0)
);
CREATE INDEX fringe_benefit_company_idx ON public.fringe_benefit USING btree (company_id, id);
CREATE INDEX fringe_benefit_employee_idx ON public.fringe_benefit USING btree (company_id, employee_id, tax_year);
CREATE TRIGGER fringe_benefit_00_fixed BEFORE DELETE OR UPDATE ON public.fringe_benefit FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER fringe_benefit_20_counted AFTER INSERT ON public.fringe_benefit FOR EACH ROW EXECUTE FUNCTION public.count_fringe_benefit();
GRANT INSERT, SELECT ON public.fringe_benefit TO beatrice_app;
GRANT SELECT ON public.fringe_benefit TO beatrice_worker;

CREATE TABLE public.fringe_use (
    id uuid NOT NULL,
    company_id uuid NOT NULL,
    employee_id uuid NOT NULL,
    tax_year integer NOT NULL,
    held_cents bigint NOT NULL,
    used_cents bigint NOT NULL,
    CONSTRAINT fringe_use_pkey PRIMARY KEY (id),
    CONSTRAINT fringe_use_company_id_fkey FOREIGN KEY (company_id, employee_id, tax_year) REFERENCES public.fringe_year(company_id, employee_id, tax_year),
    CONSTRAINT fringe_use_held_not_negative CHECK (held_cents >= 0),
    CONSTRAINT fringe_use_used_not_negative CHECK (used_cents >= 0)
);
CREATE INDEX fringe_use_year_idx ON public.fringe_use USING btree (company_id, employee_id, tax_year);
GRANT SELECT ON public.fringe_use TO beatrice_app, beatrice_worker;

CREATE TABLE public.fringe_year (
    company_id uuid NOT NULL,
    employee_id uuid NOT NULL,
    tax_year integer NOT NULL,
    limit_cents bigint,
    with_children boolean NOT NULL DEFAULT false,
    held_cents bigint NOT NULL DEFAULT 0,
    used_cents bigint NOT NULL DEFAULT 0,
    external_cents bigint NOT NULL DEFAULT 0,
    taxable_cents bigint NOT NULL GENERATED ALWAYS AS (
CASE
    WHEN (used_cents + external_cents) > limit_cents THEN used_cents + external_cents
    ELSE 0::bigint
END) STORED,
    reported_cents bigint NOT NULL DEFAULT 0,
    tested_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT fringe_year_pkey PRIMARY KEY (company_id, employee_id, tax_year),
    CONSTRAINT fringe_year_company_id_fkey FOREIGN KEY (company_id, employee_id) REFERENCES public.employee(company_id, id),
    CONSTRAINT fringe_year_external_not_negative CHECK (external_cents >= 0),
    CONSTRAINT fringe_year_held_not_negative CHECK (held_cents >= 0),
    CONSTRAINT fringe_year_limit_not_negative CHECK (limit_cents >= 0),
    CONSTRAINT fringe_year_reported_not_negative CHECK (reported_cents >= 0),
    CONSTRAINT fringe_year_tax_year_known CHECK (tax_year >= 2016 AND tax_year <= 2200),
    CONSTRAINT fringe_year_used_not_negative CHECK (used_cents >= 0)
);
CREATE INDEX fringe_year_unreported_idx ON public.fringe_year USING btree (tax_year) WHERE taxable_cents <> reported_cents;
CREATE INDEX fringe_year_untested_idx ON public.fringe_year USING btree (tax_year) WHERE tested_at IS NULL;
GRANT INSERT (company_id, employee_id, tax_year, limit_cents, with_children, created_at), SELECT, UPDATE (limit_cents, with_children, reported_cents, tested_at) ON public.fringe_year TO beatrice_app, beatrice_worker;

CREATE TABLE public.grant_line (
    grant_id uuid NOT NULL,
    company_id uuid NOT NULL,
    employee_id uuid NOT NULL,
    amount_cents bigint NOT NULL,
    CONSTRAINT grant_line_pkey PRIMARY KEY (grant_id, employee_id),
    CONSTRAINT grant_line_company_id_employee_id_fkey FOREIGN KEY (company_id, employee_id) REFERENCES public.employee(company_id, id),
    CONSTRAINT grant_line_company_id_grant_id_fkey FOREIGN KEY (company_id, grant_id) REFERENCES public.credit_grant(company_id, id),
    CONSTRAINT grant_line_positive CHECK (amount_cents > 0)
);
CREATE INDEX grant_line_employee_idx ON public.grant_line USING btree (company_id, employee_id);
CREATE INDEX grant_line_grant_idx ON public.grant_line USING btree (company_id, grant_id);
CREATE TRIGGER grant_line_00_fixed BEFORE DELETE OR UPDATE ON public.grant_line FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER grant_line_10_check AFTER INSERT ON public.grant_line REFERENCING NEW TABLE AS new_line FOR EACH STATEMENT EXECUTE FUNCTION public.check_grant_lines();
GRANT INSERT, SELECT ON public.grant_line TO beatrice_app, beatrice_hr, beatrice_worker;

CREATE TABLE public.grant_revocation (
    id uuid NOT NULL,
    company_id uuid NOT NULL,
    grant_id uuid NOT NULL,
    whole boolean NOT NULL,
    reason text NOT NULL,
    asked_by uuid NOT NULL,
    asked_at timestamp with time zone NOT NULL,
    withdrawn_at timestamp with time zone,
    approved_by uuid,
    approved_at timestamp with time zone,
    CONSTRAINT grant_revocation_pkey PRIMARY KEY (id),
    CONSTRAINT grant_revocation_of_grant_key UNIQUE (grant_id, id),
    CONSTRAINT grant_revocation_company_id_grant_id_fkey FOREIGN KEY (company_id, grant_id) REFERENCES public.credit_grant(company_id, id),
    CONSTRAINT grant_revocation_approved_by_somebody CHECK ((approved_by IS NULL) = (approved_at IS NULL)),
    CONSTRAINT grant_revocation_approver_is_not_asker CHECK (approved_by IS NULL OR approved_by <> asked_by),
    CONSTRAINT grant_revocation_ends_one_way CHECK (num_nonnulls(withdrawn_at, approved_at) <= 1)
);
CREATE INDEX grant_revocation_grant_idx ON public.grant_revocation USING btree (company_id, grant_id);
CREATE UNIQUE INDEX grant_revocation_open_key ON public.grant_revocation USING btree (grant_id) WHERE withdrawn_at IS NULL AND approved_at IS NULL;
CREATE TRIGGER grant_revocation_00_kept BEFORE DELETE ON public.grant_revocation FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER grant_revocation_10_check BEFORE INSERT OR UPDATE ON public.grant_revocation FOR EACH ROW EXECUTE FUNCTION public.check_revocation();
GRANT INSERT, SELECT, UPDATE (withdrawn_at, approved_by, approved_at) ON public.grant_revocation TO beatrice_app, beatrice_hr;
GRANT SELECT ON public.grant_revocation TO beatrice_worker;

CREATE TABLE public.idempotency_key (
    principal_id uuid NOT NULL,
    key character varying(255) NOT NULL,
    fingerprint bytea NOT NULL,
    sealed_answer bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT idempotency_key_pkey PRIMARY KEY (principal_id, key)
);
CREATE INDEX idempotency_key_created_at_idx ON public.idempotency_key USING btree (created_at);
GRANT DELETE, SELECT ON public.idempotency_key TO beatrice_worker;
GRANT INSERT ON public.idempotency_key TO beatrice_hr;
GRANT INSERT, SELECT ON public.idempotency_key TO beatrice_app;

CREATE TABLE public.installation (
    only_row boolean NOT NULL DEFAULT true,
    mode text NOT NULL,
    marked_at timestamp with time zone NOT NULL,
    CONSTRAINT installation_pkey PRIMARY KEY (only_row),
    CONSTRAINT installation_mode_known CHECK (mode = ANY (ARRAY['sandbox'::text, 'production'::text])),
    CONSTRAINT installation_one_row CHECK (only_row)
);
CREATE TRIGGER installation_05_clock BEFORE INSERT ON public.installation FOR EACH ROW WHEN (new.mode = 'production'::text) EXECUTE FUNCTION public.refuse_moved_clock();
CREATE TRIGGER installation_append_only BEFORE DELETE OR UPDATE ON public.installation FOR EACH ROW EXECUTE FUNCTION public.refuse_another_installation();
CREATE TRIGGER installation_no_truncate BEFORE TRUNCATE ON public.installation FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_another_installation();
GRANT SELECT ON public.installation TO beatrice_app, beatrice_worker;

CREATE TABLE public.invitation (
    id uuid NOT NULL,
    token_hash bytea NOT NULL,
    email text NOT NULL,
    organisation_id uuid NOT NULL,
    employee_id uuid,
    roles text[] NOT NULL,
    sealed_activation_code bytea,
    invited_by uuid,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    accepted_by uuid,
    reason text,
    CONSTRAINT invitation_pkey PRIMARY KEY (id),
    CONSTRAINT invitation_token_hash_key UNIQUE (token_hash),
    CONSTRAINT invitation_accepted_by_fkey FOREIGN KEY (accepted_by) REFERENCES public.user_account(id),
    CONSTRAINT invitation_invited_by_fkey FOREIGN KEY (invited_by) REFERENCES public.user_account(id),
    CONSTRAINT invitation_organisation_id_employee_id_fkey FOREIGN KEY (organisation_id, employee_id) REFERENCES public.employee(company_id, id),
    CONSTRAINT invitation_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES public.organisation(id),
    CONSTRAINT invitation_email_lower CHECK (email = lower(email)),
    CONSTRAINT invitation_employee_or_roles CHECK ((employee_id IS NULL) = (cardinality(roles) > 0))
);
CREATE INDEX invitation_accepted_by_idx ON public.invitation USING btree (accepted_by);
CREATE INDEX invitation_employee_id_idx ON public.invitation USING btree (employee_id);
CREATE INDEX invitation_employee_idx ON public.invitation USING btree (organisation_id, employee_id);
CREATE INDEX invitation_invited_by_idx ON public.invitation USING btree (invited_by);
CREATE INDEX invitation_over_idx ON public.invitation USING btree (COALESCE(ended_at, expires_at));
CREATE UNIQUE INDEX invitation_pending_employee_key ON public.invitation USING btree (employee_id) WHERE ended_at IS NULL;
CREATE TRIGGER invitation_05_hr BEFORE INSERT ON public.invitation FOR EACH ROW WHEN (CURRENT_USER = 'beatrice_hr'::name AND new.employee_id IS NULL) EXECUTE FUNCTION public.refuse_invitation_to_roles();
GRANT DELETE, INSERT, SELECT, UPDATE ON public.invitation TO beatrice_worker;
GRANT INSERT, SELECT (id, organisation_id, employee_id, ended_at), UPDATE (ended_at) ON public.invitation TO beatrice_hr;
GRANT INSERT, SELECT, UPDATE ON public.invitation TO beatrice_app;

CREATE TABLE public.known_place (
    user_id uuid NOT NULL,
    network bytea NOT NULL,
    last_used_at timestamp with time zone NOT NULL,
    CONSTRAINT known_place_pkey PRIMARY KEY (user_id, network),
    CONSTRAINT known_place_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.user_account(id)
);
CREATE INDEX known_place_last_used_at_idx ON public.known_place USING btree (last_used_at);
GRANT DELETE, SELECT ON public.known_place TO beatrice_worker;
GRANT INSERT, SELECT, UPDATE ON public.known_place TO beatrice_app;

CREATE TABLE public.lot (
    id uuid NOT NULL,
    source_id uuid NOT NULL,
    user_id uuid,
    company_id uuid,
    employee_id uuid,
    grant_id uuid,
    kind text NOT NULL,
    grace_of uuid,
    amount_cents bigint NOT NULL,
    valid_from date NOT NULL,
    expires_on date NOT NULL,
    revoked_at timestamp with time zone,
    ended_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    grace_until date,
    reminders smallint NOT NULL DEFAULT 0,
    CONSTRAINT lot_pkey PRIMARY KEY (id),
    CONSTRAINT lot_company_id_employee_id_fkey FOREIGN KEY (company_id, employee_id) REFERENCES public.employee(company_id, id),
    CONSTRAINT lot_company_id_grant_id_fkey FOREIGN KEY (company_id, grant_id) REFERENCES public.credit_grant(company_id, id),
    CONSTRAINT lot_grace_of_fkey FOREIGN KEY (grace_of) REFERENCES public.lot(id),
    CONSTRAINT lot_id_fkey FOREIGN KEY (id) REFERENCES ledger.account(id),
    CONSTRAINT lot_source_id_fkey FOREIGN KEY (source_id) REFERENCES public.credit_source(id),
    CONSTRAINT lot_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.user_account(id),
    CONSTRAINT lot_grace_ends CHECK (grace_until IS NULL OR kind = 'grace'::text AND expires_on <= grace_until),
    CONSTRAINT lot_grace_names_its_lot CHECK ((kind = 'grace'::text) = (grace_of IS NOT NULL)),
    CONSTRAINT lot_grant_of_company CHECK (grant_id IS NULL OR company_id IS NOT NULL),
    CONSTRAINT lot_kind_known CHECK (kind = ANY (ARRAY['grant'::text, 'grace'::text, 'entitlement'::text])),
    CONSTRAINT lot_one_owner CHECK (num_nonnulls(user_id, employee_id) = 1 AND (company_id IS NULL) = (employee_id IS NULL)),
    CONSTRAINT lot_period CHECK (expires_on >= valid_from),
    CONSTRAINT lot_positive CHECK (amount_cents > 0)
);
CREATE INDEX lot_employee_idx ON public.lot USING btree (company_id, employee_id);
CREATE INDEX lot_grace_of_idx ON public.lot USING btree (grace_of);
CREATE UNIQUE INDEX lot_grant_employee_key ON public.lot USING btree (grant_id, employee_id) WHERE kind = 'grant'::text;
CREATE INDEX lot_grant_idx ON public.lot USING btree (company_id, grant_id);
CREATE INDEX lot_reminders_idx ON public.lot USING btree (reminders, expires_on) WHERE ended_at IS NULL;
CREATE INDEX lot_revoked_idx ON public.lot USING btree (revoked_at) WHERE revoked_at IS NOT NULL AND ended_at IS NULL;
CREATE INDEX lot_source_idx ON public.lot USING btree (source_id);
CREATE INDEX lot_standing_idx ON public.lot USING btree (expires_on, id) WHERE ended_at IS NULL;
CREATE INDEX lot_user_idx ON public.lot USING btree (user_id) WHERE user_id IS NOT NULL;
CREATE TRIGGER lot_00_kept BEFORE DELETE ON public.lot FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER lot_10_changed BEFORE UPDATE ON public.lot FOR EACH ROW EXECUTE FUNCTION public.check_changed_lot();
CREATE TRIGGER lot_10_new AFTER INSERT ON public.lot REFERENCING NEW TABLE AS new_lot FOR EACH STATEMENT EXECUTE FUNCTION public.check_new_lots();
CREATE TRIGGER lot_20_extended BEFORE UPDATE ON public.lot FOR EACH ROW WHEN (new.expires_on IS DISTINCT FROM old.expires_on) EXECUTE FUNCTION public.check_extended_lot();
CREATE TRIGGER lot_20_granted AFTER INSERT ON public.lot REFERENCING NEW TABLE AS new_lot FOR EACH STATEMENT EXECUTE FUNCTION public.check_granted_lots();
CREATE TRIGGER lot_20_revoked BEFORE UPDATE ON public.lot FOR EACH ROW WHEN (new.revoked_at IS DISTINCT FROM old.revoked_at) EXECUTE FUNCTION public.check_revoked_lot();
CREATE CONSTRAINT TRIGGER lot_90_funded AFTER INSERT ON public.lot DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (new.kind <> 'grant'::text) EXECUTE FUNCTION public.check_grace_funded();
GRANT INSERT ON public.lot TO beatrice_hr;
GRANT INSERT, SELECT, UPDATE (ended_at, reminders) ON public.lot TO beatrice_app, beatrice_worker;

CREATE TABLE public.municipality (
    istat_code text NOT NULL,
    name text NOT NULL,
    sort_key text COLLATE "C" NOT NULL,
    province text NOT NULL,
    province_name text NOT NULL,
    region text NOT NULL,
    cadastral_code text NOT NULL,
    latitude double precision,
    longitude double precision,
    CONSTRAINT municipality_pkey PRIMARY KEY (istat_code),
    CONSTRAINT municipality_istat_code_form CHECK (istat_code ~ '^[0-9]{6}$'::text)
);
CREATE INDEX municipality_sort_key_idx ON public.municipality USING btree (sort_key);
CREATE INDEX municipality_sort_key_trgm_idx ON public.municipality USING gin (sort_key public.gin_trgm_ops);
GRANT SELECT ON public.municipality TO beatrice_app, beatrice_hr, beatrice_worker;

CREATE TABLE public.network (
    id uuid NOT NULL,
    name text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT network_pkey PRIMARY KEY (id),
    CONSTRAINT network_name_key UNIQUE (name)
);
GRANT INSERT, SELECT, UPDATE ON public.network TO beatrice_app, beatrice_worker;

CREATE TABLE public.offering (
    id uuid NOT NULL,
    provider_id uuid NOT NULL,
    site_id uuid,
    name text NOT NULL,
    description text NOT NULL,
    category text NOT NULL,
    mode text NOT NULL,
    unit text NOT NULL,
    vat_code text NOT NULL,
    min_age integer,
    max_age integer,
    confirmation text NOT NULL,
    response_hours integer NOT NULL,
    min_notice_hours integer NOT NULL,
    free_until_hours integer NOT NULL,
    late_fee_bps integer NOT NULL,
    no_show_fee_bps integer NOT NULL,
    audience text NOT NULL DEFAULT 'public'::text,
    access text NOT NULL DEFAULT 'free'::text,
    status text NOT NULL DEFAULT 'active'::text,
    name_key text COLLATE "C" NOT NULL GENERATED ALWAYS AS (public.plain_text(name)) STORED,
    search tsvector NOT NULL GENERATED ALWAYS AS (setweight(to_tsvector('public.it_unaccent'::regconfig, name), 'A'::"char") || setweight(to_tsvector('public.it_unaccent'::regconfig, description), 'B'::"char")) STORED,
    external_id text,
    metadata jsonb NOT NULL DEFAULT '{}'::jsonb,
    created_at timestamp with time zone NOT NULL,
    version integer NOT NULL DEFAULT 1,
    updated_at timestamp with time zone,
    CONSTRAINT offering_pkey PRIMARY KEY (id),
    CONSTRAINT offering_provider_id_id_key UNIQUE (provider_id, id),
    CONSTRAINT offering_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES public.provider(organisation_id),
    CONSTRAINT offering_site_fkey FOREIGN KEY (provider_id, site_id) REFERENCES public.site(provider_id, id),
    CONSTRAINT offering_access_known CHECK (access = ANY (ARRAY['free'::text, 'assessment'::text, 'prescription'::text])),
    CONSTRAINT offering_ages CHECK (min_age >= 0 AND max_age >= COALESCE(min_age, 0)),
    CONSTRAINT offering_audience_known CHECK (audience = ANY (ARRAY['public'::text, 'alliance'::text, 'companies'::text])),
    CONSTRAINT offering_confirmation_known CHECK (confirmation = ANY (ARRAY['instant'::text, 'provider'::text])),
    CONSTRAINT offering_fees_within_price CHECK (late_fee_bps >= 0 AND late_fee_bps <= 10000 AND no_show_fee_bps >= 0 AND no_show_fee_bps <= 10000),
    CONSTRAINT offering_free_until_within_a_week CHECK (free_until_hours <= 168),
    CONSTRAINT offering_hours_not_negative CHECK (response_hours > 0 AND min_notice_hours >= 0 AND free_until_hours >= 0),
    CONSTRAINT offering_mode_known CHECK (mode = ANY (ARRAY['appointment'::text, 'home_visit'::text, 'session'::text, 'stay'::text, 'enrolment'::text, 'on_request'::text])),
    CONSTRAINT offering_status_known CHECK (status = ANY (ARRAY['active'::text, 'inactive'::text])),
    CONSTRAINT offering_unit_known CHECK (unit = ANY (ARRAY['visit'::text, 'hour'::text, 'half_day'::text, 'day'::text, 'night'::text, 'week'::text, 'month'::text, 'session'::text, 'meal'::text, 'ride'::text, 'cycle'::text])),
    CONSTRAINT offering_vat_code_known CHECK (vat_code = ANY (ARRAY['exempt'::text, 'not_subject'::text, 'vat_5'::text, 'vat_10'::text, 'vat_22'::text]))
);
CREATE INDEX offering_category_idx ON public.offering USING btree (category, name_key, id);
CREATE INDEX offering_external_id_idx ON public.offering USING btree (provider_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX offering_listed_idx ON public.offering USING btree (name_key, id) WHERE status = 'active'::text;
CREATE INDEX offering_name_trgm_idx ON public.offering USING gin (name_key public.gin_trgm_ops);
CREATE INDEX offering_search_idx ON public.offering USING gin (search);
CREATE INDEX offering_site_idx ON public.offering USING btree (provider_id, site_id);
GRANT INSERT, SELECT, UPDATE (site_id, name, description, vat_code, min_age, max_age, confirmation, response_hours, min_notice_hours, free_until_hours, late_fee_bps, no_show_fee_bps, audience, access, status, external_id, metadata, version, updated_at) ON public.offering TO beatrice_app, beatrice_worker;

CREATE TABLE public.offering_area (
    offering_id uuid NOT NULL,
    istat_code text NOT NULL,
    CONSTRAINT offering_area_pkey PRIMARY KEY (offering_id, istat_code),
    CONSTRAINT offering_area_istat_code_fkey FOREIGN KEY (istat_code) REFERENCES public.municipality(istat_code),
    CONSTRAINT offering_area_offering_id_fkey FOREIGN KEY (offering_id) REFERENCES public.offering(id)
);
CREATE INDEX offering_area_istat_code_idx ON public.offering_area USING btree (istat_code);
GRANT DELETE, INSERT, SELECT ON public.offering_area TO beatrice_app, beatrice_worker;

CREATE TABLE public.organisation (
    id uuid NOT NULL,
    name text NOT NULL,
    kinds text[] NOT NULL,
    tax_code text NOT NULL,
    street text,
    street_number text,
    postcode text,
    town text,
    country text NOT NULL DEFAULT 'IT'::text,
    external_id text,
    metadata jsonb NOT NULL DEFAULT '{}'::jsonb,
    created_at timestamp with time zone NOT NULL,
    version integer NOT NULL DEFAULT 1,
    created_by uuid,
    CONSTRAINT organisation_pkey PRIMARY KEY (id),
    CONSTRAINT organisation_tax_code_key UNIQUE (tax_code),
    CONSTRAINT organisation_country_form CHECK (country ~ '^[A-Z]{2}$'::text),
    CONSTRAINT organisation_kinds_known CHECK (cardinality(kinds) > 0 AND kinds <@ ARRAY['company'::text, 'provider'::text, 'municipality'::text, 'association'::text, 'operator'::text])
);
CREATE UNIQUE INDEX organisation_one_operator_key ON public.organisation USING btree (('operator'::text = ANY (kinds))) WHERE 'operator'::text = ANY (kinds);
GRANT INSERT, SELECT, UPDATE (name, street, street_number, postcode, town, country, external_id, metadata, version) ON public.organisation TO beatrice_app, beatrice_worker;
GRANT SELECT (id, name) ON public.organisation TO beatrice_hr;

CREATE TABLE public.outgoing_mail (
    id uuid NOT NULL,
    recipient text NOT NULL,
    subject text NOT NULL,
    text text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    sent_at timestamp with time zone,
    CONSTRAINT outgoing_mail_pkey PRIMARY KEY (id)
);
CREATE INDEX outgoing_mail_created_at_idx ON public.outgoing_mail USING btree (created_at);
CREATE INDEX outgoing_mail_recipient_idx ON public.outgoing_mail USING btree (recipient, id);
CREATE INDEX outgoing_mail_unsent_idx ON public.outgoing_mail USING btree (created_at) WHERE sent_at IS NULL AND text <> ''::text;
GRANT DELETE, INSERT, SELECT, UPDATE ON public.outgoing_mail TO beatrice_worker;
GRANT INSERT ON public.outgoing_mail TO beatrice_hr;
GRANT INSERT, SELECT ON public.outgoing_mail TO beatrice_app;

CREATE TABLE public.password_reset (
    token_hash bytea NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    CONSTRAINT password_reset_pkey PRIMARY KEY (token_hash),
    CONSTRAINT password_reset_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.user_account(id)
);
CREATE INDEX password_reset_expires_at_idx ON public.password_reset USING btree (expires_at);
CREATE INDEX password_reset_user_id_idx ON public.password_reset USING btree (user_id);
GRANT DELETE, INSERT, SELECT, UPDATE ON public.password_reset TO beatrice_worker;
GRANT INSERT, SELECT, UPDATE ON public.password_reset TO beatrice_app;

CREATE TABLE public.payable (
    id uuid NOT NULL,
    payee_id uuid NOT NULL,
    source_kind text NOT NULL,
    source_id uuid NOT NULL,
    kind text NOT NULL,
    sequence integer NOT NULL,
    gross_cents bigint NOT NULL,
    vat_code text NOT NULL,
    category text NOT NULL,
    service_on date NOT NULL,
    payable_at timestamp with time zone NOT NULL,
    funding_line uuid,
    transfer_id uuid NOT NULL,
    settlement_id uuid,
    blocked boolean NOT NULL DEFAULT false,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT payable_pkey PRIMARY KEY (id),
    CONSTRAINT payable_source_once_key UNIQUE (source_kind, source_id, kind, sequence),
    CONSTRAINT payable_transfer_id_key UNIQUE (transfer_id),
    CONSTRAINT payable_payee_id_fkey FOREIGN KEY (payee_id) REFERENCES public.provider(organisation_id),
    CONSTRAINT payable_transfer_id_fkey FOREIGN KEY (transfer_id) REFERENCES ledger.transfer(id),
    CONSTRAINT payable_blocked_waits CHECK (settlement_id IS NULL OR NOT blocked),
    CONSTRAINT payable_gross CHECK (gross_cents > 0 OR gross_cents < 0 AND kind = 'adjustment'::text),
    CONSTRAINT payable_kind_known CHECK (kind = ANY (ARRAY['service'::text, 'late_fee'::text, 'no_show_fee'::text, 'adjustment'::text])),
    CONSTRAINT payable_sequence_positive CHECK (sequence > 0),
    CONSTRAINT payable_source_kind_known CHECK (source_kind = ANY (ARRAY['unit'::text, 'fee'::text, 'claim'::text, 'adjustment'::text, 'public_share'::text])),
    CONSTRAINT payable_vat_code_known CHECK (vat_code = ANY (ARRAY['exempt'::text, 'not_subject'::text, 'vat_5'::text, 'vat_10'::text, 'vat_22'::text]))
);
CREATE INDEX payable_payee_id_idx ON public.payable USING btree (payee_id, payable_at);
CREATE INDEX payable_unsettled_idx ON public.payable USING btree (payable_at) WHERE settlement_id IS NULL;
CREATE TRIGGER payable_append_only BEFORE UPDATE ON public.payable FOR EACH ROW WHEN (old.settlement_id IS NOT NULL AND (new.settlement_id IS NOT NULL OR new.blocked) OR old.id IS DISTINCT FROM new.id OR old.payee_id IS DISTINCT FROM new.payee_id OR old.source_kind IS DISTINCT FROM new.source_kind OR old.source_id IS DISTINCT FROM new.source_id OR old.kind IS DISTINCT FROM new.kind OR old.sequence IS DISTINCT FROM new.sequence OR old.gross_cents IS DISTINCT FROM new.gross_cents OR old.vat_code IS DISTINCT FROM new.vat_code OR old.category IS DISTINCT FROM new.category OR old.service_on IS DISTINCT FROM new.service_on OR old.payable_at IS DISTINCT FROM new.payable_at OR old.funding_line IS DISTINCT FROM new.funding_line OR old.transfer_id IS DISTINCT FROM new.transfer_id OR old.created_at IS DISTINCT FROM new.created_at) EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER payable_is_its_transfer AFTER INSERT ON public.payable REFERENCING NEW TABLE AS new_payable FOR EACH STATEMENT EXECUTE FUNCTION public.payable_is_its_transfer();
CREATE TRIGGER payable_no_delete BEFORE DELETE ON public.payable FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER payable_no_truncate BEFORE TRUNCATE ON public.payable FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER payable_settled_by_line AFTER UPDATE ON public.payable REFERENCING NEW TABLE AS new_payable FOR EACH STATEMENT EXECUTE FUNCTION public.payable_settled_by_line();
GRANT INSERT, SELECT, UPDATE (settlement_id, blocked) ON public.payable TO beatrice_app, beatrice_worker;

CREATE TABLE public.payout (
    id uuid NOT NULL,
    run_id uuid NOT NULL,
    settlement_id uuid NOT NULL,
    provider_id uuid NOT NULL,
    end_to_end_id text NOT NULL,
    creditor_name text NOT NULL,
    iban text NOT NULL,
    creditor_street text,
    creditor_street_number text,
    creditor_postcode text,
    creditor_town text,
    creditor_country text NOT NULL,
    amount_cents bigint NOT NULL,
    status text NOT NULL DEFAULT 'prepared'::text,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT payout_pkey PRIMARY KEY (id),
    CONSTRAINT payout_end_to_end_id_key UNIQUE (end_to_end_id),
    CONSTRAINT payout_settlement_id_key UNIQUE (settlement_id),
    CONSTRAINT payout_provider_id_settlement_id_fkey FOREIGN KEY (provider_id, settlement_id) REFERENCES public.settlement(provider_id, id),
    CONSTRAINT payout_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.settlement_run(id),
    CONSTRAINT payout_end_to_end_id_sepa CHECK (end_to_end_id ~ '^[A-Za-z0-9/?:().,+ -]{1,35}$'::text),
    CONSTRAINT payout_positive CHECK (amount_cents > 0),
    CONSTRAINT payout_status_known CHECK (status = ANY (ARRAY['prepared'::text, 'approved'::text, 'paying'::text, 'paid'::text, 'returned'::text, 'cancelled'::text]))
);
CREATE INDEX payout_run_id_idx ON public.payout USING btree (run_id);
CREATE INDEX payout_settlement_idx ON public.payout USING btree (provider_id, settlement_id);
CREATE TRIGGER payout_is_owed AFTER INSERT ON public.payout FOR EACH ROW EXECUTE FUNCTION public.payout_is_owed();
CREATE TRIGGER payout_moves BEFORE UPDATE ON public.payout FOR EACH ROW EXECUTE FUNCTION public.settlement_moves();
CREATE TRIGGER payout_no_delete BEFORE DELETE ON public.payout FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER payout_no_truncate BEFORE TRUNCATE ON public.payout FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER payout_zz_follows_run BEFORE UPDATE ON public.payout FOR EACH ROW WHEN ((new.status = ANY (ARRAY['approved'::text, 'cancelled'::text])) AND new.status <> old.status) EXECUTE FUNCTION public.follows_its_run();
GRANT INSERT, SELECT, UPDATE ON public.payout TO beatrice_app, beatrice_worker;

CREATE TABLE public.payroll_cause_code (
    id uuid NOT NULL,
    company_id uuid NOT NULL,
    kind text NOT NULL,
    rule_code text,
    cause_code text NOT NULL,
    CONSTRAINT payroll_cause_code_pkey PRIMARY KEY (id),
    CONSTRAINT payroll_cause_code_once UNIQUE NULLS NOT DISTINCT (company_id, kind, rule_code),
    CONSTRAINT payroll_cause_code_company_id_fkey FOREIGN KEY (company_id) REFERENCES public.company(organisation_id),
    CONSTRAINT payroll_cause_code_cause_code_short CHECK (length(cause_code) >= 1 AND length(cause_code) <= 32),
    CONSTRAINT payroll_cause_code_kind_known CHECK (kind = ANY (ARRAY['reimbursement_payslip'::text, 'reimbursement_figurative'::text, 'fringe'::text, 'bonus_conversion'::text, 'late_fee'::text])),
    CONSTRAINT payroll_cause_code_rule_code_known CHECK (rule_code = ANY (ARRAY['C2_D_BIS'::text, 'C2_F'::text, 'C2_F_BIS'::text, 'C2_F_TER'::text, 'C2_F_QUATER'::text, 'C3_FRINGE'::text]))
);
GRANT DELETE, INSERT, SELECT ON public.payroll_cause_code TO beatrice_app;

CREATE TABLE public.payroll_line (
    id uuid NOT NULL,
    company_id uuid NOT NULL,
    employee_id uuid NOT NULL,
    tax_year integer NOT NULL,
    period date NOT NULL,
    delta_of date,
    kind text NOT NULL,
    rule_code text,
    amount_cents bigint NOT NULL,
    taxable_cents bigint NOT NULL,
    source_id uuid,
    sequence integer NOT NULL,
    event_on date NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT payroll_line_pkey PRIMARY KEY (id),
    CONSTRAINT payroll_line_source_once_key UNIQUE (kind, source_id, sequence),
    CONSTRAINT payroll_line_company_id_employee_id_fkey FOREIGN KEY (company_id, employee_id) REFERENCES public.employee(company_id, id),
    CONSTRAINT payroll_line_company_id_fkey FOREIGN KEY (company_id) REFERENCES public.company(organisation_id),
    CONSTRAINT payroll_line_delta_of_an_earlier CHECK (delta_of < period),
    CONSTRAINT payroll_line_kind_known CHECK (kind = ANY (ARRAY['reimbursement_payslip'::text, 'reimbursement_figurative'::text, 'fringe'::text, 'bonus_conversion'::text, 'late_fee'::text])),
    CONSTRAINT payroll_line_month_of_event CHECK (COALESCE(delta_of, period) = (event_on - (EXTRACT(day FROM event_on)::integer - 1))),
    CONSTRAINT payroll_line_period_is_a_month CHECK (EXTRACT(day FROM period) = 1::numeric),
    CONSTRAINT payroll_line_rule_code_known CHECK (rule_code = ANY (ARRAY['C2_D_BIS'::text, 'C2_F'::text, 'C2_F_BIS'::text, 'C2_F_TER'::text, 'C2_F_QUATER'::text, 'C3_FRINGE'::text])),
    CONSTRAINT payroll_line_says_something CHECK (amount_cents <> 0 OR taxable_cents <> 0),
    CONSTRAINT payroll_line_sequence_positive CHECK (sequence > 0),
    CONSTRAINT payroll_line_tax_year_four_digits CHECK (tax_year >= 2000 AND tax_year <= 2100)
);
CREATE INDEX payroll_line_employee_idx ON public.payroll_line USING btree (company_id, employee_id, tax_year);
CREATE INDEX payroll_line_period_idx ON public.payroll_line USING btree (company_id, period);
CREATE TRIGGER payroll_line_append_only BEFORE DELETE OR UPDATE ON public.payroll_line FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER payroll_line_no_truncate BEFORE TRUNCATE ON public.payroll_line FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER payroll_line_place BEFORE INSERT ON public.payroll_line FOR EACH ROW EXECUTE FUNCTION public.place_payroll_line();
GRANT INSERT, SELECT ON public.payroll_line TO beatrice_app, beatrice_worker;

CREATE TABLE public.payroll_notice (
    role_grant_id uuid NOT NULL,
    company_id uuid NOT NULL,
    told_at timestamp with time zone NOT NULL,
    CONSTRAINT payroll_notice_pkey PRIMARY KEY (role_grant_id),
    CONSTRAINT payroll_notice_company_id_fkey FOREIGN KEY (company_id) REFERENCES public.company(organisation_id),
    CONSTRAINT payroll_notice_role_grant_id_fkey FOREIGN KEY (role_grant_id) REFERENCES public.role_grant(id)
);
CREATE INDEX payroll_notice_company_id_idx ON public.payroll_notice USING btree (company_id);
GRANT INSERT, SELECT ON public.payroll_notice TO beatrice_worker;
GRANT SELECT ON public.payroll_notice TO beatrice_app;

CREATE TABLE public.payroll_period (
    id uuid NOT NULL,
    company_id uuid NOT NULL,
    period date NOT NULL,
    content_sha256 text NOT NULL,
    sealed_content bytea NOT NULL,
    recorded_count integer NOT NULL,
    amount_cents bigint NOT NULL,
    taxable_cents bigint NOT NULL,
    closed_by uuid NOT NULL,
    closed_at timestamp with time zone NOT NULL,
    CONSTRAINT payroll_period_pkey PRIMARY KEY (id),
    CONSTRAINT payroll_period_closed_once UNIQUE (company_id, period),
    CONSTRAINT payroll_period_closed_by_fkey FOREIGN KEY (closed_by) REFERENCES public.user_account(id),
    CONSTRAINT payroll_period_company_id_fkey FOREIGN KEY (company_id) REFERENCES public.company(organisation_id),
    CONSTRAINT payroll_period_content_sha256_hex CHECK (content_sha256 ~ '^[0-9a-f]{64}$'::text),
    CONSTRAINT payroll_period_is_a_month CHECK (EXTRACT(day FROM period) = 1::numeric),
    CONSTRAINT payroll_period_recorded_count_not_negative CHECK (recorded_count >= 0)
);
CREATE INDEX payroll_period_closed_by_idx ON public.payroll_period USING btree (closed_by);
CREATE TRIGGER payroll_period_close BEFORE INSERT ON public.payroll_period FOR EACH ROW EXECUTE FUNCTION public.close_payroll_period();
CREATE TRIGGER payroll_period_no_change BEFORE UPDATE ON public.payroll_period FOR EACH ROW WHEN ((to_jsonb(old.*) - 'sealed_content'::text) IS DISTINCT FROM (to_jsonb(new.*) - 'sealed_content'::text)) EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER payroll_period_no_delete BEFORE DELETE ON public.payroll_period FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER payroll_period_no_truncate BEFORE TRUNCATE ON public.payroll_period FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();
GRANT INSERT, SELECT ON public.payroll_period TO beatrice_app;
GRANT SELECT ON public.payroll_period TO beatrice_worker;

CREATE TABLE public.price (
    id uuid NOT NULL,
    offering_id uuid NOT NULL,
    price_cents bigint NOT NULL,
    valid_from date NOT NULL,
    valid_to date,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT price_pkey PRIMARY KEY (id),
    CONSTRAINT price_one_per_day EXCLUDE USING gist (offering_id WITH =, daterange(valid_from, valid_to, '[)'::text) WITH &&),
    CONSTRAINT price_offering_id_fkey FOREIGN KEY (offering_id) REFERENCES public.offering(id),
    CONSTRAINT price_period CHECK (valid_to IS NULL OR valid_to > valid_from),
    CONSTRAINT price_positive CHECK (price_cents > 0)
);
CREATE INDEX price_offering_id_idx ON public.price USING btree (offering_id);
GRANT INSERT, SELECT, UPDATE (valid_to) ON public.price TO beatrice_app, beatrice_worker;

CREATE TABLE public.principal_secret (
    only_one boolean NOT NULL DEFAULT true,
    secret bytea NOT NULL,
    CONSTRAINT principal_secret_pkey PRIMARY KEY (only_one),
    CONSTRAINT principal_secret_long CHECK (octet_length(secret) = 32),
    CONSTRAINT principal_secret_only_one CHECK (only_one)
);

CREATE TABLE public.programme (
    id uuid NOT NULL,
    company_id uuid NOT NULL,
    basis text,
    basis_reference text,
    employee_category text NOT NULL,
    lot_expires_on date NOT NULL,
    created_at timestamp with time zone NOT NULL,
    version integer NOT NULL DEFAULT 1,
    external_id text,
    metadata jsonb NOT NULL DEFAULT '{}'::jsonb,
    agreement_code text,
    agreement_year integer,
    due_by date,
    archived_at timestamp with time zone,
    CONSTRAINT programme_pkey PRIMARY KEY (id),
    CONSTRAINT programme_company_id_id_key UNIQUE (company_id, id),
    CONSTRAINT programme_company_id_fkey FOREIGN KEY (company_id) REFERENCES public.company(organisation_id),
    CONSTRAINT programme_id_fkey FOREIGN KEY (id) REFERENCES public.credit_source(id),
    CONSTRAINT programme_agreement_whole CHECK (num_nonnulls(agreement_code, agreement_year, due_by) = ANY (ARRAY[0, 3]))
);
CREATE INDEX programme_due_by_idx ON public.programme USING btree (due_by) WHERE due_by IS NOT NULL;
CREATE INDEX programme_external_id_idx ON public.programme USING btree (company_id, external_id) WHERE external_id IS NOT NULL;
CREATE TRIGGER programme_10_check BEFORE UPDATE ON public.programme FOR EACH ROW EXECUTE FUNCTION public.check_programme();
GRANT INSERT, SELECT, UPDATE ON public.programme TO beatrice_app, beatrice_hr, beatrice_worker;

CREATE TABLE public.provider (
    organisation_id uuid NOT NULL,
    phone text,
    email text,
    description text NOT NULL DEFAULT ''::text,
    earned_account_id uuid NOT NULL,
    payable_account_id uuid NOT NULL,
    in_transit_account_id uuid NOT NULL,
    recoverable_account_id uuid NOT NULL,
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT provider_pkey PRIMARY KEY (organisation_id),
    CONSTRAINT provider_earned_account_id_key UNIQUE (earned_account_id),
    CONSTRAINT provider_in_transit_account_id_key UNIQUE (in_transit_account_id),
    CONSTRAINT provider_payable_account_id_key UNIQUE (payable_account_id),
    CONSTRAINT provider_recoverable_account_id_key UNIQUE (recoverable_account_id),
    CONSTRAINT provider_earned_account_id_fkey FOREIGN KEY (earned_account_id) REFERENCES ledger.account(id),
    CONSTRAINT provider_in_transit_account_id_fkey FOREIGN KEY (in_transit_account_id) REFERENCES ledger.account(id),
    CONSTRAINT provider_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES public.organisation(id),
    CONSTRAINT provider_payable_account_id_fkey FOREIGN KEY (payable_account_id) REFERENCES ledger.account(id),
    CONSTRAINT provider_recoverable_account_id_fkey FOREIGN KEY (recoverable_account_id) REFERENCES ledger.account(id)
);
GRANT INSERT, SELECT, UPDATE (phone, email, description, version) ON public.provider TO beatrice_app, beatrice_worker;

CREATE TABLE public.recovery_code (
    user_id uuid NOT NULL,
    code_hash bytea NOT NULL,
    used_at timestamp with time zone,
    CONSTRAINT recovery_code_pkey PRIMARY KEY (user_id, code_hash),
    CONSTRAINT recovery_code_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.second_factor(user_id) ON DELETE CASCADE
);
CREATE TRIGGER recovery_code_10_counts_once BEFORE UPDATE ON public.recovery_code FOR EACH ROW WHEN (old.used_at IS NOT NULL) EXECUTE FUNCTION public.refuse_second_use();
GRANT INSERT, SELECT, UPDATE (used_at) ON public.recovery_code TO beatrice_app;

CREATE TABLE public.returned_credit (
    transfer_id uuid NOT NULL,
    company_id uuid NOT NULL,
    came_back_at timestamp with time zone NOT NULL,
    return_id uuid,
    was_usable boolean NOT NULL,
    CONSTRAINT returned_credit_pkey PRIMARY KEY (transfer_id),
    CONSTRAINT returned_credit_company_id_fkey FOREIGN KEY (company_id) REFERENCES public.company(organisation_id),
    CONSTRAINT returned_credit_return_id_fkey FOREIGN KEY (return_id) REFERENCES public.company_return(id),
    CONSTRAINT returned_credit_transfer_id_fkey FOREIGN KEY (transfer_id) REFERENCES ledger.transfer(id)
);
CREATE INDEX returned_credit_company_id_idx ON public.returned_credit USING btree (company_id);
CREATE INDEX returned_credit_return_id_idx ON public.returned_credit USING btree (return_id);
CREATE INDEX returned_credit_waiting_idx ON public.returned_credit USING btree (came_back_at, company_id) WHERE return_id IS NULL;
CREATE TRIGGER returned_credit_10_check BEFORE DELETE OR UPDATE ON public.returned_credit FOR EACH ROW EXECUTE FUNCTION public.check_returned_credit();
CREATE TRIGGER returned_credit_20_whole AFTER UPDATE ON public.returned_credit REFERENCING NEW TABLE AS new_part FOR EACH STATEMENT EXECUTE FUNCTION public.check_returned_credits();
GRANT SELECT ON public.returned_credit TO beatrice_app;
GRANT SELECT, UPDATE (return_id) ON public.returned_credit TO beatrice_worker;

CREATE TABLE public.revoked_line (
    revocation_id uuid NOT NULL,
    grant_id uuid NOT NULL,
    employee_id uuid NOT NULL,
    CONSTRAINT revoked_line_pkey PRIMARY KEY (revocation_id, employee_id),
    CONSTRAINT revoked_line_grant_id_employee_id_fkey FOREIGN KEY (grant_id, employee_id) REFERENCES public.grant_line(grant_id, employee_id),
    CONSTRAINT revoked_line_grant_id_revocation_id_fkey FOREIGN KEY (grant_id, revocation_id) REFERENCES public.grant_revocation(grant_id, id)
);
CREATE INDEX revoked_line_of_line_idx ON public.revoked_line USING btree (grant_id, employee_id);
CREATE INDEX revoked_line_of_revocation_idx ON public.revoked_line USING btree (grant_id, revocation_id);
CREATE TRIGGER revoked_line_00_fixed BEFORE DELETE OR UPDATE ON public.revoked_line FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER revoked_line_10_check AFTER INSERT ON public.revoked_line REFERENCING NEW TABLE AS new_line FOR EACH STATEMENT EXECUTE FUNCTION public.check_revoked_lines();
GRANT INSERT, SELECT ON public.revoked_line TO beatrice_app, beatrice_hr;
GRANT SELECT ON public.revoked_line TO beatrice_worker;

CREATE TABLE public.role_grant (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    role text NOT NULL,
    scope_kind text NOT NULL,
    scope_id uuid,
    from_at timestamp with time zone NOT NULL,
    until_at timestamp with time zone,
    granted_by uuid,
    granted_at timestamp with time zone NOT NULL,
    confirmed_by uuid,
    side text,
    organisation_id uuid GENERATED ALWAYS AS (
CASE scope_kind
    WHEN 'organisation'::text THEN scope_id
    ELSE NULL::uuid
END) STORED,
    alliance_id uuid GENERATED ALWAYS AS (
CASE scope_kind
    WHEN 'alliance'::text THEN scope_id
    ELSE NULL::uuid
END) STORED,
    network_id uuid GENERATED ALWAYS AS (
CASE scope_kind
    WHEN 'network'::text THEN scope_id
    ELSE NULL::uuid
END) STORED,
    reason text,
    vouched_by uuid,
    vouched_at timestamp with time zone,
    CONSTRAINT role_grant_pkey PRIMARY KEY (id),
    CONSTRAINT role_grant_hr_apart_from_care EXCLUDE USING gist (user_id WITH =, side WITH <>, tstzrange(from_at, until_at) WITH &&),
    CONSTRAINT role_grant_once EXCLUDE USING gist (user_id WITH =, role WITH =, COALESCE(scope_id, user_id) WITH =, tstzrange(from_at, until_at) WITH &&),
    CONSTRAINT role_grant_alliance_id_fkey FOREIGN KEY (alliance_id) REFERENCES public.alliance(id),
    CONSTRAINT role_grant_confirmed_by_fkey FOREIGN KEY (confirmed_by) REFERENCES public.user_account(id),
    CONSTRAINT role_grant_granted_by_fkey FOREIGN KEY (granted_by) REFERENCES public.user_account(id),
    CONSTRAINT role_grant_network_id_fkey FOREIGN KEY (network_id) REFERENCES public.network(id),
    CONSTRAINT role_grant_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES public.organisation(id),
    CONSTRAINT role_grant_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.user_account(id),
    CONSTRAINT role_grant_vouched_by_fkey FOREIGN KEY (vouched_by) REFERENCES public.user_account(id),
    CONSTRAINT role_grant_confirmed_by_another CHECK (confirmed_by <> user_id AND confirmed_by IS DISTINCT FROM granted_by OR confirmed_by IS NULL),
    CONSTRAINT role_grant_period CHECK (until_at >= from_at),
    CONSTRAINT role_grant_reason_said CHECK (length(btrim(reason)) >= 10 AND length(btrim(reason)) <= 500),
    CONSTRAINT role_grant_role_fits_scope CHECK (
CASE scope_kind
    WHEN 'organisation'::text THEN true
    WHEN 'alliance'::text THEN role = ANY (ARRAY['coordinator'::text, 'care_manager'::text, 'observer'::text])
    WHEN 'network'::text THEN role = ANY (ARRAY['coordinator'::text, 'observer'::text])
    WHEN 'platform'::text THEN role = ANY (ARRAY['operator'::text, 'finance'::text])
    ELSE NULL::boolean
END),
    CONSTRAINT role_grant_role_known CHECK (role = ANY (ARRAY['hr'::text, 'hr_approver'::text, 'payroll'::text, 'manager'::text, 'staff'::text, 'coordinator'::text, 'care_manager'::text, 'observer'::text, 'operator'::text, 'finance'::text, 'admin'::text])),
    CONSTRAINT role_grant_scope_kind_known CHECK (scope_kind = ANY (ARRAY['organisation'::text, 'alliance'::text, 'network'::text, 'platform'::text])),
    CONSTRAINT role_grant_scope_named CHECK ((scope_id IS NULL) = (scope_kind = 'platform'::text)),
    CONSTRAINT role_grant_side_known CHECK (side = ANY (ARRAY['employer'::text, 'care'::text])),
    CONSTRAINT role_grant_vouched_by_another CHECK (vouched_by <> user_id AND vouched_by IS DISTINCT FROM granted_by OR vouched_by IS NULL),
    CONSTRAINT role_grant_vouched_whole CHECK ((vouched_by IS NULL) = (vouched_at IS NULL))
);
CREATE INDEX role_grant_alliance_id_idx ON public.role_grant USING btree (alliance_id);
CREATE INDEX role_grant_confirmed_by_idx ON public.role_grant USING btree (confirmed_by);
CREATE INDEX role_grant_granted_by_idx ON public.role_grant USING btree (granted_by);
CREATE INDEX role_grant_network_id_idx ON public.role_grant USING btree (network_id);
CREATE INDEX role_grant_organisation_id_idx ON public.role_grant USING btree (organisation_id);
CREATE INDEX role_grant_user_id_idx ON public.role_grant USING btree (user_id);
CREATE INDEX role_grant_vouched_by_idx ON public.role_grant USING btree (vouched_by);
CREATE TRIGGER role_grant_10_side BEFORE INSERT ON public.role_grant FOR EACH ROW EXECUTE FUNCTION public.side_of_role();
CREATE TRIGGER role_grant_20_begin BEFORE UPDATE OF from_at ON public.role_grant FOR EACH ROW WHEN (new.from_at < old.from_at) EXECUTE FUNCTION public.refuse_early_role();
CREATE TRIGGER role_grant_30_approver BEFORE INSERT ON public.role_grant FOR EACH ROW WHEN ((new.role = ANY (ARRAY['hr'::text, 'hr_approver'::text, 'operator'::text, 'finance'::text])) AND (new.confirmed_by IS NOT NULL OR new.from_at < (new.granted_at + '24:00:00'::interval))) EXECUTE FUNCTION public.refuse_approver_at_will();
CREATE TRIGGER role_grant_30_given_unvouched BEFORE INSERT ON public.role_grant FOR EACH ROW WHEN (new.vouched_by IS NOT NULL) EXECUTE FUNCTION public.check_voucher();
CREATE TRIGGER role_grant_40_two_people BEFORE INSERT ON public.role_grant FOR EACH ROW WHEN (new.reason IS NULL AND (new.role = ANY (ARRAY['hr'::text, 'hr_approver'::text, 'payroll'::text, 'operator'::text, 'finance'::text]))) EXECUTE FUNCTION public.refuse_roles_of_two();
CREATE TRIGGER role_grant_40_voucher BEFORE UPDATE OF vouched_by, vouched_at ON public.role_grant FOR EACH ROW EXECUTE FUNCTION public.check_voucher();
CREATE TRIGGER role_grant_41_two_people BEFORE UPDATE OF from_at, until_at ON public.role_grant FOR EACH ROW WHEN (new.reason IS NULL AND (new.role = ANY (ARRAY['hr'::text, 'hr_approver'::text, 'payroll'::text, 'operator'::text, 'finance'::text])) AND (new.from_at < old.from_at OR COALESCE(new.until_at, 'infinity'::timestamp with time zone) > COALESCE(old.until_at, 'infinity'::timestamp with time zone))) EXECUTE FUNCTION public.refuse_roles_of_two();
GRANT INSERT, SELECT, UPDATE (from_at, until_at, confirmed_by) ON public.role_grant TO beatrice_worker;
GRANT INSERT, SELECT, UPDATE (from_at, until_at, confirmed_by, vouched_by, vouched_at) ON public.role_grant TO beatrice_app;

CREATE TABLE public.second_factor (
    user_id uuid NOT NULL,
    sealed_secret bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    confirmed_at timestamp with time zone,
    last_step bigint,
    CONSTRAINT second_factor_pkey PRIMARY KEY (user_id),
    CONSTRAINT second_factor_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.user_account(id),
    CONSTRAINT second_factor_confirmed_by_a_code CHECK ((confirmed_at IS NULL) = (last_step IS NULL))
);
CREATE TRIGGER second_factor_10_counts_once BEFORE UPDATE ON public.second_factor FOR EACH ROW WHEN (old.confirmed_at IS NOT NULL AND (new.last_step IS NULL OR new.last_step <= old.last_step OR new.sealed_secret <> old.sealed_secret OR new.confirmed_at IS DISTINCT FROM old.confirmed_at)) EXECUTE FUNCTION public.refuse_second_use();
CREATE TRIGGER second_factor_20_sessions AFTER DELETE ON public.second_factor FOR EACH ROW EXECUTE FUNCTION public.forget_second_factor_of_sessions();
GRANT DELETE, INSERT, SELECT, UPDATE ON public.second_factor TO beatrice_app;

CREATE TABLE public.second_factor_removal (
    user_id uuid NOT NULL,
    organisation_id uuid NOT NULL,
    requested_by uuid NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    approved_by uuid,
    effective_at timestamp with time zone NOT NULL,
    CONSTRAINT second_factor_removal_pkey PRIMARY KEY (user_id),
    CONSTRAINT second_factor_removal_approved_by_fkey FOREIGN KEY (approved_by) REFERENCES public.user_account(id),
    CONSTRAINT second_factor_removal_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES public.organisation(id),
    CONSTRAINT second_factor_removal_requested_by_fkey FOREIGN KEY (requested_by) REFERENCES public.user_account(id),
    CONSTRAINT second_factor_removal_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.user_account(id),
    CONSTRAINT second_factor_removal_approved_by_a_third CHECK (approved_by <> user_id AND approved_by <> requested_by),
    CONSTRAINT second_factor_removal_by_another CHECK (requested_by <> user_id),
    CONSTRAINT second_factor_removal_waits CHECK (effective_at >= (requested_at +
CASE
    WHEN approved_by IS NULL THEN '24:00:00'::interval
    ELSE '00:00:00'::interval
END))
);
CREATE INDEX second_factor_removal_approved_by_idx ON public.second_factor_removal USING btree (approved_by);
CREATE INDEX second_factor_removal_organisation_id_idx ON public.second_factor_removal USING btree (organisation_id);
CREATE INDEX second_factor_removal_requested_by_idx ON public.second_factor_removal USING btree (requested_by);
GRANT DELETE, INSERT, SELECT, UPDATE (approved_by, effective_at) ON public.second_factor_removal TO beatrice_app;
GRANT DELETE, SELECT ON public.second_factor_removal TO beatrice_worker;

CREATE TABLE public.session_token (
    token_hash bytea NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    last_used_at timestamp with time zone,
    idle_limit interval,
    proved_at timestamp with time zone,
    second_factor boolean NOT NULL DEFAULT false,
    CONSTRAINT session_token_pkey PRIMARY KEY (token_hash),
    CONSTRAINT session_token_id_key UNIQUE (id),
    CONSTRAINT session_token_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.user_account(id)
);
CREATE INDEX session_token_expires_at_idx ON public.session_token USING btree (expires_at);
CREATE INDEX session_token_user_id_idx ON public.session_token USING btree (user_id);
CREATE TRIGGER session_token_10_second_factor BEFORE INSERT OR UPDATE OF second_factor ON public.session_token FOR EACH ROW WHEN (new.second_factor) EXECUTE FUNCTION public.check_second_factor_of_session();
GRANT DELETE, INSERT, SELECT, UPDATE ON public.session_token TO beatrice_worker;
GRANT INSERT, SELECT, UPDATE ON public.session_token TO beatrice_app;

CREATE TABLE public.setting_value (
    id uuid NOT NULL,
    name text NOT NULL,
    level text NOT NULL,
    network_id uuid,
    alliance_id uuid,
    organisation_id uuid,
    programme_id uuid,
    value bigint,
    reason text NOT NULL,
    valid_from date NOT NULL,
    set_by uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    needs_second boolean NOT NULL DEFAULT false,
    confirmed_by uuid,
    confirmed_at timestamp with time zone,
    CONSTRAINT setting_value_pkey PRIMARY KEY (id),
    CONSTRAINT setting_value_alliance_id_fkey FOREIGN KEY (alliance_id) REFERENCES public.alliance(id),
    CONSTRAINT setting_value_confirmed_by_fkey FOREIGN KEY (confirmed_by) REFERENCES public.user_account(id),
    CONSTRAINT setting_value_network_id_fkey FOREIGN KEY (network_id) REFERENCES public.network(id),
    CONSTRAINT setting_value_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES public.organisation(id),
    CONSTRAINT setting_value_programme_id_fkey FOREIGN KEY (programme_id) REFERENCES public.programme(id),
    CONSTRAINT setting_value_set_by_fkey FOREIGN KEY (set_by) REFERENCES public.user_account(id),
    CONSTRAINT setting_value_confirmed_by_another CHECK (confirmed_by <> set_by),
    CONSTRAINT setting_value_confirmed_in_time CHECK (valid_from >= (confirmed_at AT TIME ZONE 'Europe/Rome'::text)::date),
    CONSTRAINT setting_value_confirmed_where_needed CHECK (needs_second OR confirmed_by IS NULL),
    CONSTRAINT setting_value_confirmed_whole CHECK ((confirmed_by IS NULL) = (confirmed_at IS NULL)),
    CONSTRAINT setting_value_level_known CHECK (level = ANY (ARRAY['platform'::text, 'network'::text, 'alliance'::text, 'organisation'::text, 'programme'::text])),
    CONSTRAINT setting_value_level_names_its_object CHECK (num_nonnulls(network_id, alliance_id, organisation_id, programme_id) =
CASE level
    WHEN 'platform'::text THEN 0
    ELSE 1
END AND
CASE level
    WHEN 'network'::text THEN network_id
    WHEN 'alliance'::text THEN alliance_id
    WHEN 'organisation'::text THEN organisation_id
    WHEN 'programme'::text THEN programme_id
    ELSE id
END IS NOT NULL),
    CONSTRAINT setting_value_name_known CHECK (name = ANY (ARRAY['quote_minutes'::text, 'acknowledge_hours'::text, 'grace_days'::text, 'grace_window_days'::text, 'minimum_payout_cents'::text, 'least_people'::text, 'least_line_cents'::text, 'returns_quarters'::text, 'top_up_limit_cents'::text, 'fee_cap_bps'::text])),
    CONSTRAINT setting_value_never_in_the_past CHECK (valid_from >= (created_at AT TIME ZONE 'Europe/Rome'::text)::date),
    CONSTRAINT setting_value_reason_given CHECK (reason <> ''::text)
);
CREATE INDEX setting_value_alliance_id_idx ON public.setting_value USING btree (alliance_id);
CREATE INDEX setting_value_confirmed_by_idx ON public.setting_value USING btree (confirmed_by);
CREATE INDEX setting_value_name_idx ON public.setting_value USING btree (name);
CREATE INDEX setting_value_network_id_idx ON public.setting_value USING btree (network_id);
CREATE INDEX setting_value_organisation_id_idx ON public.setting_value USING btree (organisation_id);
CREATE INDEX setting_value_programme_id_idx ON public.setting_value USING btree (programme_id);
CREATE INDEX setting_value_set_by_idx ON public.setting_value USING btree (set_by);
CREATE TRIGGER setting_value_10_second BEFORE INSERT OR UPDATE ON public.setting_value FOR EACH ROW EXECUTE FUNCTION public.check_second_of_setting();
CREATE TRIGGER setting_value_append_only BEFORE DELETE ON public.setting_value FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER setting_value_fits AFTER INSERT ON public.setting_value FOR EACH ROW EXECUTE FUNCTION public.check_setting_value();
CREATE TRIGGER setting_value_no_truncate BEFORE TRUNCATE ON public.setting_value FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();
GRANT INSERT, SELECT, UPDATE (confirmed_by, confirmed_at) ON public.setting_value TO beatrice_app;
GRANT SELECT ON public.setting_value TO beatrice_worker;

CREATE TABLE public.settlement (
    id uuid NOT NULL,
    run_id uuid NOT NULL,
    provider_id uuid NOT NULL,
    year integer NOT NULL,
    sequence integer NOT NULL,
    cutoff_on date NOT NULL,
    status text NOT NULL DEFAULT 'issued'::text,
    gross_cents bigint NOT NULL,
    vat_cents bigint NOT NULL,
    fee_cents bigint NOT NULL,
    fee_vat_cents bigint NOT NULL,
    subsidy_cents bigint NOT NULL,
    payout_cents bigint NOT NULL,
    pay_on date NOT NULL,
    content_sha256 text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT settlement_pkey PRIMARY KEY (id),
    CONSTRAINT settlement_number_key UNIQUE (provider_id, year, sequence),
    CONSTRAINT settlement_provider_id_id_key UNIQUE (provider_id, id),
    CONSTRAINT settlement_run_id_provider_id_key UNIQUE (run_id, provider_id),
    CONSTRAINT settlement_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES public.provider(organisation_id),
    CONSTRAINT settlement_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.settlement_run(id),
    CONSTRAINT settlement_adds_up CHECK (payout_cents = (gross_cents - fee_cents - fee_vat_cents + subsidy_cents) AND payout_cents >= 0),
    CONSTRAINT settlement_status_known CHECK (status = ANY (ARRAY['issued'::text, 'approved'::text, 'paying'::text, 'paid'::text, 'returned'::text, 'cancelled'::text]))
);
CREATE TRIGGER settlement_moves BEFORE UPDATE ON public.settlement FOR EACH ROW EXECUTE FUNCTION public.settlement_moves();
CREATE TRIGGER settlement_no_delete BEFORE DELETE ON public.settlement FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER settlement_no_truncate BEFORE TRUNCATE ON public.settlement FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER settlement_run_agrees AFTER INSERT ON public.settlement REFERENCING NEW TABLE AS new_settlement FOR EACH STATEMENT EXECUTE FUNCTION public.settlement_run_agrees();
CREATE CONSTRAINT TRIGGER settlement_sum AFTER INSERT ON public.settlement DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.settlement_adds_up();
CREATE TRIGGER settlement_zz_follows_run BEFORE UPDATE ON public.settlement FOR EACH ROW WHEN (new.status = 'cancelled'::text AND new.status <> old.status) EXECUTE FUNCTION public.follows_its_run();
GRANT INSERT, SELECT, UPDATE ON public.settlement TO beatrice_app, beatrice_worker;

CREATE TABLE public.settlement_counter (
    provider_id uuid NOT NULL,
    year integer NOT NULL,
    last_number integer NOT NULL,
    CONSTRAINT settlement_counter_pkey PRIMARY KEY (provider_id, year),
    CONSTRAINT settlement_counter_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES public.provider(organisation_id)
);
CREATE TRIGGER settlement_counter_no_delete BEFORE DELETE ON public.settlement_counter FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER settlement_counter_no_truncate BEFORE TRUNCATE ON public.settlement_counter FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER settlement_counter_steps BEFORE INSERT OR UPDATE ON public.settlement_counter FOR EACH ROW EXECUTE FUNCTION public.settlement_counter_steps();
CREATE CONSTRAINT TRIGGER settlement_counter_used AFTER INSERT OR UPDATE ON public.settlement_counter DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.settlement_counter_used();
GRANT INSERT, SELECT, UPDATE ON public.settlement_counter TO beatrice_app, beatrice_worker;

CREATE TABLE public.settlement_left_out (
    run_id uuid NOT NULL,
    provider_id uuid NOT NULL,
    reason text NOT NULL,
    due_cents bigint NOT NULL,
    CONSTRAINT settlement_left_out_pkey PRIMARY KEY (run_id, provider_id),
    CONSTRAINT settlement_left_out_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES public.provider(organisation_id),
    CONSTRAINT settlement_left_out_run_id_fkey FOREIGN KEY (run_id) REFERENCES public.settlement_run(id),
    CONSTRAINT settlement_left_out_reason_known CHECK (reason = ANY (ARRAY['not_accredited'::text, 'iban_missing'::text, 'iban_on_hold'::text, 'name_unusable'::text, 'below_minimum'::text]))
);
CREATE INDEX settlement_left_out_provider_id_idx ON public.settlement_left_out USING btree (provider_id);
CREATE TRIGGER settlement_left_out_no_change BEFORE DELETE OR UPDATE ON public.settlement_left_out FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER settlement_left_out_no_truncate BEFORE TRUNCATE ON public.settlement_left_out FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();
GRANT INSERT, SELECT ON public.settlement_left_out TO beatrice_app, beatrice_worker;

CREATE TABLE public.settlement_line (
    id uuid NOT NULL,
    settlement_id uuid NOT NULL,
    provider_id uuid NOT NULL,
    payable_id uuid NOT NULL,
    unit_id uuid NOT NULL,
    kind text NOT NULL,
    service_on date NOT NULL,
    vat_code text NOT NULL,
    gross_cents bigint NOT NULL,
    fee_cents bigint NOT NULL,
    fee_vat_cents bigint NOT NULL,
    subsidy_cents bigint NOT NULL,
    net_cents bigint NOT NULL,
    cancelled boolean NOT NULL DEFAULT false,
    CONSTRAINT settlement_line_pkey PRIMARY KEY (id),
    CONSTRAINT settlement_line_payable_id_fkey FOREIGN KEY (payable_id) REFERENCES public.payable(id),
    CONSTRAINT settlement_line_provider_id_settlement_id_fkey FOREIGN KEY (provider_id, settlement_id) REFERENCES public.settlement(provider_id, id),
    CONSTRAINT settlement_line_adds_up CHECK (net_cents = (gross_cents - fee_cents - fee_vat_cents + subsidy_cents)),
    CONSTRAINT settlement_line_kind_known CHECK (kind = ANY (ARRAY['service'::text, 'late_fee'::text, 'no_show_fee'::text, 'adjustment'::text]))
);
CREATE UNIQUE INDEX settlement_line_settled_once_key ON public.settlement_line USING btree (payable_id, (
CASE
    WHEN cancelled THEN id
    ELSE payable_id
END));
CREATE INDEX settlement_line_settlement_idx ON public.settlement_line USING btree (provider_id, settlement_id);
CREATE TRIGGER settlement_line_agrees AFTER INSERT ON public.settlement_line REFERENCING NEW TABLE AS new_line FOR EACH STATEMENT EXECUTE FUNCTION public.settlement_lines_agree();
CREATE TRIGGER settlement_line_moves BEFORE UPDATE ON public.settlement_line FOR EACH ROW EXECUTE FUNCTION public.settlement_line_moves();
CREATE TRIGGER settlement_line_no_delete BEFORE DELETE ON public.settlement_line FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER settlement_line_no_truncate BEFORE TRUNCATE ON public.settlement_line FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();
GRANT INSERT, SELECT, UPDATE (cancelled) ON public.settlement_line TO beatrice_app, beatrice_worker;

CREATE TABLE public.settlement_run (
    id uuid NOT NULL,
    cutoff_on date NOT NULL,
    status text NOT NULL DEFAULT 'closed'::text,
    content_sha256 text NOT NULL,
    settlement_count integer NOT NULL,
    total_cents bigint NOT NULL,
    created_by uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    approved_by uuid,
    approved_at timestamp with time zone,
    approved_sha256 text,
    debtor_name text,
    debtor_iban text,
    execution_on date,
    payment_file_sha256 text,
    sent_at timestamp with time zone,
    left_out_count integer NOT NULL DEFAULT 0,
    cancelled_by uuid,
    cancelled_at timestamp with time zone,
    CONSTRAINT settlement_run_pkey PRIMARY KEY (id),
    CONSTRAINT settlement_run_approval_is_complete CHECK ((approved_sha256 IS NULL) = (approved_by IS NULL) AND (approved_by IS NULL) = (approved_at IS NULL)),
    CONSTRAINT settlement_run_approved_before_sent CHECK ((status = ANY (ARRAY['closed'::text, 'cancelled'::text])) OR approved_by IS NOT NULL),
    CONSTRAINT settlement_run_approved_is_this_content CHECK (approved_sha256 IS NULL OR approved_sha256 = content_sha256),
    CONSTRAINT settlement_run_approver_is_not_maker CHECK (approved_by IS NULL OR approved_by <> created_by),
    CONSTRAINT settlement_run_cancelled_by_somebody CHECK ((status = 'cancelled'::text) = (cancelled_at IS NOT NULL) AND (cancelled_at IS NULL) = (cancelled_by IS NULL)),
    CONSTRAINT settlement_run_cancelled_or_approved CHECK (cancelled_at IS NULL OR approved_by IS NULL),
    CONSTRAINT settlement_run_payment_is_complete CHECK (approved_by IS NULL OR debtor_name IS NOT NULL AND debtor_iban IS NOT NULL AND execution_on IS NOT NULL AND (payment_file_sha256 IS NULL) = (settlement_count = 0)),
    CONSTRAINT settlement_run_sent_has_instant CHECK ((status = ANY (ARRAY['sent'::text, 'reconciled'::text])) = (sent_at IS NOT NULL)),
    CONSTRAINT settlement_run_status_known CHECK (status = ANY (ARRAY['closed'::text, 'approved'::text, 'sent'::text, 'reconciled'::text, 'cancelled'::text]))
);
CREATE UNIQUE INDEX settlement_run_cutoff_on_key ON public.settlement_run USING btree (cutoff_on) WHERE status <> 'cancelled'::text;
CREATE TRIGGER settlement_run_moves BEFORE UPDATE ON public.settlement_run FOR EACH ROW EXECUTE FUNCTION public.settlement_moves();
CREATE TRIGGER settlement_run_no_delete BEFORE DELETE ON public.settlement_run FOR EACH ROW EXECUTE FUNCTION public.refuse_change();
CREATE TRIGGER settlement_run_no_truncate BEFORE TRUNCATE ON public.settlement_run FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change();
CREATE CONSTRAINT TRIGGER settlement_run_sum AFTER INSERT ON public.settlement_run DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.settlement_run_adds_up();
GRANT INSERT, SELECT, UPDATE ON public.settlement_run TO beatrice_app, beatrice_worker;

CREATE TABLE public.site (
    id uuid NOT NULL,
    provider_id uuid NOT NULL,
    name text NOT NULL,
    street text NOT NULL,
    postcode text NOT NULL,
    istat_code text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    version integer NOT NULL DEFAULT 1,
    external_id text,
    metadata jsonb NOT NULL DEFAULT '{}'::jsonb,
    CONSTRAINT site_pkey PRIMARY KEY (id),
    CONSTRAINT site_provider_id_id_key UNIQUE (provider_id, id),
    CONSTRAINT site_istat_code_fkey FOREIGN KEY (istat_code) REFERENCES public.municipality(istat_code),
    CONSTRAINT site_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES public.provider(organisation_id)
);
CREATE INDEX site_external_id_idx ON public.site USING btree (provider_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX site_istat_code_idx ON public.site USING btree (istat_code);
GRANT INSERT, SELECT, UPDATE (name, street, postcode, istat_code, version, external_id, metadata) ON public.site TO beatrice_app, beatrice_worker;

CREATE TABLE public.slot (
    id uuid NOT NULL,
    provider_id uuid NOT NULL,
    offering_id uuid NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    capacity integer NOT NULL,
    taken integer NOT NULL DEFAULT 0,
    status text NOT NULL DEFAULT 'open'::text,
    created_at timestamp with time zone NOT NULL,
    version integer NOT NULL DEFAULT 1,
    external_id text,
    metadata jsonb NOT NULL DEFAULT '{}'::jsonb,
    CONSTRAINT slot_pkey PRIMARY KEY (id),
    CONSTRAINT slot_provider_id_id_key UNIQUE (provider_id, id),
    CONSTRAINT slot_provider_id_offering_id_fkey FOREIGN KEY (provider_id, offering_id) REFERENCES public.offering(provider_id, id),
    CONSTRAINT slot_cancelled_is_empty CHECK (status = 'open'::text OR taken = 0),
    CONSTRAINT slot_capacity_positive CHECK (capacity > 0),
    CONSTRAINT slot_not_empty CHECK (ends_at > starts_at),
    CONSTRAINT slot_status_known CHECK (status = ANY (ARRAY['open'::text, 'cancelled'::text])),
    CONSTRAINT slot_taken_within_capacity CHECK (taken >= 0 AND taken <= capacity)
) WITH (fillfactor=70);
CREATE INDEX slot_bookable_idx ON public.slot USING btree (offering_id, starts_at) WHERE status = 'open'::text;
CREATE INDEX slot_external_id_idx ON public.slot USING btree (provider_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX slot_offering_idx ON public.slot USING btree (provider_id, offering_id);
GRANT INSERT (id, provider_id, offering_id, starts_at, ends_at, capacity, created_at, external_id, metadata), SELECT, UPDATE (capacity, status, version) ON public.slot TO beatrice_app, beatrice_worker;

CREATE TABLE public.taking (
    id uuid NOT NULL,
    provider_id uuid NOT NULL,
    slot_id uuid NOT NULL,
    holder_kind text NOT NULL,
    holder_id uuid NOT NULL,
    seats integer NOT NULL,
    until timestamp with time zone,
    taken_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT taking_pkey PRIMARY KEY (id),
    CONSTRAINT taking_slot_fkey FOREIGN KEY (provider_id, slot_id) REFERENCES public.slot(provider_id, id),
    CONSTRAINT taking_holder_known CHECK (holder_kind = ANY (ARRAY['unit'::text, 'offer'::text, 'allotment'::text])),
    CONSTRAINT taking_seats_positive CHECK (seats > 0)
);
CREATE INDEX taking_counted_idx ON public.taking USING btree (slot_id) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX taking_open_key ON public.taking USING btree (holder_kind, holder_id, slot_id) WHERE ended_at IS NULL;
CREATE INDEX taking_slot_idx ON public.taking USING btree (provider_id, slot_id);
GRANT SELECT ON public.taking TO beatrice_app, beatrice_worker;

CREATE TABLE public.top_up (
    id uuid NOT NULL,
    company_id uuid NOT NULL,
    amount_cents bigint NOT NULL,
    status text NOT NULL DEFAULT 'pending'::text,
    payment_reference text NOT NULL,
    created_by uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    resolved_by uuid,
    resolved_at timestamp with time zone,
    confirmed_by uuid,
    confirmed_at timestamp with time zone,
    second_confirmed_by uuid,
    external_id text,
    metadata jsonb NOT NULL DEFAULT '{}'::jsonb,
    CONSTRAINT top_up_pkey PRIMARY KEY (id),
    CONSTRAINT top_up_payment_reference_key UNIQUE (payment_reference),
    CONSTRAINT top_up_company_id_fkey FOREIGN KEY (company_id) REFERENCES public.company(organisation_id),
    CONSTRAINT top_up_confirmed_by_somebody CHECK ((status <> ALL (ARRAY['confirming'::text, 'confirmed'::text])) OR confirmed_by IS NOT NULL AND confirmed_at IS NOT NULL),
    CONSTRAINT top_up_positive CHECK (amount_cents > 0),
    CONSTRAINT top_up_resolved_when_not_pending CHECK ((status = ANY (ARRAY['pending'::text, 'confirming'::text])) = (resolved_at IS NULL)),
    CONSTRAINT top_up_second_is_another CHECK (second_confirmed_by IS NULL OR confirmed_by IS NOT NULL AND second_confirmed_by <> confirmed_by),
    CONSTRAINT top_up_status_known CHECK (status = ANY (ARRAY['pending'::text, 'confirming'::text, 'confirmed'::text, 'returned'::text, 'cancelled'::text]))
);
CREATE INDEX top_up_company_id_idx ON public.top_up USING btree (company_id, id);
CREATE INDEX top_up_external_id_idx ON public.top_up USING btree (company_id, external_id) WHERE external_id IS NOT NULL;
CREATE TRIGGER top_up_10_check BEFORE INSERT OR UPDATE ON public.top_up FOR EACH ROW EXECUTE FUNCTION public.check_top_up();
GRANT INSERT, SELECT, UPDATE ON public.top_up TO beatrice_app, beatrice_worker;
GRANT INSERT, SELECT, UPDATE (status, resolved_by, resolved_at) ON public.top_up TO beatrice_hr;

CREATE TABLE public.user_account (
    id uuid NOT NULL,
    email text NOT NULL,
    password_hash text NOT NULL,
    locale text NOT NULL DEFAULT 'it'::text,
    created_at timestamp with time zone NOT NULL,
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT user_account_pkey PRIMARY KEY (id),
    CONSTRAINT user_account_email_key UNIQUE (email),
    CONSTRAINT user_account_email_lower CHECK (email = lower(email)),
    CONSTRAINT user_account_locale_known CHECK (locale = ANY (ARRAY['it'::text, 'en'::text]))
);
GRANT INSERT, SELECT, UPDATE ON public.user_account TO beatrice_app, beatrice_worker;

CREATE TABLE public.webhook_delivery (
    id uuid NOT NULL,
    organisation_id uuid NOT NULL,
    endpoint_id uuid NOT NULL,
    event_id uuid NOT NULL,
    object_id uuid NOT NULL,
    position bigint NOT NULL,
    status text NOT NULL DEFAULT 'pending'::text,
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamp with time zone,
    attempted_at timestamp with time zone,
    answer_status smallint,
    problem text,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT webhook_delivery_pkey PRIMARY KEY (id),
    CONSTRAINT webhook_delivery_once UNIQUE (event_id, endpoint_id),
    CONSTRAINT webhook_delivery_event_id_fkey FOREIGN KEY (event_id) REFERENCES public.event(id) ON DELETE CASCADE,
    CONSTRAINT webhook_delivery_organisation_id_endpoint_id_fkey FOREIGN KEY (organisation_id, endpoint_id) REFERENCES public.webhook_endpoint(organisation_id, id),
    CONSTRAINT webhook_delivery_attempts_counted CHECK (attempts >= 0),
    CONSTRAINT webhook_delivery_pending_has_next CHECK ((status = 'pending'::text) = (next_attempt_at IS NOT NULL)),
    CONSTRAINT webhook_delivery_problem_known CHECK (problem = ANY (ARRAY['answer'::text, 'timeout'::text, 'unreachable'::text, 'tls'::text, 'unreadable'::text, 'address_not_allowed'::text, 'endpoint_ended'::text])),
    CONSTRAINT webhook_delivery_status_known CHECK (status = ANY (ARRAY['pending'::text, 'delivered'::text, 'failed'::text]))
);
CREATE INDEX webhook_delivery_due_idx ON public.webhook_delivery USING btree (endpoint_id, "position") WHERE status = 'pending'::text;
CREATE INDEX webhook_delivery_endpoint_idx ON public.webhook_delivery USING btree (organisation_id, endpoint_id, id);
CREATE INDEX webhook_delivery_object_idx ON public.webhook_delivery USING btree (endpoint_id, object_id, "position") WHERE status = 'pending'::text;
GRANT INSERT, SELECT, UPDATE ON public.webhook_delivery TO beatrice_app, beatrice_worker;

CREATE TABLE public.webhook_endpoint (
    id uuid NOT NULL,
    organisation_id uuid NOT NULL,
    place smallint,
    url text NOT NULL,
    description text,
    event_types text[] NOT NULL,
    status text NOT NULL DEFAULT 'active'::text,
    disabled_reason text,
    disabled_at timestamp with time zone,
    sealed_secret bytea NOT NULL,
    sealed_previous_secret bytea,
    previous_until timestamp with time zone,
    planned_position bigint NOT NULL,
    failures integer NOT NULL DEFAULT 0,
    failing_since timestamp with time zone,
    rest_until timestamp with time zone,
    is_slow boolean NOT NULL DEFAULT false,
    version integer NOT NULL DEFAULT 1,
    created_by uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT webhook_endpoint_pkey PRIMARY KEY (id),
    CONSTRAINT webhook_endpoint_organisation_id_id_key UNIQUE (organisation_id, id),
    CONSTRAINT webhook_endpoint_created_by_fkey FOREIGN KEY (created_by) REFERENCES public.user_account(id),
    CONSTRAINT webhook_endpoint_organisation_id_fkey FOREIGN KEY (organisation_id) REFERENCES public.organisation(id),
    CONSTRAINT webhook_endpoint_disabled_reason_known CHECK (disabled_reason = ANY (ARRAY['person'::text, 'gone'::text, 'failing'::text])),
    CONSTRAINT webhook_endpoint_disabled_whole CHECK ((status = 'disabled'::text) = (disabled_reason IS NOT NULL) AND (status = 'disabled'::text) = (disabled_at IS NOT NULL)),
    CONSTRAINT webhook_endpoint_failing_whole CHECK ((failures > 0) = (failing_since IS NOT NULL)),
    CONSTRAINT webhook_endpoint_failures_counted CHECK (failures >= 0),
    CONSTRAINT webhook_endpoint_place_known CHECK (place >= 1 AND place <= 16),
    CONSTRAINT webhook_endpoint_place_until_deleted CHECK ((status = 'deleted'::text) = (place IS NULL)),
    CONSTRAINT webhook_endpoint_position_counted CHECK (planned_position >= 0),
    CONSTRAINT webhook_endpoint_previous_whole CHECK ((sealed_previous_secret IS NULL) = (previous_until IS NULL)),
    CONSTRAINT webhook_endpoint_status_known CHECK (status = ANY (ARRAY['active'::text, 'disabled'::text, 'deleted'::text])),
    CONSTRAINT webhook_endpoint_types_given CHECK (cardinality(event_types) > 0)
);
CREATE INDEX webhook_endpoint_active_idx ON public.webhook_endpoint USING btree (id) WHERE status = 'active'::text;
CREATE INDEX webhook_endpoint_created_by_idx ON public.webhook_endpoint USING btree (created_by);
CREATE UNIQUE INDEX webhook_endpoint_place_key ON public.webhook_endpoint USING btree (organisation_id, place);
GRANT INSERT, SELECT, UPDATE ON public.webhook_endpoint TO beatrice_app;
GRANT SELECT, UPDATE ON public.webhook_endpoint TO beatrice_worker;

CREATE VIEW care.fringe_leg WITH (security_invoker=true) AS
 SELECT leg.id,
    leg.unit_id,
    COALESCE(lot.company_id, counted.company_id) AS company_id,
    COALESCE(public.fringe_holder(lot.company_id, lot.employee_id), counted.employee_id) AS employee_id,
    EXTRACT(year FROM (unit.starts_at AT TIME ZONE 'Europe/Rome'::text))::integer AS tax_year,
        CASE
            WHEN leg.rule_code = 'C3_FRINGE'::text AND (unit.status = ANY (ARRAY['requested'::text, 'confirmed'::text])) THEN leg.amount_cents
            ELSE 0::bigint
        END AS held_cents,
        CASE
            WHEN leg.rule_code = 'C3_FRINGE'::text AND (unit.status = ANY (ARRAY['delivered'::text, 'completed'::text])) THEN LEAST(leg.amount_cents::numeric, GREATEST(0::numeric, (unit.price_cents - unit.refunded_cents)::numeric - (( SELECT COALESCE(sum(before.amount_cents), 0::numeric) AS "coalesce"
               FROM care.leg before
              WHERE before.unit_id = leg.unit_id AND before.id < leg.id))))::bigint
            ELSE 0::bigint
        END AS used_cents
   FROM care.leg
     JOIN care.unit ON unit.id = leg.unit_id
     LEFT JOIN public.lot ON lot.id = leg.lot_id
     LEFT JOIN public.fringe_use counted ON counted.id = leg.id
  WHERE leg.rule_code = 'C3_FRINGE'::text AND lot.company_id IS NOT NULL OR counted.id IS NOT NULL;
GRANT SELECT ON care.fringe_leg TO beatrice_app, beatrice_worker;

CREATE VIEW ledger.entry WITH (security_invoker=true) AS
 SELECT transfer.from_account_id AS account_id,
    transfer.id AS transfer_id,
    - transfer.amount_cents AS amount_cents,
    transfer.reason,
    transfer.event_at,
    transfer.created_at
   FROM ledger.transfer
UNION ALL
 SELECT transfer.to_account_id AS account_id,
    transfer.id AS transfer_id,
    transfer.amount_cents,
    transfer.reason,
    transfer.event_at,
    transfer.created_at
   FROM ledger.transfer;
GRANT SELECT ON ledger.entry TO beatrice_app, beatrice_worker;

CREATE VIEW ledger.route WITH (security_invoker=true) AS
 SELECT 'top_up'::text AS reason,
    'bank_clearing_company'::text AS from_kind,
    'company_account'::text AS to_kind,
    'plain'::text AS how,
    false AS within
UNION ALL
 SELECT 'granted'::text AS reason,
    'company_account'::text AS from_kind,
    'lot'::text AS to_kind,
    'plain'::text AS how,
    false AS within
UNION ALL
 SELECT 'awarded'::text AS reason,
    'entitlement_budget'::text AS from_kind,
    'lot'::text AS to_kind,
    'plain'::text AS how,
    false AS within
UNION ALL
 SELECT 'captured'::text AS reason,
    'lot'::text AS from_kind,
    'provider_earned'::text AS to_kind,
    'capture'::text AS how,
    false AS within
UNION ALL
 SELECT 'fee'::text AS reason,
    'lot'::text AS from_kind,
    'provider_earned'::text AS to_kind,
    'capture'::text AS how,
    false AS within
UNION ALL
 SELECT 'reverted'::text AS reason,
    'provider_earned'::text AS from_kind,
    'lot'::text AS to_kind,
    'reversal'::text AS how,
    false AS within
UNION ALL
 SELECT 'refunded'::text AS reason,
    'provider_earned'::text AS from_kind,
    'lot'::text AS to_kind,
    'reversal'::text AS how,
    false AS within
UNION ALL
 SELECT 'captured'::text AS reason,
    'lot'::text AS from_kind,
    'claims_payable'::text AS to_kind,
    'capture'::text AS how,
    false AS within
UNION ALL
 SELECT 'claim_paid'::text AS reason,
    'claims_payable'::text AS from_kind,
    'bank_clearing_company'::text AS to_kind,
    'plain'::text AS how,
    false AS within
UNION ALL
 SELECT 'expired'::text AS reason,
    'lot'::text AS from_kind,
    'company_returns'::text AS to_kind,
    'plain'::text AS how,
    false AS within
UNION ALL
 SELECT 'expired'::text AS reason,
    'lot'::text AS from_kind,
    'solidarity_fund'::text AS to_kind,
    'plain'::text AS how,
    false AS within
UNION ALL
 SELECT 'returned'::text AS reason,
    'lot'::text AS from_kind,
    'company_returns'::text AS to_kind,
    'plain'::text AS how,
    false AS within
UNION ALL
 SELECT 'returned'::text AS reason,
    'lot'::text AS from_kind,
    'solidarity_fund'::text AS to_kind,
    'plain'::text AS how,
    false AS within
UNION ALL
 SELECT 'grace'::text AS reason,
    'lot'::text AS from_kind,
    'lot'::text AS to_kind,
    'plain'::text AS how,
    false AS within
UNION ALL
 SELECT 'carried_over'::text AS reason,
    'lot'::text AS from_kind,
    'lot'::text AS to_kind,
    'plain'::text AS how,
    false AS within
UNION ALL
 SELECT 'restored'::text AS reason,
    'company_returns'::text AS from_kind,
    'lot'::text AS to_kind,
    'reversal'::text AS how,
    false AS within
UNION ALL
 SELECT 'returns'::text AS reason,
    'company_returns'::text AS from_kind,
    'company_account'::text AS to_kind,
    'plain'::text AS how,
    true AS within
UNION ALL
 SELECT 'completed'::text AS reason,
    'provider_earned'::text AS from_kind,
    'provider_payable'::text AS to_kind,
    'plain'::text AS how,
    true AS within
UNION ALL
 SELECT 'fee_payable'::text AS reason,
    'provider_earned'::text AS from_kind,
    'provider_payable'::text AS to_kind,
    'plain'::text AS how,
    true AS within
UNION ALL
 SELECT 'adjusted'::text AS reason,
    'provider_payable'::text AS from_kind,
    'provider_earned'::text AS to_kind,
    'plain'::text AS how,
    true AS within
UNION ALL
 SELECT 'settlement_fee'::text AS reason,
    'provider_payable'::text AS from_kind,
    'platform_fees'::text AS to_kind,
    'plain'::text AS how,
    false AS within
UNION ALL
 SELECT 'settlement_fee_vat'::text AS reason,
    'provider_payable'::text AS from_kind,
    'vat_payable'::text AS to_kind,
    'plain'::text AS how,
    false AS within
UNION ALL
 SELECT 'settlement_cancelled'::text AS reason,
    'platform_fees'::text AS from_kind,
    'provider_payable'::text AS to_kind,
    'reversal'::text AS how,
    false AS within
UNION ALL
 SELECT 'settlement_cancelled'::text AS reason,
    'vat_payable'::text AS from_kind,
    'provider_payable'::text AS to_kind,
    'reversal'::text AS how,
    false AS within
UNION ALL
 SELECT 'payout'::text AS reason,
    'provider_payable'::text AS from_kind,
    'provider_in_transit'::text AS to_kind,
    'plain'::text AS how,
    true AS within;

CREATE VIEW public.agreement_line WITH (security_invoker=true) AS
 SELECT programme.company_id,
    programme.agreement_code,
    programme.agreement_year,
    employee.fiscal_code_index,
    line.grant_id,
    line.employee_id,
    line.amount_cents
   FROM public.programme
     JOIN public.credit_grant ON credit_grant.company_id = programme.company_id AND credit_grant.programme_id = programme.id
     JOIN public.grant_line line ON line.company_id = credit_grant.company_id AND line.grant_id = credit_grant.id
     JOIN public.employee ON employee.company_id = line.company_id AND employee.id = line.employee_id
  WHERE programme.agreement_code IS NOT NULL AND (credit_grant.status = ANY (ARRAY['awaiting_funds'::text, 'active'::text])) AND NOT (EXISTS ( SELECT
           FROM public.revoked_line revoked
             JOIN public.grant_revocation asked ON asked.id = revoked.revocation_id AND asked.approved_at IS NOT NULL
          WHERE revoked.grant_id = line.grant_id AND revoked.employee_id = line.employee_id));
GRANT SELECT ON public.agreement_line TO beatrice_app, beatrice_hr, beatrice_worker;

CREATE VIEW public.lot_life WITH (security_invoker=true) AS
 SELECT lot.id,
    lot.source_id,
    COALESCE(lot.user_id, employee.user_id) AS user_id,
    lot.company_id,
    lot.employee_id,
    lot.grant_id,
    lot.kind,
    lot.grace_of,
    lot.amount_cents,
    lot.valid_from,
    lot.expires_on,
    final.revoked_at,
    lot.ended_at,
    final.last_day,
        CASE
            WHEN lot.ended_at IS NULL AND final.revoked_at IS NULL THEN final.last_day
            ELSE '-infinity'::date
        END AS usable_until,
        CASE
            WHEN final.revoked_at IS NOT NULL THEN true
            WHEN lot.ended_at IS NULL THEN final.last_day < lot.expires_on
            ELSE (lot.ended_at AT TIME ZONE 'Europe/Rome'::text)::date <= lot.expires_on
        END AS ended_early,
    source.name AS source_name,
    source.programme_source,
    source.rule_codes,
    source.categories,
    source.validity_basis,
    source.relatives_reading,
    source.fee_funding,
    source.expired_credit_to,
    source.leavers_rule,
    source.funded_by_account_id,
        CASE
            WHEN source.kind = 'programme'::text AND NOT public.may_return_to_company(source.expired_credit_to, source.leavers_rule) THEN fund.account_id
            ELSE source.returns_to_account_id
        END AS returned_to_account_id,
        CASE
            WHEN source.expired_credit_to = 'solidarity_fund'::text AND lot.company_id IS NOT NULL THEN fund.account_id
            ELSE source.returns_to_account_id
        END AS expired_to_account_id,
    lot.grace_until
   FROM public.lot
     JOIN public.credit_source source ON source.id = lot.source_id
     LEFT JOIN public.employee ON employee.id = lot.employee_id
     LEFT JOIN public.lot origin ON origin.id = lot.grace_of
     CROSS JOIN LATERAL ( SELECT COALESCE(lot.revoked_at, origin.revoked_at) AS revoked_at,
            LEAST(lot.expires_on, (COALESCE(lot.revoked_at, origin.revoked_at) AT TIME ZONE 'Europe/Rome'::text)::date - 1,
                CASE
                    WHEN source.leavers_rule = 'zero_at_leaving'::text AND employee.ended_on IS NOT NULL THEN GREATEST(employee.ended_on, (employee.ended_noted_at AT TIME ZONE 'Europe/Rome'::text)::date - 31)
                    ELSE NULL::date
                END) AS last_day) final
     CROSS JOIN LATERAL ( SELECT COALESCE(( SELECT alliance.solidarity_account_id
                   FROM public.alliance_membership member
                     JOIN public.alliance ON alliance.id = member.alliance_id
                  WHERE member.organisation_id = lot.company_id AND member.role = 'company'::text AND member.ended_on IS NULL
                  ORDER BY member.joined_on, member.id
                 LIMIT 1), ( SELECT account.id
                   FROM ledger.account
                  WHERE account.kind = 'solidarity_fund'::text AND account.owner_id IS NULL)) AS account_id) fund;
GRANT SELECT ON public.lot_life TO beatrice_app, beatrice_worker;

CREATE VIEW public.lot_owner WITH (security_invoker=true) AS
 SELECT lot.id AS lot_id,
    lot.user_id
   FROM public.lot
  WHERE lot.user_id IS NOT NULL
UNION ALL
 SELECT lot.id AS lot_id,
    employee.user_id
   FROM public.employee
     JOIN public.lot ON lot.company_id = employee.company_id AND lot.employee_id = employee.id
  WHERE employee.user_id IS NOT NULL;
GRANT SELECT ON public.lot_owner TO beatrice_app, beatrice_worker;

CREATE VIEW public.setting WITH (security_invoker=true) AS
 SELECT 'quote_minutes'::text AS name,
    'minutes'::text AS unit,
    '15'::bigint AS default_value,
    '1'::bigint AS "least",
    '1440'::bigint AS most,
    '{platform,network,alliance,organisation}'::text[] AS levels,
    NULL::text AS stricter
UNION ALL
 SELECT 'acknowledge_hours'::text AS name,
    'hours'::text AS unit,
    120 AS default_value,
    1 AS "least",
    720 AS most,
    '{platform,network,alliance,organisation}'::text[] AS levels,
    'more'::text AS stricter
UNION ALL
 SELECT 'grace_days'::text AS name,
    'days'::text AS unit,
    60 AS default_value,
    1 AS "least",
    730 AS most,
    '{platform,network,alliance,organisation,programme}'::text[] AS levels,
    NULL::text AS stricter
UNION ALL
 SELECT 'grace_window_days'::text AS name,
    'days'::text AS unit,
    7 AS default_value,
    0 AS "least",
    90 AS most,
    '{platform,network,alliance,organisation,programme}'::text[] AS levels,
    NULL::text AS stricter
UNION ALL
 SELECT 'minimum_payout_cents'::text AS name,
    'cents'::text AS unit,
    1 AS default_value,
    1 AS "least",
    100000 AS most,
    '{platform,network,alliance,organisation}'::text[] AS levels,
    NULL::text AS stricter
UNION ALL
 SELECT 'least_people'::text AS name,
    'people'::text AS unit,
    10 AS default_value,
    5 AS "least",
    1000 AS most,
    '{platform,network,alliance,organisation}'::text[] AS levels,
    'more'::text AS stricter
UNION ALL
 SELECT 'least_line_cents'::text AS name,
    'cents'::text AS unit,
    2000 AS default_value,
    500 AS "least",
    100000 AS most,
    '{platform,network,alliance,organisation}'::text[] AS levels,
    'more'::text AS stricter
UNION ALL
 SELECT 'returns_quarters'::text AS name,
    'quarters'::text AS unit,
    1 AS default_value,
    1 AS "least",
    2 AS most,
    '{platform,network,alliance,organisation}'::text[] AS levels,
    'more'::text AS stricter
UNION ALL
 SELECT 'top_up_limit_cents'::text AS name,
    'cents'::text AS unit,
    1000000 AS default_value,
    0 AS "least",
    10000000 AS most,
    '{platform,network,alliance,organisation}'::text[] AS levels,
    'less'::text AS stricter
UNION ALL
 SELECT 'fee_cap_bps'::text AS name,
    'basis_points'::text AS unit,
    2000 AS default_value,
    0 AS "least",
    5000 AS most,
    '{platform,network,alliance,organisation}'::text[] AS levels,
    'less'::text AS stricter;
GRANT SELECT ON public.setting TO beatrice_app, beatrice_worker;

CREATE OR REPLACE FUNCTION care.block_what_is_disputed()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    UPDATE payable SET blocked = NEW.disputed 
    WHERE source_kind = 'unit' AND source_id = NEW.id AND settlement_id IS NULL;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION care.booking_status(states text[])
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$
    SELECT CASE
        WHEN 'requested' = ANY (states) THEN 'requested'
        WHEN 'confirmed' = ANY (states) AND states && '{delivered,completed,no_show}' THEN 'in_progress'
        WHEN 'confirmed' = ANY (states) THEN 'confirmed'
        WHEN 'delivered' = ANY (states) THEN 'delivered'
        WHEN 'completed' = ANY (states) THEN 'completed'
        WHEN 'no_show' = ANY (states) THEN 'no_show'
        WHEN states && '{cancelled,cancelled_late}' THEN 'cancelled'
        WHEN 'declined' = ANY (states) THEN 'declined'
        ELSE 'expired' END
$function$;
GRANT EXECUTE ON FUNCTION care.booking_status(text[]) TO beatrice_app, beatrice_worker;

CREATE OR REPLACE FUNCTION care.check_leg_takes_credit()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'care', 'public', 'pg_temp'
AS $function$
BEGIN
    IF EXISTS (
        WITH asked AS MATERIALIZED (
            SELECT DISTINCT unit.provider_id, offering.category,
                (unit.starts_at AT TIME ZONE 'Europe/Rome')::date AS service_on
            FROM new_rows JOIN unit ON unit.id = new_rows.unit_id JOIN booking ON booking.id = unit.booking_id
            JOIN offering ON offering.id = booking.offering_id
            WHERE new_rows.source <> 'own_money'
        )
        SELECT FROM asked WHERE NOT takes_credit(provider_id, category, service_on)
    ) THEN
        RAISE EXCEPTION 'the provider takes no credit on this day'
            USING ERRCODE = '23514', CONSTRAINT = 'leg_provider_takes_credit';
    END IF;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION care.check_unit_takes_credit()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'care', 'public', 'pg_temp'
AS $function$
BEGIN
    IF EXISTS (
        WITH asked AS MATERIALIZED (
            SELECT DISTINCT new_rows.provider_id, offering.category,
                (new_rows.starts_at AT TIME ZONE 'Europe/Rome')::date AS service_on
            FROM new_rows JOIN old_rows ON old_rows.id = new_rows.id AND old_rows.status <> new_rows.status
            JOIN booking ON booking.id = new_rows.booking_id JOIN offering ON offering.id = booking.offering_id
            WHERE new_rows.status IN ('delivered', 'no_show')
                AND EXISTS (SELECT FROM leg WHERE leg.unit_id = new_rows.id AND leg.source <> 'own_money')
        )
        SELECT FROM asked WHERE NOT takes_credit(provider_id, category, service_on)
    ) THEN
        RAISE EXCEPTION 'the provider takes no credit on this day'
            USING ERRCODE = '23514', CONSTRAINT = 'unit_provider_takes_credit';
    END IF;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION care.check_whole_units()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'care', 'pg_temp'
AS $function$
BEGIN
    IF EXISTS (
        SELECT 1 FROM unit u JOIN leg l ON l.unit_id = u.id
        WHERE u.id IN (SELECT unit_id FROM new_rows)
        GROUP BY u.id, u.price_cents
        HAVING sum(l.amount_cents) <> u.price_cents OR count(DISTINCT l.source = 'own_money') <> 1
    ) THEN
        RAISE EXCEPTION 'the legs of a unit are its price, from credit or from own money'
            USING ERRCODE = '23514', CONSTRAINT = 'leg_whole_units';
    END IF;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION care.claim_adds_up()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'care', 'pg_temp'
AS $function$
DECLARE
    of_document uuid := coalesce(to_jsonb(NEW) ->> 'document_id', to_jsonb(NEW) ->> 'id');
BEGIN
    IF EXISTS (SELECT FROM claim_document document WHERE document.id = of_document AND document.claimed_cents <> (
            SELECT coalesce(sum(claim.amount_cents), 0) FROM claim
            WHERE claim.document_id = of_document AND claim.status NOT IN ('rejected', 'withdrawn'))) THEN
        PERFORM care.refuse_claim('claim_document_is_sum', 'what is claimed of a document is the sum of its claims');
    END IF;
    IF TG_TABLE_NAME = 'claim' AND EXISTS (
            SELECT FROM claim CROSS JOIN LATERAL (
                SELECT coalesce(sum(leg.amount_cents), 0) AS cents,
                    count(*) FILTER (WHERE ended.kind IS DISTINCT FROM CASE
                        WHEN claim.status IN ('submitted', 'needs_info') THEN NULL
                        WHEN claim.status IN ('approved', 'paid') THEN 'captured' ELSE 'released' END) AS otherwise
                FROM claim_leg leg LEFT JOIN ledger.hold_end ended ON ended.hold_id = leg.hold_id
                WHERE leg.claim_id = claim.id AND leg.attempt = CASE WHEN claim.appealed_at IS NULL THEN 1 ELSE 2 END
            ) AS legs
            WHERE claim.id = (to_jsonb(NEW) ->> 'id')::uuid
                AND (legs.cents <> claim.amount_cents OR legs.otherwise > 0)) THEN
        PERFORM care.refuse_claim('claim_is_its_holds', 'what a claim asks for is held, paid or freed as its state says');
    END IF;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION care.claim_begins()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'care', 'pg_temp'
AS $function$
BEGIN
    IF NEW.status <> 'submitted' OR NEW.run_id IS NOT NULL OR NEW.appealed_at IS NOT NULL
            OR num_nonnulls(NEW.sealed_question, NEW.sealed_answer) > 0
            OR NOT EXISTS (SELECT FROM beneficiary WHERE id = NEW.beneficiary_id AND user_id = NEW.user_id) THEN
        PERFORM care.refuse_claim('claim_begins_submitted', 'a claim begins as submitted, for somebody of its person');
    END IF;
    RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION care.claim_document_stays()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'care', 'pg_temp'
AS $function$
BEGIN
    IF (OLD.id, OLD.total_cents, OLD.public_cents, OLD.created_at)
            IS DISTINCT FROM (NEW.id, NEW.total_cents, NEW.public_cents, NEW.created_at) THEN
        PERFORM care.refuse_claim('claim_document_immutable', 'a document says what it said');
    END IF;
    RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION care.claim_file_stays()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'care', 'pg_temp'
AS $function$
BEGIN
    IF OLD.claim_id IS NOT NULL AND (TG_OP = 'DELETE' OR NEW.claim_id IS DISTINCT FROM OLD.claim_id) THEN
        PERFORM care.refuse_claim('claim_file_stays', 'a file stays with its claim');
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    IF (OLD.id, OLD.user_id, OLD.media_type, OLD.size_bytes, OLD.created_at)
            IS DISTINCT FROM (NEW.id, NEW.user_id, NEW.media_type, NEW.size_bytes, NEW.created_at)
            OR NEW.claim_id IS NOT NULL
                AND NOT EXISTS (SELECT FROM claim WHERE id = NEW.claim_id AND user_id = NEW.user_id) THEN
        PERFORM care.refuse_claim('claim_file_of_its_person', 'a file belongs to a claim of who uploaded it');
    END IF;
    RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION care.claim_leg_is_its_hold()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'care', 'public', 'pg_temp'
AS $function$
BEGIN
    IF NOT EXISTS (
            SELECT FROM ledger.hold JOIN ledger.account payee ON payee.id = hold.payee_account_id
            JOIN lot_owner owner ON owner.lot_id = hold.account_id
            JOIN claim ON claim.id = NEW.claim_id AND claim.user_id = owner.user_id
            WHERE hold.id = NEW.hold_id AND hold.account_id = NEW.lot_id AND hold.amount_cents = NEW.amount_cents
                AND hold.cause_id = NEW.claim_id AND payee.kind = 'claims_payable') THEN
        PERFORM care.refuse_claim('claim_leg_is_its_hold', 'a leg is a hold on a lot of the claim''s person');
    END IF;
    RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION care.claim_moves()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'care', 'pg_temp'
AS $function$
DECLARE
    way text := OLD.status || '>' || NEW.status;
    may_change text[] := CASE way
        WHEN 'submitted>needs_info' THEN ARRAY['sealed_question']
        WHEN 'needs_info>submitted' THEN ARRAY['sealed_answer']
        WHEN 'submitted>approved' THEN ARRAY['decided_at', 'decided_by', 'sealed_decision']
        WHEN 'submitted>rejected' THEN ARRAY['decided_at', 'decided_by', 'sealed_decision']
        WHEN 'submitted>withdrawn' THEN '{}' WHEN 'needs_info>withdrawn' THEN '{}'
        WHEN 'rejected>submitted' THEN ARRAY['appealed_at', 'sealed_appeal', 'first_decided_by']
        WHEN 'approved>approved' THEN ARRAY['run_id']
        WHEN 'approved>paid' THEN ARRAY['paid_at'] END;
BEGIN
    -- The keys change when everything is sealed anew: then words move, and nothing else.
    IF may_change IS NULL AND NEW.status = OLD.status THEN
        may_change := '{}';
    END IF;
    IF may_change IS NULL THEN
        PERFORM care.refuse_claim('claim_transition', 'a claim does not go this way');
    END IF;
    may_change := may_change || ARRAY['status', 'sealed_details', 'sealed_payee']
        || CASE WHEN NEW.status = OLD.status
            THEN ARRAY['sealed_question', 'sealed_answer', 'sealed_decision', 'sealed_appeal'] ELSE '{}' END;
    IF to_jsonb(NEW) - may_change IS DISTINCT FROM to_jsonb(OLD) - may_change THEN
        PERFORM care.refuse_claim('claim_immutable', 'what was claimed and decided never changes');
    END IF;
    IF way = 'rejected>submitted' AND (OLD.appealed_at IS NOT NULL OR NEW.first_decided_by IS DISTINCT FROM OLD.decided_by)
            THEN
        PERFORM care.refuse_claim('claim_appealed_once', 'a claim is appealed once');
    END IF;
    IF way = 'approved>paid' AND NOT EXISTS (SELECT FROM claim_run WHERE id = NEW.run_id AND status = 'sent')
            OR way = 'approved>approved' AND OLD.run_id IS NOT NULL AND NEW.run_id IS DISTINCT FROM OLD.run_id
                AND (NEW.run_id IS NOT NULL
                    OR NOT EXISTS (SELECT FROM claim_run WHERE id = OLD.run_id AND status = 'cancelled')) THEN
        PERFORM care.refuse_claim('claim_follows_its_run', 'a claim is paid and freed with its run');
    END IF;
    RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION care.claim_run_adds_up()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'care', 'pg_temp'
AS $function$
DECLARE
    of_run uuid := coalesce(to_jsonb(NEW) ->> 'run_id', to_jsonb(NEW) ->> 'id');
BEGIN
    IF EXISTS (
            SELECT FROM claim_run run CROSS JOIN LATERAL (
                SELECT count(*) AS count, coalesce(sum(amount_cents), 0) AS cents,
                    count(*) FILTER (WHERE status <> CASE WHEN run.status = 'sent' THEN 'paid' ELSE 'approved' END)
                        AS otherwise
                FROM claim WHERE claim.run_id = run.id
            ) AS claims
            WHERE run.id = of_run AND (
                claims.count <> CASE WHEN run.status = 'cancelled' THEN 0 ELSE run.claim_count END
                OR claims.cents <> CASE WHEN run.status = 'cancelled' THEN 0 ELSE run.total_cents END
                OR claims.otherwise > 0)) THEN
        PERFORM care.refuse_claim('claim_run_is_sum', 'a run is the sum of its claims');
    END IF;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION care.claim_run_moves()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'care', 'pg_temp'
AS $function$
DECLARE
    may_change text[] := CASE OLD.status || '>' || NEW.status
        WHEN 'closed>approved' THEN ARRAY['approved_by', 'approved_at', 'debtor_name', 'debtor_iban', 'execution_on',
            'payment_file_sha256']
        WHEN 'closed>cancelled' THEN ARRAY['cancelled_by', 'cancelled_at']
        WHEN 'approved>sent' THEN ARRAY['sent_at'] END;
BEGIN
    IF may_change IS NULL THEN
        PERFORM care.refuse_claim('claim_run_transition', 'a run of payments does not go this way');
    END IF;
    may_change := may_change || ARRAY['status'];
    IF to_jsonb(NEW) - may_change IS DISTINCT FROM to_jsonb(OLD) - may_change THEN
        PERFORM care.refuse_claim('claim_run_immutable', 'a run pays what it was closed with');
    END IF;
    RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION care.count_changed_legs()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'care', 'public', 'pg_temp'
AS $function$
BEGIN
    IF EXISTS (SELECT FROM new_rows n JOIN old_rows o ON o.id = n.id
            WHERE (o.rule_code, o.lot_id, o.amount_cents) IS DISTINCT FROM (n.rule_code, n.lot_id, n.amount_cents)
                AND 'C3_FRINGE' IN (o.rule_code, n.rule_code)) THEN
        PERFORM count_fringe(ARRAY(SELECT DISTINCT unit_id FROM new_rows), false);
    END IF;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION care.count_fringe(unit_ids uuid[], refusing boolean)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'care', 'public', 'pg_temp'
AS $function$
BEGIN
    PERFORM set_fringe_uses(array_agg(id), array_agg(company_id), array_agg(employee_id), array_agg(tax_year),
            array_agg(held_cents), array_agg(used_cents), refusing, (SELECT max(status_at) FROM unit WHERE id = ANY (unit_ids)))
        FROM (SELECT * FROM fringe_leg WHERE unit_id = ANY (unit_ids) ORDER BY id) AS counted
        HAVING count(*) > 0;
END $function$;

CREATE OR REPLACE FUNCTION care.count_gone_legs()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'care', 'public', 'pg_temp'
AS $function$
BEGIN
    PERFORM set_fringe_uses(array_agg(counted.id), array_agg(counted.company_id), array_agg(counted.employee_id),
            array_agg(counted.tax_year), array_agg(bigint '0'), array_agg(bigint '0'), false, max(unit.status_at))
        FROM old_rows JOIN fringe_use counted ON counted.id = old_rows.id JOIN unit ON unit.id = old_rows.unit_id
        HAVING count(*) > 0;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION care.count_moved_units()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'care', 'public', 'pg_temp'
AS $function$
DECLARE
    unit_ids uuid[] := ARRAY(
        SELECT n.id FROM new_rows n JOIN old_rows o ON o.id = n.id
        WHERE (o.status, o.refunded_cents, o.starts_at) IS DISTINCT FROM (n.status, n.refunded_cents, n.starts_at)
            AND EXISTS (SELECT FROM leg WHERE leg.unit_id = n.id AND leg.rule_code = 'C3_FRINGE'));
BEGIN
    IF cardinality(unit_ids) > 0 THEN
        PERFORM count_fringe(unit_ids, false);
    END IF;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION care.count_new_legs()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'care', 'public', 'pg_temp'
AS $function$
BEGIN
    IF EXISTS (SELECT FROM new_rows WHERE rule_code = 'C3_FRINGE') THEN
        PERFORM count_fringe(ARRAY(SELECT DISTINCT unit_id FROM new_rows WHERE rule_code = 'C3_FRINGE'), true);
    END IF;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION care.dispute_decided_once()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'care', 'pg_temp'
AS $function$
BEGIN
    IF OLD.status <> 'open' OR NEW.status = 'open'
            OR (OLD.id, OLD.booking_id, OLD.user_id, OLD.provider_id, OLD.sealed_reason, OLD.contested_cents,
                OLD.created_at, OLD.decide_by)
            IS DISTINCT FROM (NEW.id, NEW.booking_id, NEW.user_id, NEW.provider_id, NEW.sealed_reason,
                NEW.contested_cents, NEW.created_at, NEW.decide_by) THEN
        RAISE EXCEPTION 'a dispute is decided once, and nothing else of it changes'
            USING ERRCODE = '23514', CONSTRAINT = 'dispute_decided_once';
    END IF;
    IF EXISTS (SELECT FROM public.role_grant g WHERE g.organisation_id = NEW.provider_id AND g.user_id = NEW.decided_by
            AND (g.until_at IS NULL OR g.until_at > greatest(g.from_at, NEW.decided_at))) THEN
        RAISE EXCEPTION 'who works for the provider does not decide'
            USING ERRCODE = '23514', CONSTRAINT = 'dispute_decided_apart';
    END IF;
    RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION care.dispute_is_its_units()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'care', 'pg_temp'
AS $function$
DECLARE
    of_dispute uuid := coalesce(to_jsonb(NEW) ->> 'dispute_id', to_jsonb(NEW) ->> 'id');
    units integer;
    frozen integer;
    refunded bigint;
BEGIN
    SELECT count(*), count(*) FILTER (WHERE unit.disputed), coalesce(sum(unit.refunded_cents), 0)
    INTO units, frozen, refunded
    FROM dispute_unit JOIN unit ON unit.id = dispute_unit.unit_id
    WHERE dispute_unit.booking_id = NEW.booking_id AND dispute_unit.dispute_id = of_dispute;
    IF units = 0 OR EXISTS (SELECT FROM dispute WHERE id = of_dispute AND (
            frozen <> CASE WHEN status = 'open' THEN units ELSE 0 END OR refunded <> coalesce(refund_cents, 0))) THEN
        RAISE EXCEPTION 'units are frozen while their dispute is open, and get back what was decided'
            USING ERRCODE = '23514', CONSTRAINT = 'dispute_is_its_units';
    END IF;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION care.keep_past_facts()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'care', 'pg_temp'
AS $function$
BEGIN
    INSERT INTO beneficiary_past (beneficiary_id, version, relation, sealed_details)
        VALUES (OLD.id, OLD.version, OLD.relation, OLD.sealed_details);
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION care.pay_with_own_money(unit_ids uuid[], leg_ids uuid[])
 RETURNS integer
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'care', 'pg_temp'
AS $function$
BEGIN
    IF (SELECT count(*) FROM unit WHERE id = ANY (unit_ids) AND needs_review) <> cardinality(unit_ids)
        OR EXISTS (
            SELECT FROM leg WHERE leg.unit_id = ANY (unit_ids) AND leg.hold_id IS NOT NULL
                AND NOT EXISTS (SELECT FROM ledger.hold_end ended WHERE ended.hold_id = leg.hold_id)
        )
    THEN
        RAISE EXCEPTION 'own money takes over what needs a review, once its credit is free'
            USING ERRCODE = '23514', CONSTRAINT = 'leg_own_money_after_review';
    END IF;
    DELETE FROM leg WHERE unit_id = ANY (unit_ids);
    INSERT INTO leg (id, unit_id, source, amount_cents)
        SELECT given.leg_id, unit.id, 'own_money', unit.price_cents
        FROM unnest(unit_ids, leg_ids) AS given (unit_id, leg_id) JOIN unit ON unit.id = given.unit_id;
    UPDATE unit SET needs_review = false, review_by = NULL, own_money_due_cents = price_cents,
        fee_funding = 'out_of_pocket' WHERE id = ANY (unit_ids);
    RETURN cardinality(unit_ids);
END $function$;
GRANT EXECUTE ON FUNCTION care.pay_with_own_money(uuid[],uuid[]) TO beatrice_app;

CREATE OR REPLACE FUNCTION care.record_moved_units()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'care', 'pg_temp'
AS $function$
BEGIN
    IF EXISTS (
        SELECT 1 FROM new_rows n JOIN old_rows o ON o.id = n.id AND o.status <> n.status
        WHERE NOT EXISTS (SELECT 1 FROM unit_transition_rule r WHERE r.from_status = o.status AND r.to_status = n.status)
    ) THEN
        RAISE EXCEPTION 'a state change that does not exist'
            USING ERRCODE = '23514', CONSTRAINT = 'unit_listed_transition';
    END IF;
    IF EXISTS (
        SELECT 1 FROM old_rows o FULL JOIN new_rows n ON o.id = n.id
        WHERE o.id IS NULL OR n.id IS NULL OR (o.booking_id, o.provider_id, o.index, o.price_cents, o.vat_code)
            IS DISTINCT FROM (n.booking_id, n.provider_id, n.index, n.price_cents, n.vat_code)
    ) THEN
        RAISE EXCEPTION 'what was booked never changes'
            USING ERRCODE = '23514', CONSTRAINT = 'unit_terms_fixed';
    END IF;
    IF EXISTS (
        SELECT 1 FROM new_rows n JOIN old_rows o ON o.id = n.id
        WHERE n.status = 'completed' AND o.status <> 'completed' AND (n.disputed OR n.needs_review)
    ) THEN
        RAISE EXCEPTION 'a frozen unit never completes'
            USING ERRCODE = '23514', CONSTRAINT = 'unit_frozen_never_completes';
    END IF;
    IF EXISTS (
        SELECT 1 FROM new_rows n JOIN old_rows o ON o.id = n.id
        WHERE o.needs_review AND n.status IN ('delivered', 'completed', 'no_show', 'cancelled_late')
    ) THEN
        RAISE EXCEPTION 'what credit may not pay is resolved before anything is taken for it'
            USING ERRCODE = '23514', CONSTRAINT = 'unit_needs_review_waits';
    END IF;
    IF EXISTS (
        SELECT 1 FROM new_rows n JOIN old_rows o ON o.id = n.id
        WHERE o.disputed AND (o.status <> n.status
                OR (o.fee_cents, o.fee_source, o.completed_at) IS DISTINCT FROM (n.fee_cents, n.fee_source, n.completed_at))
            OR n.disputed AND NOT o.disputed AND n.status NOT IN ('delivered', 'completed', 'no_show', 'cancelled_late')
            OR o.refunded_cents <> n.refunded_cents AND NOT (o.disputed AND NOT n.disputed)
            OR o.dispute_decided_at IS DISTINCT FROM n.dispute_decided_at
                AND (o.dispute_decided_at IS NOT NULL OR NOT o.disputed)
            OR o.disputed AND NOT n.disputed AND n.dispute_decided_at IS NULL
            OR o.dispute_decided_at IS NOT NULL AND o.status <> n.status AND n.status <> 'completed'
    ) THEN
        RAISE EXCEPTION 'a disputed unit waits for its decision, which is made once'
            USING ERRCODE = '23514', CONSTRAINT = 'unit_disputed_waits';
    END IF;
    INSERT INTO unit_transition (unit_id, from_status, to_status, at)
        SELECT n.id, o.status, n.status, n.status_at
        FROM new_rows n JOIN old_rows o ON o.id = n.id AND o.status <> n.status ORDER BY n.id;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION care.record_new_units()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'care', 'pg_temp'
AS $function$
BEGIN
    IF EXISTS (SELECT 1 FROM new_rows WHERE status NOT IN ('requested', 'confirmed')) THEN
        RAISE EXCEPTION 'a unit begins requested or confirmed'
            USING ERRCODE = '23514', CONSTRAINT = 'unit_begins_open';
    END IF;
    INSERT INTO unit_transition (unit_id, from_status, to_status, at)
        SELECT id, NULL, status, status_at FROM new_rows ORDER BY id;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION care.refuse_change_once_settled()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
    disputes CONSTANT text[] := ARRAY['disputed', 'dispute_decided_at', 'refunded_cents'];
BEGIN
    PERFORM FROM payable WHERE source_kind = 'unit' AND source_id = OLD.id ORDER BY id FOR NO KEY UPDATE;
    IF to_jsonb(OLD) - disputes IS DISTINCT FROM to_jsonb(NEW) - disputes
            AND EXISTS (SELECT FROM payable WHERE source_kind = 'unit' AND source_id = OLD.id AND settlement_id IS NOT NULL)
    THEN
        RAISE EXCEPTION 'a settled unit never changes'
            USING ERRCODE = '23514', CONSTRAINT = 'unit_settled_never_changes';
    END IF;
    RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION care.refuse_claim(guard text, message text)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
BEGIN
    RAISE EXCEPTION '%', message USING ERRCODE = 'check_violation', CONSTRAINT = guard;
END $function$;
GRANT EXECUTE ON FUNCTION care.refuse_claim(text,text) TO beatrice_app;

CREATE OR REPLACE FUNCTION care.unit_status_at(status text, ends_at timestamp with time zone, confirm_by timestamp with time zone, complete_at timestamp with time zone, frozen boolean, at timestamp with time zone)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$
    SELECT CASE
        WHEN status = 'requested' AND confirm_by <= at THEN 'expired'
        WHEN status = 'confirmed' AND ends_at + interval '30 days' <= at THEN 'expired'
        WHEN status = 'delivered' AND complete_at <= at AND NOT frozen THEN 'completed'
        ELSE status END
$function$;
GRANT EXECUTE ON FUNCTION care.unit_status_at(text,timestamp with time zone,timestamp with time zone,timestamp with time zone,boolean,timestamp with time zone) TO beatrice_app, beatrice_worker;

CREATE OR REPLACE FUNCTION ledger.apply_hold_ends()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'ledger', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
DECLARE
    change record;
BEGIN
    IF EXISTS (SELECT FROM new_hold_end n LEFT JOIN transfer t ON t.hold_id = n.hold_id
            AND t.amount_cents = n.amount_cents WHERE n.kind = 'captured' AND t.id IS NULL) THEN
        RAISE EXCEPTION 'a hold is captured by its transfer only'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'hold_end_captured_by_transfer',
                SCHEMA = 'ledger', TABLE = 'hold_end';
    END IF;
    FOR change IN
        SELECT h.account_id, sum(h.amount_cents)::bigint AS freed
        FROM new_hold_end n LEFT JOIN hold h ON h.id = n.hold_id
        WHERE n.kind <> 'captured' GROUP BY h.account_id ORDER BY h.account_id
    LOOP
        UPDATE account SET held_cents = held_cents - change.freed WHERE id = change.account_id;
    END LOOP;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION ledger.apply_holds()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'ledger', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
DECLARE
    change record;
BEGIN
    FOR change IN
        SELECT account_id, sum(amount_cents)::bigint AS held FROM new_hold GROUP BY account_id ORDER BY account_id
    LOOP
        UPDATE account SET held_cents = held_cents + change.held WHERE id = change.account_id AND guarded;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'only a guarded account can be held'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'hold_payer_guarded', SCHEMA = 'ledger', TABLE = 'hold';
        END IF;
    END LOOP;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION ledger.apply_transfers()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'ledger', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
DECLARE
    change record;
    captures boolean := EXISTS (SELECT FROM new_transfer WHERE hold_id IS NOT NULL);
BEGIN
    IF captures AND EXISTS (SELECT FROM new_transfer n LEFT JOIN hold h ON h.id = n.hold_id
            AND h.account_id = n.from_account_id AND h.payee_account_id = n.to_account_id
            AND h.amount_cents >= n.amount_cents
            WHERE n.hold_id IS NOT NULL AND h.id IS NULL) THEN
        RAISE EXCEPTION 'a capture moves at most the held amount from its payer to its payee'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'transfer_captures_hold',
                SCHEMA = 'ledger', TABLE = 'transfer';
    END IF;
    -- The accounts of captures are locked by the row trigger.
    IF captures THEN
        INSERT INTO hold_end (hold_id, kind, amount_cents, event_at, created_at)
            SELECT hold_id, 'captured', amount_cents, event_at, created_at FROM new_transfer
            WHERE hold_id IS NOT NULL;
    END IF;
    FOR change IN
        SELECT account_id, sum(posted)::bigint AS posted, sum(freed)::bigint AS freed
        FROM (
            SELECT n.from_account_id AS account_id, -n.amount_cents AS posted, coalesce(h.amount_cents, 0) AS freed
            FROM new_transfer n LEFT JOIN hold h ON h.id = n.hold_id
            UNION ALL
            SELECT to_account_id, amount_cents, 0 FROM new_transfer
        ) side GROUP BY account_id ORDER BY account_id
    LOOP
        UPDATE account SET posted_cents = posted_cents + change.posted, held_cents = held_cents - change.freed
            WHERE id = change.account_id AND guarded;
    END LOOP;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION ledger.check_reversals()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'ledger', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
BEGIN
    PERFORM FROM transfer o WHERE o.id = NEW.reverses_id AND o.id <> NEW.id
        AND o.from_account_id = NEW.to_account_id AND o.to_account_id = NEW.from_account_id
        AND o.amount_cents >= NEW.amount_cents;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'a reversal goes back over the same two accounts, for at most the same amount'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'transfer_reverses_original',
                SCHEMA = 'ledger', TABLE = 'transfer';
    END IF;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION ledger.check_routes()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'ledger', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
BEGIN
    IF EXISTS (
            SELECT FROM new_transfer n
            JOIN account payer ON payer.id = n.from_account_id
            JOIN account payee ON payee.id = n.to_account_id
            WHERE NOT EXISTS (
                SELECT FROM route WHERE route.reason = n.reason
                AND route.from_kind = payer.kind AND route.to_kind = payee.kind
                AND route.how = CASE WHEN n.hold_id IS NOT NULL THEN 'capture'
                    WHEN n.reverses_id IS NOT NULL THEN 'reversal' ELSE 'plain' END
                AND (NOT route.within OR payer.owner_id = payee.owner_id))) THEN
        RAISE EXCEPTION 'money does not go this way for this reason'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'transfer_route', SCHEMA = 'ledger', TABLE = 'transfer';
    END IF;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION ledger.company_balance(company_id uuid, for_update boolean)
 RETURNS TABLE(account_id uuid, posted_cents bigint, held_cents bigint)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'ledger', 'pg_temp'
AS $function$
BEGIN
    IF for_update THEN
        PERFORM 1 FROM account a WHERE a.kind = 'company_account' AND a.owner_id = company_id FOR NO KEY UPDATE;
    END IF;
    RETURN QUERY SELECT a.id, a.posted_cents, a.held_cents FROM account a
        WHERE a.kind = 'company_account' AND a.owner_id = company_id;
END $function$;
GRANT EXECUTE ON FUNCTION ledger.company_balance(uuid,boolean) TO beatrice_app, beatrice_hr, beatrice_worker;

CREATE OR REPLACE FUNCTION ledger.lock_accounts(ids uuid[])
 RETURNS TABLE(account_id uuid, posted_cents bigint, held_cents bigint)
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'ledger', 'pg_temp'
AS $function$
    SELECT a.id, a.posted_cents, a.held_cents FROM account a
    WHERE a.id = ANY (ids) AND a.guarded ORDER BY a.id FOR NO KEY UPDATE
$function$;
GRANT EXECUTE ON FUNCTION ledger.lock_accounts(uuid[]) TO beatrice_app, beatrice_worker;

CREATE OR REPLACE FUNCTION ledger.lock_held_account()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'ledger', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
BEGIN
    PERFORM 1 FROM account WHERE id = (SELECT account_id FROM hold WHERE id = NEW.hold_id) FOR NO KEY UPDATE;
    RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION ledger.lock_two_accounts()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'ledger', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
BEGIN
    PERFORM 1 FROM account WHERE guarded AND id IN (NEW.from_account_id, NEW.to_account_id)
        ORDER BY id FOR NO KEY UPDATE;
    RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION ledger.refuse()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'ledger', 'pg_temp'
AS $function$
BEGIN
    RAISE EXCEPTION 'ledger rows never change or vanish'
        USING ERRCODE = 'check_violation', CONSTRAINT = TG_TABLE_NAME || '_append_only',
            SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME;
END $function$;

CREATE OR REPLACE FUNCTION ledger.refuse_unless_grants()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'ledger', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
BEGIN
    IF EXISTS (SELECT FROM new_transfer n
            LEFT JOIN account f ON f.id = n.from_account_id AND f.kind = 'company_account'
            LEFT JOIN account t ON t.id = n.to_account_id AND t.kind = 'lot'
            WHERE f.id IS NULL OR t.id IS NULL OR n.hold_id IS NOT NULL OR n.reverses_id IS NOT NULL) THEN
        RAISE EXCEPTION 'this role moves credit from a company to lots only' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION ledger.refuse_unless_lots()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'ledger', 'pg_temp'
AS $function$
BEGIN
    IF NEW.kind <> 'lot' THEN
        RAISE EXCEPTION 'this role opens lots only' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.acting_role()
 RETURNS text
 LANGUAGE sql
 STABLE
AS $function$
    SELECT CASE current_setting('role') WHEN 'none' THEN session_user::text ELSE current_setting('role') END
$function$;

CREATE OR REPLACE FUNCTION public.amounts_identify(of_source_id uuid, of_employee_ids uuid[], amounts bigint[], on_day date)
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
    SELECT may_return_to_company(source.expired_credit_to, source.leavers_rule) AND EXISTS (
        SELECT FROM unnest(of_employee_ids, amounts) AS line (employee_id, amount_cents)
        JOIN employee ON employee.id = line.employee_id
        GROUP BY line.amount_cents
        HAVING line.amount_cents < least_line_cents(programme.company_id, on_day)
            OR count(DISTINCT employee.fiscal_code_index) < least_people(programme.company_id, on_day))
    FROM credit_source source JOIN programme ON programme.id = source.id WHERE source.id = of_source_id
$function$;
GRANT EXECUTE ON FUNCTION public.amounts_identify(uuid,uuid[],bigint[],date) TO beatrice_app, beatrice_hr, beatrice_worker;

CREATE OR REPLACE FUNCTION public.bookable_from(at timestamp with time zone, min_notice_hours integer)
 RETURNS timestamp with time zone
 LANGUAGE sql
 STABLE
AS $function$
    SELECT at + make_interval(hours => min_notice_hours)
$function$;
GRANT EXECUTE ON FUNCTION public.bookable_from(timestamp with time zone,integer) TO beatrice_app;

CREATE OR REPLACE FUNCTION public.check_accreditation()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
    refused text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        refused := CASE WHEN NEW.status <> 'requested' OR NEW.requested_by IS NULL
            THEN 'accreditation_begins_requested' END;
    ELSIF (OLD.id, OLD.alliance_id, OLD.provider_id, OLD.categories, OLD.valid_from, OLD.requested_by, OLD.requested_at)
            IS DISTINCT FROM (NEW.id, NEW.alliance_id, NEW.provider_id, NEW.categories, NEW.valid_from,
                NEW.requested_by, NEW.requested_at)
            OR NEW.valid_to IS DISTINCT FROM OLD.valid_to
                AND (OLD.status <> 'approved' OR NEW.valid_to IS NULL OR NEW.valid_to > OLD.valid_to) THEN
        refused := 'accreditation_fixed';
    ELSIF OLD.status <> 'requested' THEN
        refused := CASE WHEN (OLD.status, OLD.membership_id, OLD.decided_by, OLD.decided_at)
            IS DISTINCT FROM (NEW.status, NEW.membership_id, NEW.decided_by, NEW.decided_at)
            THEN 'accreditation_transition' END;
    ELSIF NEW.status = 'approved' THEN
        refused := CASE
            WHEN NEW.decided_by IS NULL
                OR EXISTS (SELECT FROM organisation WHERE id = NEW.provider_id AND created_by = NEW.decided_by)
                OR EXISTS (SELECT FROM role_grant WHERE organisation_id = NEW.provider_id
                    AND user_id = NEW.decided_by AND role IN ('manager', 'staff')
                    AND (until_at IS NULL OR until_at > greatest(from_at, NEW.decided_at)))
                THEN 'accreditation_approver_is_apart'
            WHEN NOT EXISTS (SELECT FROM alliance_membership WHERE id = NEW.membership_id AND role = 'provider'
                    AND alliance_id = NEW.alliance_id AND organisation_id = NEW.provider_id AND ended_on IS NULL)
                THEN 'accreditation_needs_admission'
            WHEN NOT EXISTS (SELECT FROM alliance
                JOIN role_grant ON role_grant.user_id = NEW.decided_by AND role_grant.role = 'coordinator'
                    AND (role_grant.alliance_id = alliance.id
                        OR role_grant.organisation_id = alliance.lead_organisation_id)
                JOIN organisation ON organisation.id = NEW.provider_id
                WHERE alliance.id = NEW.alliance_id AND role_grant.until_at IS NULL
                    AND role_stands(role_grant.id, array_remove(ARRAY[organisation.created_by, NEW.requested_by], NULL)))
                THEN 'accreditation_approver_stands' END;
    END IF;
    IF refused IS NOT NULL THEN
        RAISE EXCEPTION 'an accreditation is asked for, and decided once by another person within an admission'
            USING ERRCODE = '23514', CONSTRAINT = refused;
    END IF;
    RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.check_agreement_once()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
    of_programme programme;
BEGIN
    SELECT * INTO of_programme FROM programme WHERE id = NEW.programme_id;
    IF of_programme.agreement_code IS NULL THEN
        RETURN NULL;
    END IF;
    IF EXISTS (SELECT FROM agreement_line WHERE company_id = NEW.company_id
            AND agreement_code = of_programme.agreement_code AND agreement_year = of_programme.agreement_year
            GROUP BY fiscal_code_index HAVING count(*) > 1 AND bool_or(grant_id = NEW.id)) THEN
        PERFORM refuse_credit('credit_grant_agreement_once', 'an agreement gives its credit once a year');
    END IF;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.check_alliance_membership()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF OLD.ended_on IS NOT NULL
        OR (OLD.id, OLD.alliance_id, OLD.organisation_id, OLD.role, OLD.joined_on)
            IS DISTINCT FROM (NEW.id, NEW.alliance_id, NEW.organisation_id, NEW.role, NEW.joined_on) THEN
        RAISE EXCEPTION 'an admission ends once; nothing else of it changes'
            USING ERRCODE = '23514', CONSTRAINT = 'alliance_membership_ends_once';
    END IF;
    RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.check_bank_account()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
    refused text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        refused := CASE WHEN NEW.status <> 'pending' OR NEW.requested_by IS NULL OR NEW.effective_at < NEW.requested_at
            THEN 'bank_account_begins_pending' END;
    ELSIF (OLD.id, OLD.organisation_id, OLD.iban, OLD.requested_by, OLD.requested_at)
            IS DISTINCT FROM (NEW.id, NEW.organisation_id, NEW.iban, NEW.requested_by, NEW.requested_at)
            OR NEW.effective_at < OLD.effective_at THEN
        refused := 'bank_account_fixed';
    ELSIF NOT (OLD.status = 'pending' AND NEW.status IN ('approved', 'rejected')
            OR OLD.status = 'approved' AND NEW.status = 'rejected' AND NEW.decided_at < OLD.effective_at) THEN
        refused := 'bank_account_transition';
    ELSIF NEW.status = 'approved' AND (NEW.decided_by IS NULL OR EXISTS (
            SELECT FROM organisation WHERE id = NEW.organisation_id AND created_by = NEW.decided_by)) THEN
        refused := 'bank_account_approver_is_not_creator';
    ELSIF NEW.status = 'approved' AND NEW.decided_by <> NEW.requested_by AND EXISTS (
            SELECT FROM role_grant WHERE organisation_id = NEW.organisation_id AND user_id = NEW.decided_by
                AND role IN ('manager', 'staff', 'admin')
                AND (until_at IS NULL OR until_at > greatest(from_at, NEW.decided_at))) THEN
        refused := 'bank_account_approver_is_apart';
    ELSIF NEW.status = 'approved' AND needs_second_word() AND EXISTS (
            SELECT FROM role_grant AS asker CROSS JOIN LATERAL roles_behind(asker.id, '{}') AS behind
            WHERE asker.organisation_id = NEW.organisation_id AND asker.user_id = NEW.requested_by
                AND behind.granted_by = NEW.decided_by) THEN
        refused := 'bank_account_approver_is_apart';
    END IF;
    IF refused IS NOT NULL THEN
        RAISE EXCEPTION 'where money goes is asked for by one person and approved by another'
            USING ERRCODE = '23514', CONSTRAINT = refused;
    END IF;
    RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.check_chain_gapless()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF EXISTS (SELECT FROM placed WHERE position IS NOT NULL AND position <> 1 AND NOT EXISTS (
            SELECT FROM audit_entry AS before WHERE before.position = placed.position - 1)) THEN
        RAISE EXCEPTION 'positions have no gaps' USING ERRCODE = '23514', CONSTRAINT = 'audit_entry_gapless';
    END IF;
    RETURN NULL;
END $function$;
GRANT EXECUTE ON FUNCTION public.check_chain_gapless() TO PUBLIC;

CREATE OR REPLACE FUNCTION public.check_changed_lot()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
    free CONSTANT text[] := ARRAY['ended_at', 'revoked_at', 'expires_on', 'reminders'];
BEGIN
    IF (to_jsonb(OLD) - free) IS DISTINCT FROM (to_jsonb(NEW) - free)
            OR NEW.expires_on <> OLD.expires_on AND (NEW.expires_on < OLD.expires_on OR OLD.kind <> 'grant'
                OR OLD.revoked_at IS NOT NULL
                OR (OLD.ended_at AT TIME ZONE 'Europe/Rome')::date > OLD.expires_on)
            OR OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at THEN
        PERFORM refuse_credit('lot_fixed', 'a lot keeps its amount, owner and validity');
    END IF;
    IF OLD.ended_at IS NOT NULL AND NEW.ended_at IS DISTINCT FROM OLD.ended_at AND NOT (
            NEW.ended_at IS NULL AND NEW.revoked_at IS NULL AND EXISTS (SELECT FROM lot_life WHERE id = NEW.id
                AND ended_early AND last_day >= (OLD.ended_at AT TIME ZONE 'Europe/Rome')::date)) THEN
        PERFORM refuse_credit('lot_expires_once', 'a lot ends once, unless the leaving that ended it is taken back');
    END IF;
    IF NEW.ended_at IS NOT NULL AND OLD.ended_at IS NULL AND NEW.revoked_at IS NULL
            AND NOT EXISTS (SELECT FROM lot_life WHERE id = NEW.id
            AND last_day < (NEW.ended_at AT TIME ZONE 'Europe/Rome')::date) THEN
        PERFORM refuse_credit('lot_not_expired_early', 'a lot lives until the midnight after its last day');
    END IF;
    RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.check_company_money()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF EXISTS (
            SELECT FROM new_transfer n JOIN company ON company.account_id = n.to_account_id
            LEFT JOIN top_up ON top_up.id = n.cause_id AND top_up.company_id = company.organisation_id
                AND top_up.status = 'confirmed' AND top_up.amount_cents = n.amount_cents
            WHERE n.from_account_id <> company.returns_account_id AND (top_up.id IS NULL OR n.reason <> 'top_up'
                OR n.reverses_id IS NOT NULL OR n.hold_id IS NOT NULL)) THEN
        PERFORM refuse_credit('company_money_by_top_up', 'money comes to a company by a confirmed top-up');
    END IF;
    IF EXISTS (
            SELECT FROM new_transfer n JOIN company ON company.account_id = n.from_account_id
            LEFT JOIN lot ON lot.id = n.to_account_id AND lot.company_id = company.organisation_id
            WHERE lot.id IS NULL) THEN
        PERFORM refuse_credit('company_money_into_lots', 'money leaves a company as credit of its people');
    END IF;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.check_company_return()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    PERFORM refuse_return_of_few(NEW.id);
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.check_extended_lot()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF NOT EXISTS (SELECT FROM programme WHERE id = NEW.source_id AND lot_expires_on = NEW.expires_on) THEN
        PERFORM refuse_credit('lot_fixed', 'the last day of granted credit is its programme''s');
    END IF;
    RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.check_fee_rule()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
    decided text[] := ARRAY['status', 'approved_by', 'approved_at'];
    refused text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        refused := CASE WHEN NEW.status <> 'draft' OR NEW.created_by IS NULL THEN 'fee_rule_begins_draft'
            WHEN NEW.percent_bps > fee_cap_bps(NEW.provider_id, NEW.valid_from) THEN 'fee_rule_capped'
            WHEN NEW.valid_from < first_fee_day(NEW.created_at) THEN 'fee_rule_not_retroactive' END;
    ELSE
        refused := CASE WHEN to_jsonb(NEW) - decided IS DISTINCT FROM to_jsonb(OLD) - decided THEN 'fee_rule_fixed'
            WHEN OLD.status <> 'draft' OR NEW.status <> 'approved' OR NEW.approved_by IS NULL
                THEN 'fee_rule_transition'
            WHEN NEW.valid_from < first_fee_day(NEW.approved_at) THEN 'fee_rule_not_retroactive' END;
    END IF;
    IF refused IS NOT NULL THEN
        RAISE EXCEPTION 'a fee rule is drafted by one and approved by another person, within the cap, for days to come'
            USING ERRCODE = '23514', CONSTRAINT = refused;
    END IF;
    RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.check_grace_funded()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF NOT EXISTS (SELECT FROM ledger.transfer WHERE to_account_id = NEW.id) THEN
        PERFORM refuse_credit('lot_funded', 'a lot holds its amount from the start');
    END IF;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.check_grant()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'draft' OR NEW.approved_by IS NOT NULL THEN
            PERFORM refuse_credit('credit_grant_transition', 'a grant starts as a draft');
        END IF;
        IF EXISTS (SELECT FROM programme WHERE id = NEW.programme_id AND archived_at IS NOT NULL) THEN
            PERFORM refuse_credit('credit_grant_of_open_programme', 'a programme that was put away takes no grants');
        END IF;
        RETURN NEW;
    END IF;
    IF (OLD.id, OLD.company_id, OLD.programme_id, OLD.total_cents, OLD.employee_count, OLD.generality_reason,
            OLD.created_by, OLD.created_at) IS DISTINCT FROM
            (NEW.id, NEW.company_id, NEW.programme_id, NEW.total_cents, NEW.employee_count, NEW.generality_reason,
            NEW.created_by, NEW.created_at)
            OR OLD.approved_by IS NOT NULL
                AND (OLD.approved_by, OLD.approved_at) IS DISTINCT FROM (NEW.approved_by, NEW.approved_at)
            OR OLD.activated_at IS NOT NULL AND OLD.activated_at IS DISTINCT FROM NEW.activated_at THEN
        PERFORM refuse_credit('credit_grant_fixed', 'a drafted grant keeps its content, an approval its author');
    END IF;
    IF NEW.approved_by IS NOT NULL AND OLD.approved_by IS NULL AND NEW.approved_by = person_behind(NEW.created_by) THEN
        PERFORM refuse_credit('credit_grant_approver_is_not_maker', 'another person approves');
    END IF;
    IF NEW.status <> OLD.status AND (OLD.status, NEW.status) NOT IN (
            ('draft', 'awaiting_funds'), ('draft', 'active'), ('draft', 'revoked'),
            ('awaiting_funds', 'active'), ('awaiting_funds', 'revoked'), ('active', 'revoked')) THEN
        PERFORM refuse_credit('credit_grant_transition', 'a grant does not move this way');
    END IF;
    IF OLD.status = 'active' AND NEW.status = 'revoked' AND NOT EXISTS (SELECT FROM grant_revocation
            WHERE grant_id = NEW.id AND whole AND approved_at IS NOT NULL) THEN
        PERFORM refuse_credit('credit_grant_revoked_by_two', 'two people revoke an active grant');
    END IF;
    RETURN NEW;
END $function$;
GRANT EXECUTE ON FUNCTION public.check_grant() TO PUBLIC;

CREATE OR REPLACE FUNCTION public.check_grant_lines()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF EXISTS (SELECT FROM new_line JOIN credit_grant ON credit_grant.id = new_line.grant_id
            WHERE credit_grant.status <> 'draft') THEN
        PERFORM refuse_credit('grant_line_of_draft', 'only a draft takes lines');
    END IF;
    RETURN NULL;
END $function$;
GRANT EXECUTE ON FUNCTION public.check_grant_lines() TO PUBLIC;

CREATE OR REPLACE FUNCTION public.check_grant_whole()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF (SELECT (count(*), coalesce(sum(amount_cents), 0)) FROM grant_line
            WHERE company_id = NEW.company_id AND grant_id = NEW.id)
            IS DISTINCT FROM (NEW.employee_count::bigint, NEW.total_cents::numeric) THEN
        PERFORM refuse_credit('credit_grant_adds_up', 'a grant is the sum of its lines');
    END IF;
    -- As two sets: line by line it takes the square of the time where nobody has analysed the tables yet.
    IF NEW.status = 'active' AND EXISTS (
            SELECT line.employee_id FROM grant_line line WHERE line.company_id = NEW.company_id AND line.grant_id = NEW.id
            EXCEPT
            SELECT lot.employee_id FROM lot WHERE lot.company_id = NEW.company_id AND lot.grant_id = NEW.id
                AND lot.kind = 'grant' AND EXISTS (SELECT FROM ledger.transfer
                    WHERE transfer.to_account_id = lot.id AND transfer.reason = 'granted')) THEN
        PERFORM refuse_credit('credit_grant_whole', 'an active grant has a funded lot for each line');
    END IF;
    -- When it is drafted and when it is approved: money that arrives later does not ask again.
    IF (TG_OP = 'INSERT' OR OLD.status = 'draft') AND NEW.status <> 'revoked' AND (
            SELECT amounts_identify(NEW.programme_id, array_agg(line.employee_id), array_agg(line.amount_cents),
                (coalesce(NEW.approved_at, NEW.created_at) AT TIME ZONE 'Europe/Rome')::date)
            FROM grant_line line WHERE line.company_id = NEW.company_id AND line.grant_id = NEW.id) THEN
        PERFORM refuse_credit('credit_grant_amounts_identify', 'what comes back from this grant would tell who used it');
    END IF;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.check_granted_lots()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF EXISTS (SELECT FROM new_lot
            LEFT JOIN grant_line line ON line.grant_id = new_lot.grant_id
                AND line.employee_id = new_lot.employee_id AND line.amount_cents = new_lot.amount_cents
            LEFT JOIN credit_grant ON credit_grant.id = line.grant_id AND credit_grant.status = 'active'
                AND credit_grant.programme_id = new_lot.source_id
            WHERE new_lot.kind = 'grant' AND credit_grant.id IS NULL) THEN
        PERFORM refuse_credit('lot_of_active_grant', 'a lot is the line of an active grant');
    END IF;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.check_lot_holds()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF EXISTS (
            SELECT FROM new_hold n JOIN lot_life life ON life.id = n.account_id
            WHERE (n.event_at AT TIME ZONE 'Europe/Rome')::date > life.usable_until
            AND NOT EXISTS (SELECT FROM ledger.transfer back WHERE back.to_account_id = n.account_id
                AND back.reverses_id IS NOT NULL AND back.event_at = n.event_at)) THEN
        PERFORM refuse_credit('lot_held_alive', 'nothing is reserved on a lot that is over');
    END IF;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.check_lot_transfers()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF EXISTS (
            SELECT FROM new_transfer n JOIN lot ON lot.id = n.to_account_id
            JOIN credit_source source ON source.id = lot.source_id
            LEFT JOIN ledger.transfer undone ON undone.id = n.reverses_id
                AND (undone.hold_id IS NOT NULL AND n.reason <> 'restored'
                    OR undone.reason = 'returned' AND n.reason = 'restored')
            WHERE undone.id IS NULL AND (
                NOT CASE lot.kind
                    WHEN 'grant' THEN n.reason = 'granted' AND n.from_account_id = source.funded_by_account_id
                    WHEN 'grace' THEN n.reason IN ('grace', 'carried_over') AND n.from_account_id = lot.grace_of
                    ELSE n.reason = 'awarded' AND n.from_account_id = source.funded_by_account_id END
                OR n.amount_cents <> lot.amount_cents
                OR EXISTS (SELECT FROM ledger.transfer other
                    WHERE other.to_account_id = lot.id AND other.reverses_id IS NULL AND other.id <> n.id))) THEN
        PERFORM refuse_credit('lot_funded_once', 'a lot gets its amount once, and back what was captured or taken back from it');
    END IF;
    IF EXISTS (
            SELECT FROM new_transfer n JOIN lot_life life ON life.id = n.from_account_id
            JOIN ledger.account payee ON payee.id = n.to_account_id
            LEFT JOIN lot successor ON successor.id = n.to_account_id AND successor.grace_of = life.id
            WHERE n.hold_id IS NULL AND NOT CASE n.reason
                WHEN 'expired' THEN (n.event_at AT TIME ZONE 'Europe/Rome')::date > life.expires_on
                    AND payee.id = life.expired_to_account_id AND life.expired_credit_to <> 'carry_over'
                WHEN 'returned' THEN payee.id = life.returned_to_account_id
                    AND (n.event_at AT TIME ZONE 'Europe/Rome')::date > life.usable_until
                WHEN 'carried_over' THEN (n.event_at AT TIME ZONE 'Europe/Rome')::date > life.expires_on
                    AND successor.id IS NOT NULL AND successor.grace_until IS NULL
                    AND life.expired_credit_to = 'carry_over'
                WHEN 'grace' THEN successor.id IS NOT NULL AND successor.grace_until IS NOT NULL
                ELSE false END) THEN
        PERFORM refuse_credit('lot_leaves_by_rule', 'credit leaves a lot by capture, expiry, return or grace only');
    END IF;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.check_mandate()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM alliance_membership WHERE alliance_id = NEW.alliance_id
                AND organisation_id = NEW.company_id AND role = 'company' AND ended_on IS NULL) THEN
            PERFORM refuse_credit('approval_mandate_of_member', 'the alliance of a mandate is one of the company''s');
        END IF;
    ELSIF (to_jsonb(OLD) - 'ended_at') IS DISTINCT FROM (to_jsonb(NEW) - 'ended_at') OR OLD.ended_at IS NOT NULL THEN
        PERFORM refuse_credit('approval_mandate_fixed', 'a mandate keeps what it says and ends once');
    END IF;
    RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.check_new_lots()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF EXISTS (SELECT FROM new_lot LEFT JOIN ledger.account ON account.id = new_lot.id AND account.kind = 'lot'
            WHERE account.id IS NULL OR account.posted_cents <> 0 OR new_lot.ended_at IS NOT NULL) THEN
        PERFORM refuse_credit('lot_starts_empty', 'a lot starts with an empty account of its own');
    END IF;
    IF EXISTS (SELECT FROM new_lot LEFT JOIN lot origin ON origin.id = new_lot.grace_of
                AND (origin.source_id, origin.user_id, origin.company_id, origin.employee_id, origin.grant_id)
                IS NOT DISTINCT FROM
                (new_lot.source_id, new_lot.user_id, new_lot.company_id, new_lot.employee_id, new_lot.grant_id)
            WHERE new_lot.kind = 'grace' AND origin.id IS NULL) THEN
        PERFORM refuse_credit('lot_grace_of_same', 'a grace lot stays with its owner and source');
    END IF;
    IF EXISTS (SELECT FROM new_lot JOIN credit_source source ON source.id = new_lot.source_id
            WHERE new_lot.kind <> 'grace' AND (new_lot.kind = 'grant') <> (source.kind = 'programme')) THEN
        PERFORM refuse_credit('lot_kind_of_source', 'a programme gives by grant, other sources by award');
    END IF;
    IF EXISTS (SELECT FROM new_lot JOIN lot origin ON origin.id = new_lot.grace_of
            WHERE new_lot.grace_until > origin.grace_until) THEN
        PERFORM refuse_credit('lot_grace_never_chains', 'grace of grace keeps the last day of the first');
    END IF;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.check_new_source()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF (CASE NEW.kind WHEN 'programme' THEN NOT EXISTS (SELECT FROM company
            WHERE company.account_id = NEW.funded_by_account_id AND company.returns_account_id = NEW.returns_to_account_id)
        ELSE EXISTS (SELECT FROM company
            WHERE company.account_id IN (NEW.funded_by_account_id, NEW.returns_to_account_id)
            OR company.returns_account_id IN (NEW.funded_by_account_id, NEW.returns_to_account_id)) END) THEN
        PERFORM refuse_credit('credit_source_accounts', 'a programme is funded by its company and returns to its returns');
    END IF;
    RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.check_positions_gapless()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF EXISTS (SELECT FROM new_position WHERE position > 1 AND NOT EXISTS (
            SELECT FROM event_position AS before WHERE before.organisation_id = new_position.organisation_id
            AND before.position = new_position.position - 1)) THEN
        RAISE EXCEPTION 'positions have no gaps' USING ERRCODE = '23514', CONSTRAINT = 'event_position_gapless';
    END IF;
    RETURN NULL;
END $function$;
GRANT EXECUTE ON FUNCTION public.check_positions_gapless() TO PUBLIC;

CREATE OR REPLACE FUNCTION public.check_programme()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
    -- What its company calls it and notes of it binds nobody; put away, it takes no new grants.
    free text[] := ARRAY['name', 'external_id', 'metadata', 'version', 'archived_at'];
BEGIN
    IF (to_jsonb(NEW) ->> 'lot_expires_on')::date > (to_jsonb(OLD) ->> 'lot_expires_on')::date THEN
        free := free || 'lot_expires_on'::text;
    END IF;
    IF (to_jsonb(OLD) - free) IS DISTINCT FROM (to_jsonb(NEW) - free) AND (
            OLD.id IS DISTINCT FROM NEW.id OR OLD.created_at IS DISTINCT FROM NEW.created_at
            OR to_jsonb(OLD) -> 'company_id' IS DISTINCT FROM to_jsonb(NEW) -> 'company_id'
            OR EXISTS (SELECT FROM credit_grant JOIN programme ON programme.company_id = credit_grant.company_id
                AND programme.id = credit_grant.programme_id WHERE programme.id = OLD.id)) THEN
        PERFORM refuse_credit('programme_fixed', 'a programme that grants use keeps its rules');
    END IF;
    RETURN NEW;
END $function$;
GRANT EXECUTE ON FUNCTION public.check_programme() TO PUBLIC;

CREATE OR REPLACE FUNCTION public.check_returned_credit()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF OLD.return_id IS NOT NULL OR TG_OP = 'UPDATE' AND (NEW.return_id IS NULL
            OR (OLD.transfer_id, OLD.company_id, OLD.came_back_at, OLD.was_usable) IS DISTINCT FROM
            (NEW.transfer_id, NEW.company_id, NEW.came_back_at, NEW.was_usable)) THEN
        PERFORM refuse_credit('returned_credit_posted_once', 'what came back is posted once');
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $function$;
GRANT EXECUTE ON FUNCTION public.check_returned_credit() TO PUBLIC;

CREATE OR REPLACE FUNCTION public.check_returned_credits()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    PERFORM refuse_return_of_few(part.return_id) FROM (SELECT DISTINCT return_id FROM new_part) part;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.check_returns()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
    restored bigint;
    given_back bigint;
BEGIN
    IF EXISTS (SELECT FROM new_transfer n JOIN company ON company.returns_account_id = n.to_account_id
            LEFT JOIN lot ON lot.id = n.from_account_id AND lot.company_id = company.organisation_id
            WHERE lot.id IS NULL OR n.hold_id IS NOT NULL OR n.reverses_id IS NOT NULL) THEN
        PERFORM refuse_credit('company_returns_from_lots', 'only credit of its own people comes back to a company');
    END IF;
    INSERT INTO returned_credit (transfer_id, company_id, came_back_at, was_usable)
        SELECT n.id, company.organisation_id, n.event_at, employee.user_id IS NOT NULL
        FROM new_transfer n JOIN company ON company.returns_account_id = n.to_account_id
        JOIN lot ON lot.id = n.from_account_id LEFT JOIN employee ON employee.id = lot.employee_id;
    IF EXISTS (SELECT FROM new_transfer n JOIN company ON company.returns_account_id = n.from_account_id
            WHERE n.reverses_id IS NULL AND NOT EXISTS (SELECT FROM company_return posted
                WHERE posted.id = n.id AND posted.company_id = company.organisation_id
                AND posted.amount_cents = n.amount_cents AND n.to_account_id = company.account_id
                AND n.reason = 'returns' AND n.event_at = midnight_of(posted.returned_on))) THEN
        PERFORM refuse_credit('company_returns_as_one_sum', 'what came back is posted as one sum a period');
    END IF;
    -- Restored is what was not posted, and all of it; the row lock lets only one of posting and restoring happen.
    SELECT count(*) INTO restored FROM new_transfer n
        JOIN company ON company.returns_account_id = n.from_account_id WHERE n.reverses_id IS NOT NULL;
    IF restored > 0 THEN
        DELETE FROM returned_credit part USING new_transfer n, ledger.transfer original
            WHERE part.transfer_id = n.reverses_id AND part.return_id IS NULL
            AND original.id = n.reverses_id AND original.amount_cents = n.amount_cents;
        GET DIAGNOSTICS given_back = ROW_COUNT;
        IF given_back <> restored THEN
            PERFORM refuse_credit('company_returns_restored', 'what was posted to the company does not come back');
        END IF;
    END IF;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.check_revocation()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.approved_at IS NOT NULL OR NEW.withdrawn_at IS NOT NULL OR NOT EXISTS (
                SELECT FROM credit_grant WHERE id = NEW.grant_id AND status = 'active') THEN
            PERFORM refuse_credit('grant_revocation_of_active', 'only an active grant is revoked by two');
        END IF;
        RETURN NEW;
    END IF;
    IF (OLD.id, OLD.company_id, OLD.grant_id, OLD.whole, OLD.reason, OLD.asked_by, OLD.asked_at) IS DISTINCT FROM
            (NEW.id, NEW.company_id, NEW.grant_id, NEW.whole, NEW.reason, NEW.asked_by, NEW.asked_at)
            OR OLD.approved_at IS NOT NULL OR OLD.withdrawn_at IS NOT NULL THEN
        PERFORM refuse_credit('grant_revocation_fixed', 'a revocation keeps its content and ends once');
    END IF;
    IF NEW.approved_by = person_behind(OLD.asked_by) THEN
        PERFORM refuse_credit('grant_revocation_approver_is_not_asker', 'another person approves');
    END IF;
    RETURN NEW;
END $function$;
GRANT EXECUTE ON FUNCTION public.check_revocation() TO PUBLIC;

CREATE OR REPLACE FUNCTION public.check_revoked_lines()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF EXISTS (SELECT FROM new_line JOIN grant_revocation ON grant_revocation.id = new_line.revocation_id
            WHERE grant_revocation.whole OR grant_revocation.approved_at IS NOT NULL
            OR grant_revocation.withdrawn_at IS NOT NULL) THEN
        PERFORM refuse_credit('revoked_line_of_open', 'people are named when a revocation is asked for');
    END IF;
    RETURN NULL;
END $function$;
GRANT EXECUTE ON FUNCTION public.check_revoked_lines() TO PUBLIC;

CREATE OR REPLACE FUNCTION public.check_revoked_lot()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF NOT EXISTS (SELECT FROM grant_revocation revocation
            WHERE revocation.grant_id = NEW.grant_id AND revocation.approved_at = NEW.revoked_at AND (revocation.whole
                OR EXISTS (SELECT FROM revoked_line line
                    WHERE line.revocation_id = revocation.id AND line.employee_id = NEW.employee_id))) THEN
        PERFORM refuse_credit('lot_revoked_grant', 'two people have not revoked this credit');
    END IF;
    RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.check_second_factor_of_session()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF NOT EXISTS (SELECT FROM second_factor f WHERE f.user_id = NEW.user_id AND f.confirmed_at IS NOT NULL) THEN
        RAISE EXCEPTION 'this person has no second factor'
            USING ERRCODE = '23514', CONSTRAINT = 'session_token_second_factor_exists';
    END IF;
    RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.check_second_of_setting()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.needs_second := coalesce(setting_weakens(NEW.name, NEW.value), false);
        NEW.confirmed_by := NULL;
        NEW.confirmed_at := NULL;
    ELSIF to_jsonb(NEW) - ARRAY['confirmed_by', 'confirmed_at']
            IS DISTINCT FROM to_jsonb(OLD) - ARRAY['confirmed_by', 'confirmed_at'] THEN
        RAISE EXCEPTION 'what was said of a setting stays'
            USING ERRCODE = '23514', CONSTRAINT = 'setting_value_append_only';
    ELSIF OLD.confirmed_by IS NOT NULL THEN
        RAISE EXCEPTION 'what was said of a setting is confirmed once'
            USING ERRCODE = '23514', CONSTRAINT = 'setting_value_confirmed_once';
    END IF;
    RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.check_setting_value()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
    known record;
BEGIN
    SELECT least, most, levels INTO STRICT known FROM setting WHERE setting.name = NEW.name;
    IF NEW.level <> ALL (known.levels) THEN
        RAISE EXCEPTION 'this setting has no such level'
            USING ERRCODE = '23514', CONSTRAINT = 'setting_value_level_allowed';
    END IF;
    IF NEW.value NOT BETWEEN known.least AND known.most THEN
        RAISE EXCEPTION 'the value is out of bounds'
            USING ERRCODE = '23514', CONSTRAINT = 'setting_value_in_bounds';
    END IF;
    RETURN NULL;
END $function$;
GRANT EXECUTE ON FUNCTION public.check_setting_value() TO PUBLIC;

CREATE OR REPLACE FUNCTION public.check_source()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF (to_jsonb(OLD) - 'name') IS DISTINCT FROM (to_jsonb(NEW) - 'name') AND (
            (OLD.id, OLD.kind, OLD.funded_by_account_id, OLD.returns_to_account_id, OLD.created_at) IS DISTINCT FROM
            (NEW.id, NEW.kind, NEW.funded_by_account_id, NEW.returns_to_account_id, NEW.created_at)
            OR EXISTS (SELECT FROM lot WHERE source_id = OLD.id)) THEN
        PERFORM refuse_credit('credit_source_fixed', 'a source of credit keeps its rules once there is credit');
    END IF;
    RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.check_top_up()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'pending' THEN
            PERFORM refuse_credit('top_up_transition', 'a top-up starts pending');
        END IF;
    ELSIF (OLD.id, OLD.company_id, OLD.amount_cents, OLD.payment_reference, OLD.created_by, OLD.created_at)
            IS DISTINCT FROM
            (NEW.id, NEW.company_id, NEW.amount_cents, NEW.payment_reference, NEW.created_by, NEW.created_at)
            OR OLD.confirmed_by IS NOT NULL
                AND (OLD.confirmed_by, OLD.confirmed_at) IS DISTINCT FROM (NEW.confirmed_by, NEW.confirmed_at) THEN
        PERFORM refuse_credit('top_up_fixed', 'an announced top-up does not change');
    ELSIF OLD.status NOT IN ('pending', 'confirming') OR NEW.status = 'pending'
            OR OLD.status = 'confirming' AND NEW.status = 'confirming' THEN
        PERFORM refuse_credit('top_up_transition', 'a top-up is resolved once');
    ELSIF current_user = 'beatrice_hr' OR NEW.status = 'cancelled' THEN
        IF OLD.status <> 'pending' OR NEW.status <> 'cancelled' THEN
            PERFORM refuse_credit('top_up_transition', 'a company takes back what nobody saw arrive, and no more');
        END IF;
    ELSIF NEW.status = 'confirmed' AND NEW.second_confirmed_by IS NULL
            AND (OLD.status = 'confirming'
                OR top_up_needs_two(NEW.company_id, NEW.amount_cents, NEW.resolved_at, NEW.confirmed_by)) THEN
        PERFORM refuse_credit('top_up_two_people', 'above the limit of one person two confirm');
    END IF;
    RETURN NEW;
END $function$;
GRANT EXECUTE ON FUNCTION public.check_top_up() TO PUBLIC;

CREATE OR REPLACE FUNCTION public.check_voucher()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF TG_OP = 'INSERT' OR OLD.vouched_by IS NOT NULL OR NEW.granted_by IS NULL OR NOT EXISTS (
        SELECT FROM role_grant AS own LEFT JOIN organisation ON organisation.id = own.organisation_id
        WHERE own.user_id = NEW.vouched_by AND own.role = 'finance'
            AND (own.scope_kind = 'platform' OR 'operator' = ANY (organisation.kinds))
            AND tstzrange(own.from_at, own.until_at) @> NEW.vouched_at
            AND NOT EXISTS (SELECT FROM roles_behind(NEW.id, '{}') AS theirs
                WHERE theirs.granted_by = NEW.vouched_by OR theirs.granted_by IN (
                    SELECT granted_by FROM roles_behind(own.id, '{}') WHERE confirmed_by IS NULL))) THEN
        RAISE EXCEPTION 'finance vouches once for whom another person brought in'
            USING ERRCODE = '23514', CONSTRAINT = 'role_grant_voucher_is_apart';
    END IF;
    RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.circle_of(person_id uuid, on_day date, OUT employed boolean, OUT allied_providers uuid[])
 RETURNS record
 LANGUAGE sql
 STABLE
AS $function$
    WITH employer AS (
        SELECT e.company_id FROM employee e
        WHERE e.user_id = person_id AND is_employed(e.hired_on, e.ended_on, on_day)
    )
    SELECT EXISTS (SELECT FROM employer), ARRAY(
        SELECT DISTINCT theirs.organisation_id
        FROM employer
        JOIN alliance_membership mine ON mine.organisation_id = employer.company_id
            AND mine.joined_on <= on_day AND (mine.ended_on IS NULL OR mine.ended_on > on_day)
        JOIN alliance_membership theirs ON theirs.alliance_id = mine.alliance_id
            AND theirs.joined_on <= on_day AND (theirs.ended_on IS NULL OR theirs.ended_on > on_day))
$function$;
GRANT EXECUTE ON FUNCTION public.circle_of(uuid,date) TO beatrice_app;

CREATE OR REPLACE FUNCTION public.close_payroll_period()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
    found record;
    last_closed date;
BEGIN
    IF NOT pg_try_advisory_xact_lock(payroll_months(NEW.company_id)) THEN
        RAISE EXCEPTION 'lines are being recorded' USING ERRCODE = '55P03';
    END IF;
    SELECT max(period) INTO last_closed FROM payroll_period WHERE company_id = NEW.company_id;
    IF NEW.period <= last_closed OR EXISTS (
        SELECT FROM payroll_line WHERE company_id = NEW.company_id AND period < NEW.period
            AND period > coalesce(last_closed, '-infinity')) THEN
        RAISE EXCEPTION 'periods are closed in their order'
            USING ERRCODE = '23514', CONSTRAINT = 'payroll_period_in_order';
    END IF;
    IF NEW.period > (NEW.closed_at AT TIME ZONE 'Europe/Rome')::date THEN
        RAISE EXCEPTION 'a period is not closed before it begins'
            USING ERRCODE = '23514', CONSTRAINT = 'payroll_period_has_begun';
    END IF;
    SELECT count(*) AS recorded, coalesce(sum(amount_cents), 0) AS amount, coalesce(sum(taxable_cents), 0) AS taxable
    INTO found FROM payroll_line WHERE company_id = NEW.company_id AND period = NEW.period;
    IF (NEW.recorded_count, NEW.amount_cents, NEW.taxable_cents) <> (found.recorded, found.amount, found.taxable) THEN
        RAISE EXCEPTION 'a period is closed with all its lines'
            USING ERRCODE = '23514', CONSTRAINT = 'payroll_period_whole';
    END IF;
    RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.count_fringe_benefit()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
    holder uuid := fringe_holder(NEW.company_id, NEW.employee_id);
BEGIN
    INSERT INTO fringe_year (company_id, employee_id, tax_year, external_cents, created_at)
        VALUES (NEW.company_id, holder, NEW.tax_year, 0, NEW.created_at) ON CONFLICT DO NOTHING;
    UPDATE fringe_year SET external_cents = external_cents + NEW.amount_cents
        WHERE company_id = NEW.company_id AND employee_id = holder AND tax_year = NEW.tax_year;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.credit_periods(p_provider_id uuid, p_category text)
 RETURNS TABLE(valid_from date, valid_to date)
 LANGUAGE sql
 STABLE
AS $function$
    SELECT greatest(accreditation.valid_from, admission.joined_on), least(accreditation.valid_to, admission.ended_on)
    FROM accreditation JOIN alliance_membership AS admission ON admission.id = accreditation.membership_id
    WHERE accreditation.provider_id = p_provider_id AND accreditation.status = 'approved'
        AND (accreditation.categories IS NULL OR p_category = ANY (accreditation.categories))
$function$;
GRANT EXECUTE ON FUNCTION public.credit_periods(uuid,text) TO beatrice_app, beatrice_worker;

CREATE OR REPLACE FUNCTION public.end_to_end_id(p_settlement_id uuid)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$
    SELECT 'STL' || string_agg(substr('0123456789ABCDEFGHJKMNPQRSTVWXYZ', CAST(CAST(substring(
        B'00' || CAST('x' || replace(p_settlement_id::text, '-', '') AS bit(128)) FROM place * 5 + 1 FOR 5) AS bit(5))
        AS integer) + 1, 1), '' ORDER BY place)
    FROM generate_series(0, 25) AS place
$function$;
GRANT EXECUTE ON FUNCTION public.end_to_end_id(uuid) TO beatrice_app, beatrice_worker;

CREATE OR REPLACE FUNCTION public.events_to_forget(recorded_before uuid, happened_before timestamp with time zone, at_most integer)
 RETURNS SETOF uuid
 LANGUAGE sql
 STABLE
AS $function$
    SELECT event.id FROM event
    WHERE event.id < recorded_before AND event.created_at < happened_before AND event.numbered AND NOT EXISTS (
        SELECT FROM event_position place WHERE place.event_id = event.id AND NOT EXISTS (
            SELECT FROM event_position later
            WHERE later.organisation_id = place.organisation_id AND later.position > place.position))
    ORDER BY event.id LIMIT at_most;
$function$;
GRANT EXECUTE ON FUNCTION public.events_to_forget(uuid,timestamp with time zone,integer) TO beatrice_app, beatrice_worker;

CREATE OR REPLACE FUNCTION public.extend_lots(of_company_id uuid, of_source_id uuid, last_day date, on_day date)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    UPDATE lot SET expires_on = last_day, reminders = 0 FROM (
        SELECT id FROM lot WHERE company_id = of_company_id AND source_id = of_source_id AND kind = 'grant'
            AND revoked_at IS NULL AND expires_on >= on_day AND expires_on < last_day
        ORDER BY id FOR NO KEY UPDATE
    ) locked WHERE lot.id = locked.id;
END $function$;
GRANT EXECUTE ON FUNCTION public.extend_lots(uuid,uuid,date,date) TO beatrice_hr;

CREATE OR REPLACE FUNCTION public.fee_cap_bps(of_provider uuid, on_day date)
 RETURNS bigint
 LANGUAGE sql
 STABLE
AS $function$
    SELECT value FROM setting_in_force('fee_cap_bps', on_day, of_provider)
$function$;
GRANT EXECUTE ON FUNCTION public.fee_cap_bps(uuid,date) TO beatrice_app, beatrice_worker;

CREATE OR REPLACE FUNCTION public.first_fee_day(p_at timestamp with time zone)
 RETURNS date
 LANGUAGE sql
 STABLE
AS $function$
    SELECT greatest((p_at AT TIME ZONE 'Europe/Rome')::date, max(cutoff_on)) + 1
    FROM settlement_run WHERE status <> 'cancelled'
$function$;
GRANT EXECUTE ON FUNCTION public.first_fee_day(timestamp with time zone) TO beatrice_app, beatrice_worker;

CREATE OR REPLACE FUNCTION public.follows_its_run()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF NOT EXISTS (SELECT FROM settlement_run WHERE id = NEW.run_id AND status = NEW.status) THEN
        RAISE EXCEPTION 'what a run pays is approved or cancelled with it'
            USING ERRCODE = '23514', CONSTRAINT = TG_TABLE_NAME || '_follows_run';
    END IF;
    RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.forget_events(recorded_before uuid, happened_before timestamp with time zone, at_most integer)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
    old uuid[];
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('event sequencer', 0));
    old := ARRAY(SELECT events_to_forget(recorded_before, happened_before, at_most));
    DELETE FROM event_position WHERE event_id = ANY (old);
    DELETE FROM event WHERE id = ANY (old);
    RETURN cardinality(old);
END $function$;
GRANT EXECUTE ON FUNCTION public.forget_events(uuid,timestamp with time zone,integer) TO beatrice_app, beatrice_worker;

CREATE OR REPLACE FUNCTION public.forget_second_factor_of_sessions()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    UPDATE session_token SET second_factor = false WHERE user_id = OLD.user_id AND second_factor;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.fringe_holder(of_company uuid, of_employee uuid)
 RETURNS uuid
 LANGUAGE sql
 STABLE
AS $function$
    SELECT every.id FROM employee own
    JOIN employee every ON every.company_id = own.company_id AND every.fiscal_code_index = own.fiscal_code_index
    WHERE own.company_id = of_company AND own.id = of_employee ORDER BY every.id LIMIT 1
$function$;
GRANT EXECUTE ON FUNCTION public.fringe_holder(uuid,uuid) TO beatrice_app, beatrice_worker;

CREATE OR REPLACE FUNCTION public.give_back_seats(kind text, holders uuid[], happened_at timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
    given_by uuid[];
BEGIN
    PERFORM FROM slot WHERE id IN (
        SELECT slot_id FROM taking WHERE holder_kind = kind AND holder_id = ANY (holders) AND ended_at IS NULL
    ) ORDER BY id FOR NO KEY UPDATE;
    WITH ended AS (
        UPDATE taking SET ended_at = happened_at
        WHERE holder_kind = kind AND holder_id = ANY (holders) AND ended_at IS NULL
        RETURNING holder_id, slot_id, seats
    ), counted AS (
        UPDATE slot SET taken = slot.taken - given.seats
        FROM (SELECT slot_id, sum(seats) AS seats FROM ended GROUP BY slot_id) AS given
        WHERE slot.id = given.slot_id
    )
    SELECT array_agg(DISTINCT holder_id) INTO given_by FROM ended;
    IF NOT holders <@ coalesce(given_by, '{}') THEN
        RAISE EXCEPTION 'a holder has no seat to give back'
            USING ERRCODE = '23514', CONSTRAINT = 'taking_given_back_once';
    END IF;
END $function$;
GRANT EXECUTE ON FUNCTION public.give_back_seats(text,uuid[],timestamp with time zone) TO beatrice_app, beatrice_worker;

CREATE OR REPLACE FUNCTION public.iban_in_force(p_organisation_id uuid, p_at timestamp with time zone)
 RETURNS text
 LANGUAGE sql
 STABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
    SELECT iban FROM bank_account
    WHERE organisation_id = p_organisation_id AND status = 'approved' AND effective_at <= p_at
    ORDER BY effective_at DESC, requested_at DESC, id DESC LIMIT 1
$function$;
GRANT EXECUTE ON FUNCTION public.iban_in_force(uuid,timestamp with time zone) TO beatrice_app, beatrice_worker;

CREATE OR REPLACE FUNCTION public.is_employed(hired_on date, ended_on date, on_day date)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
AS $function$
    SELECT hired_on <= on_day AND (ended_on IS NULL OR ended_on >= on_day)
$function$;
GRANT EXECUTE ON FUNCTION public.is_employed(date,date,date) TO beatrice_app, beatrice_hr, beatrice_worker;

CREATE OR REPLACE FUNCTION public.is_returns_day(of_company uuid, on_day date)
 RETURNS boolean
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
    SELECT on_day = quarter_of(midnight_of(on_day)) AND (extract(month FROM on_day) IN (1, 7)
        OR (SELECT value FROM setting_in_force('returns_quarters', on_day - 1, of_company)) = 1)
$function$;
GRANT EXECUTE ON FUNCTION public.is_returns_day(uuid,date) TO beatrice_app, beatrice_hr, beatrice_worker;

CREATE OR REPLACE FUNCTION public.least_line_cents(of_company uuid, on_day date)
 RETURNS bigint
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
    SELECT value FROM setting_in_force('least_line_cents', on_day, of_company)
$function$;
GRANT EXECUTE ON FUNCTION public.least_line_cents(uuid,date) TO beatrice_app, beatrice_hr, beatrice_worker;

CREATE OR REPLACE FUNCTION public.least_people(of_company uuid, on_day date)
 RETURNS bigint
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
    SELECT value FROM setting_in_force('least_people', on_day, of_company)
$function$;
GRANT EXECUTE ON FUNCTION public.least_people(uuid,date) TO beatrice_app, beatrice_hr, beatrice_worker;

CREATE OR REPLACE FUNCTION public.lot_sums(of_lot uuid)
 RETURNS TABLE(captured_cents bigint, expired_cents bigint, returned_cents bigint)
 LANGUAGE sql
 STABLE
AS $function$
    SELECT gone.captured_cents - back.captured_cents, gone.expired_cents, gone.returned_cents - back.returned_cents
    FROM (SELECT coalesce(sum(amount_cents) FILTER (WHERE hold_id IS NOT NULL), 0)::bigint AS captured_cents,
            coalesce(sum(amount_cents) FILTER (
                WHERE reason IN ('expired', 'grace', 'carried_over')), 0)::bigint AS expired_cents,
            coalesce(sum(amount_cents) FILTER (WHERE reason = 'returned'), 0)::bigint AS returned_cents
        FROM ledger.transfer WHERE from_account_id = of_lot) AS gone
    CROSS JOIN (SELECT coalesce(sum(amount_cents) FILTER (WHERE reason <> 'restored'), 0)::bigint AS captured_cents,
            coalesce(sum(amount_cents) FILTER (WHERE reason = 'restored'), 0)::bigint AS returned_cents
        FROM ledger.transfer WHERE to_account_id = of_lot AND reverses_id IS NOT NULL) AS back
$function$;
GRANT EXECUTE ON FUNCTION public.lot_sums(uuid) TO beatrice_app, beatrice_worker;

CREATE OR REPLACE FUNCTION public.may_return_to_company(expired_credit_to text, leavers_rule text)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
AS $function$
    SELECT expired_credit_to = 'company' OR leavers_rule = 'zero_at_leaving'
$function$;
GRANT EXECUTE ON FUNCTION public.may_return_to_company(text,text) TO beatrice_app, beatrice_hr, beatrice_worker;

CREATE OR REPLACE FUNCTION public.may_see_offering(audience text, provider_id uuid, employed boolean, allied_providers uuid[])
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
AS $function$
    SELECT audience = 'public' OR audience = 'companies' AND employed
        OR audience = 'alliance' AND provider_id = ANY (allied_providers)
$function$;
GRANT EXECUTE ON FUNCTION public.may_see_offering(text,uuid,boolean,uuid[]) TO beatrice_app;

CREATE OR REPLACE FUNCTION public.midnight_of(on_day date)
 RETURNS timestamp with time zone
 LANGUAGE sql
 IMMUTABLE
AS $function$
    SELECT on_day::timestamp AT TIME ZONE 'Europe/Rome'
$function$;
GRANT EXECUTE ON FUNCTION public.midnight_of(date) TO beatrice_app, beatrice_hr, beatrice_worker;

CREATE OR REPLACE FUNCTION public.needs_second_word()
 RETURNS boolean
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
    SELECT NOT EXISTS (SELECT FROM installation WHERE mode = 'sandbox')
$function$;

CREATE OR REPLACE FUNCTION public.number_events(at_most integer)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
    done bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('event sequencer', 0));
    WITH pass AS MATERIALIZED (
        SELECT id, organisation_ids FROM event WHERE NOT numbered ORDER BY created_at, id LIMIT at_most
    ), seen AS (
        SELECT DISTINCT pass.id, organisation_id FROM pass, unnest(pass.organisation_ids) AS organisation_id
    ), ordered AS (
        SELECT id, organisation_id, row_number() OVER (PARTITION BY organisation_id ORDER BY id) AS step FROM seen
    ), last AS MATERIALIZED (
        SELECT organisation_id, (
            SELECT coalesce(max(position), 0) FROM event_position
            WHERE event_position.organisation_id = concerned.organisation_id) AS position
        FROM (SELECT DISTINCT organisation_id FROM seen) AS concerned
    ), given AS (
        INSERT INTO event_position (organisation_id, position, event_id)
        SELECT organisation_id, last.position + ordered.step, ordered.id FROM ordered JOIN last USING (organisation_id)
    )
    UPDATE event SET numbered = true FROM pass WHERE event.id = pass.id;
    GET DIAGNOSTICS done = ROW_COUNT;
    RETURN done;
END $function$;
GRANT EXECUTE ON FUNCTION public.number_events(integer) TO beatrice_app, beatrice_worker;

CREATE OR REPLACE FUNCTION public.open_request(p_token_hash bytea, p_real_now timestamp with time zone, p_scope_kind text, p_scope_id uuid, p_key text, p_fingerprint bytea, p_address text, p_request_id uuid, OUT clock_offset interval, OUT principal_kind text, OUT principal_id uuid, OUT locale text, OUT organisation_id uuid, OUT kinds text[], OUT roles text[], OUT scopes text[], OUT key_state text, OUT sealed_answer bytea, OUT proved_at timestamp with time zone, OUT second_factor boolean, OUT session_id uuid)
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
#variable_conflict use_column
DECLARE
    v_fingerprint bytea;
    v_last_used_at timestamptz;
    v_maker uuid;
BEGIN
    SELECT c.offset_interval INTO clock_offset FROM clock_offset c;
    key_state := 'none';
    IF p_token_hash IS NOT NULL THEN
        SELECT 'user', u.id, u.locale, s.last_used_at, s.proved_at, s.second_factor, s.id
        INTO principal_kind, principal_id, locale, v_last_used_at, proved_at, second_factor, session_id
        FROM session_token s JOIN user_account u ON u.id = s.user_id
        WHERE s.token_hash = p_token_hash AND s.revoked_at IS NULL AND s.expires_at > p_real_now
          AND (s.idle_limit IS NULL OR s.last_used_at + s.idle_limit > p_real_now OR NOT EXISTS (
              -- Only who works here is logged out when she goes away.
              SELECT FROM role_grant g WHERE g.user_id = u.id AND tstzrange(g.from_at, g.until_at) @> p_real_now));
        IF FOUND THEN
            -- When it was used, to the minute: nobody waits for the row, and few requests write it.
            IF v_last_used_at <= p_real_now - interval '1 minute' THEN
                UPDATE session_token SET last_used_at = p_real_now WHERE token_hash = (
                    SELECT s.token_hash FROM session_token s WHERE s.token_hash = p_token_hash
                    FOR NO KEY UPDATE SKIP LOCKED);
            END IF;
        ELSE
            SELECT 'api_key', k.id, k.organisation_id, k.scopes, k.created_by
            INTO principal_kind, principal_id, organisation_id, scopes, v_maker
            FROM api_key k
            WHERE k.token_hash = p_token_hash AND k.revoked_at IS NULL AND k.expires_at > p_real_now;
        END IF;
    END IF;
    IF principal_kind IS NULL THEN
        RETURN;
    END IF;
    IF principal_kind = 'api_key' THEN
        -- When it was used, to the hour: nobody waits for the row, and hardly a request writes it.
        UPDATE api_key SET last_used_at = p_real_now WHERE id = (
            SELECT k.id FROM api_key k
            WHERE k.id = principal_id AND (k.last_used_at IS NULL OR k.last_used_at <= p_real_now - interval '1 hour')
            FOR NO KEY UPDATE SKIP LOCKED);
        -- A key holds no role: in its own organisation it does what its scopes say and its maker may still do.
        IF p_scope_kind = 'organisation' AND organisation_id = p_scope_id THEN
            SELECT array_agg(r.role) INTO roles FROM roles_in(v_maker, 'organisation', p_scope_id, p_real_now) r
            WHERE r.role <> 'registrar';
        END IF;
    ELSIF p_scope_kind IS NOT NULL THEN
        SELECT array_agg(DISTINCT r.role), min(r.organisation_id::text)::uuid INTO roles, organisation_id
        FROM roles_in(principal_id, p_scope_kind, p_scope_id, p_real_now) r;
    END IF;
    PERFORM seal_principal(principal_kind, principal_id, organisation_id, session_id, p_address, p_request_id,
        p_real_now, p_real_now + clock_offset);
    IF p_scope_kind = 'organisation' AND roles IS NOT NULL THEN
        SELECT o.kinds INTO kinds FROM organisation o WHERE o.id = p_scope_id;
    END IF;
    IF p_key IS NOT NULL THEN
        -- Answered keys need no lock; an unanswered one is looked up again once locked, for it may be answered by then.
        FOR v_attempt IN 1..2 LOOP
            SELECT k.fingerprint, k.sealed_answer INTO v_fingerprint, sealed_answer
            FROM idempotency_key k WHERE k.principal_id = open_request.principal_id AND k.key = p_key;
            IF FOUND THEN
                key_state := CASE WHEN v_fingerprint = p_fingerprint THEN 'answered' ELSE 'reused' END;
                RETURN;
            END IF;
            key_state := 'new';
            IF v_attempt = 1
                AND NOT pg_try_advisory_xact_lock(hashtextextended(principal_id::text || ' ' || p_key, 0)) THEN
                key_state := 'in_use';
                RETURN;
            END IF;
        END LOOP;
    END IF;
END $function$;
GRANT EXECUTE ON FUNCTION public.open_request(bytea,timestamp with time zone,text,uuid,text,bytea,text,uuid) TO beatrice_app, beatrice_hr;

CREATE OR REPLACE FUNCTION public.operator_name()
 RETURNS text
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
    SELECT name FROM organisation WHERE 'operator' = ANY (kinds)
$function$;
GRANT EXECUTE ON FUNCTION public.operator_name() TO beatrice_hr;

CREATE OR REPLACE FUNCTION public.payable_is_its_transfer()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF EXISTS (
        SELECT FROM new_payable
        LEFT JOIN ledger.transfer ON transfer.id = new_payable.transfer_id
            AND transfer.amount_cents = abs(new_payable.gross_cents) AND transfer.event_at = new_payable.payable_at
        LEFT JOIN ledger.account ON account.kind = 'provider_payable' AND account.owner_id = new_payable.payee_id
            AND account.id = CASE WHEN new_payable.gross_cents > 0 THEN transfer.to_account_id
                ELSE transfer.from_account_id END
        WHERE account.id IS NULL OR new_payable.settlement_id IS NOT NULL) THEN
        RAISE EXCEPTION 'a payable begins unsettled and has the amount, payee and instant of its transfer'
            USING ERRCODE = '23514', CONSTRAINT = 'payable_is_its_transfer';
    END IF;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.payable_settled_by_line()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF EXISTS (
        SELECT FROM new_payable
        LEFT JOIN settlement_line AS line ON line.payable_id = new_payable.id AND NOT line.cancelled
        WHERE new_payable.settlement_id IS DISTINCT FROM line.settlement_id) THEN
        RAISE EXCEPTION 'a payable is settled by a line'
            USING ERRCODE = '23514', CONSTRAINT = 'payable_settled_by_line';
    END IF;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.payee_text(p_name text, p_iban text, p_street text, p_street_number text, p_postcode text, p_town text, p_country text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE
AS $function$
    SELECT '{"country":' || coalesce(to_json(p_country)::text, 'null') || ',"iban":' || coalesce(to_json(p_iban)::text, 'null')
        || ',"name":' || coalesce(to_json(p_name)::text, 'null') || ',"postcode":' || coalesce(to_json(p_postcode)::text, 'null')
        || ',"street":' || coalesce(to_json(p_street)::text, 'null')
        || ',"street_number":' || coalesce(to_json(p_street_number)::text, 'null')
        || ',"town":' || coalesce(to_json(p_town)::text, 'null') || '}'
$function$;
GRANT EXECUTE ON FUNCTION public.payee_text(text,text,text,text,text,text,text) TO beatrice_app, beatrice_worker;

CREATE OR REPLACE FUNCTION public.payout_is_owed()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF NEW.status <> 'prepared' OR NOT EXISTS (
        SELECT FROM settlement JOIN settlement_run ON settlement_run.id = settlement.run_id
        WHERE settlement.id = NEW.settlement_id AND settlement.run_id = NEW.run_id
            AND settlement.payout_cents = NEW.amount_cents AND settlement_run.status = 'closed') THEN
        RAISE EXCEPTION 'a payout pays what a closed run owes'
            USING ERRCODE = '23514', CONSTRAINT = 'payout_is_owed';
    END IF;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.payroll_months(of_company uuid)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
    SELECT hashtextextended('payroll ' || of_company, 0)
$function$;

CREATE OR REPLACE FUNCTION public.person_behind(actor_id uuid)
 RETURNS uuid
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
    SELECT coalesce((SELECT created_by FROM api_key WHERE id = actor_id), actor_id)
$function$;
GRANT EXECUTE ON FUNCTION public.person_behind(uuid) TO beatrice_app, beatrice_hr, beatrice_worker;

CREATE OR REPLACE FUNCTION public.place_credit(person_id uuid, on_day date, hold_ids uuid[], lot_ids uuid[], payee_ids uuid[], amounts bigint[], cause_ids uuid[], happened_at timestamp with time zone, written_at timestamp with time zone)
 RETURNS bigint
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    PERFORM 1 FROM ledger.lock_accounts(lot_ids);
    IF EXISTS (
        SELECT FROM (
            SELECT given.lot_id, sum(given.amount) AS amount
            FROM unnest(lot_ids, amounts) AS given (lot_id, amount) GROUP BY given.lot_id
        ) asked
        LEFT JOIN lot_life life ON life.id = asked.lot_id AND life.user_id = person_id
            AND life.usable_until >= on_day
        LEFT JOIN ledger.account ON account.id = life.id
        WHERE account.id IS NULL OR account.posted_cents - account.held_cents < asked.amount
    ) THEN
        RETURN (
            SELECT coalesce(sum(account.posted_cents - account.held_cents), 0)
            FROM lot_owner owner JOIN lot_life life ON life.id = owner.lot_id
            JOIN ledger.account ON account.id = life.id
            WHERE owner.user_id = person_id AND life.usable_until >= on_day
        );
    END IF;
    INSERT INTO ledger.hold (id, account_id, payee_account_id, amount_cents, cause_id, event_at, created_at)
        SELECT given.*, happened_at, written_at FROM unnest(hold_ids, lot_ids, payee_ids, amounts, cause_ids) AS given;
    RETURN NULL;
END $function$;
GRANT EXECUTE ON FUNCTION public.place_credit(uuid,date,uuid[],uuid[],uuid[],bigint[],uuid[],timestamp with time zone,timestamp with time zone) TO beatrice_app, beatrice_worker;

CREATE OR REPLACE FUNCTION public.place_payroll_line()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
    own CONSTANT date := NEW.event_on - (extract(day FROM NEW.event_on)::integer - 1);
    last_closed date;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(payroll_months(NEW.company_id));
    SELECT max(period) INTO last_closed FROM payroll_period WHERE company_id = NEW.company_id;
    NEW.period := greatest(own, (last_closed + interval '1 month')::date);
    NEW.delta_of := nullif(own, NEW.period);
    RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.plain_text(value text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
RETURN lower(public.unaccent('public.unaccent'::regdictionary, value));
GRANT EXECUTE ON FUNCTION public.plain_text(text) TO PUBLIC;

CREATE OR REPLACE FUNCTION public.price_holds(valid_from date, valid_to date, on_day date)
 RETURNS boolean
 LANGUAGE sql
 IMMUTABLE
AS $function$
    SELECT valid_from <= on_day AND (valid_to IS NULL OR valid_to > on_day)
$function$;
GRANT EXECUTE ON FUNCTION public.price_holds(date,date,date) TO beatrice_app;

CREATE OR REPLACE FUNCTION public.principal_mac(payload text)
 RETURNS text
 LANGUAGE sql
 STABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
    SELECT encode(sha256(secret || sha256(secret || convert_to(
        pg_backend_pid()::text || ' ' || extract(epoch FROM transaction_timestamp())::text || ' ' || payload, 'UTF8'))),
        'hex')
    FROM principal_secret
$function$;

CREATE OR REPLACE FUNCTION public.principal_of_hr()
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
    sealed jsonb := sealed_principal();
BEGIN
    IF sealed IS NULL OR sealed ->> 'id' IS NULL OR sealed ->> 'organisation_id' IS NULL THEN
        RAISE EXCEPTION 'no request was opened in this transaction' USING ERRCODE = '42501';
    END IF;
    RETURN sealed;
END $function$;

CREATE OR REPLACE FUNCTION public.quarter_of(instant timestamp with time zone)
 RETURNS date
 LANGUAGE sql
 IMMUTABLE
AS $function$
    SELECT date_trunc('quarter', instant AT TIME ZONE 'Europe/Rome')::date
$function$;
GRANT EXECUTE ON FUNCTION public.quarter_of(timestamp with time zone) TO beatrice_app, beatrice_hr, beatrice_worker;

CREATE OR REPLACE FUNCTION public.record_act(entry_id uuid, who_kind text, who uuid, for_organisation uuid, what text, kind_of_object text, id_of_object uuid, happened_at timestamp with time zone, really_at timestamp with time zone, in_session uuid, from_address text, request uuid, refused_with text, how_often integer, what_was_shown uuid[])
 RETURNS uuid
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
    sealed jsonb;
BEGIN
    IF acting_role() = 'beatrice_hr' THEN
        sealed := principal_of_hr();
        IF (who_kind, who) IS DISTINCT FROM (sealed ->> 'kind', (sealed ->> 'id')::uuid) THEN
            RAISE EXCEPTION 'an act is recorded of who calls' USING ERRCODE = '42501';
        END IF;
        for_organisation := sealed ->> 'organisation_id';
        happened_at := sealed ->> 'business_at';
        really_at := sealed ->> 'really_at';
        in_session := sealed ->> 'session_id';
        from_address := sealed ->> 'address';
        request := sealed ->> 'request_id';
    END IF;
    INSERT INTO audit_entry (
        id, actor_kind, actor_id, organisation_id, action, object_kind, object_id, created_at, recorded_at, session_id,
        address, request_id, refusal, times, shown)
    VALUES (entry_id, who_kind, who, for_organisation, what, kind_of_object, id_of_object, happened_at, really_at,
        in_session, from_address, request, refused_with, how_often, what_was_shown);
    RETURN entry_id;
END $function$;
GRANT EXECUTE ON FUNCTION public.record_act(uuid,text,uuid,uuid,text,text,uuid,timestamp with time zone,timestamp with time zone,uuid,text,uuid,text,integer,uuid[]) TO beatrice_app, beatrice_hr, beatrice_worker;

CREATE OR REPLACE FUNCTION public.record_event(event_id uuid, event_type text, kind_of_object text, id_of_object uuid, seen_by uuid[], happened_at timestamp with time zone)
 RETURNS uuid
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
    sealed jsonb;
BEGIN
    IF acting_role() = 'beatrice_hr' THEN
        sealed := principal_of_hr();
        IF seen_by IS DISTINCT FROM ARRAY[(sealed ->> 'organisation_id')::uuid] OR event_type <> 'grant.active' THEN
            RAISE EXCEPTION 'no event of this company' USING ERRCODE = '42501';
        END IF;
        happened_at := sealed ->> 'business_at';
    END IF;
    INSERT INTO event (id, type, object_kind, object_id, organisation_ids, created_at)
    VALUES (event_id, event_type, kind_of_object, id_of_object, seen_by, happened_at);
    RETURN event_id;
END $function$;
GRANT EXECUTE ON FUNCTION public.record_event(uuid,text,text,uuid,uuid[],timestamp with time zone) TO beatrice_app, beatrice_hr, beatrice_worker;

CREATE OR REPLACE FUNCTION public.refuse_another_installation()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    RAISE EXCEPTION 'what a database is never changes' USING ERRCODE = 'insufficient_privilege';
END $function$;

CREATE OR REPLACE FUNCTION public.refuse_approver_at_will()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF EXISTS (SELECT FROM installation WHERE mode = 'production') AND (
        NEW.role NOT IN ('hr', 'operator') OR NEW.scope_kind <> 'organisation' OR EXISTS (
            SELECT FROM role_grant g WHERE g.organisation_id = NEW.scope_id AND g.user_id <> NEW.user_id)) THEN
        RAISE EXCEPTION 'an approving role waits for a day'
            USING ERRCODE = '23514', CONSTRAINT = 'role_grant_approver_waits';
    END IF;
    RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    RAISE EXCEPTION 'rows of % never change', TG_TABLE_NAME
        USING ERRCODE = '23514', CONSTRAINT = TG_TABLE_NAME || '_append_only';
END $function$;
GRANT EXECUTE ON FUNCTION public.refuse_change() TO PUBLIC;

CREATE OR REPLACE FUNCTION public.refuse_change_but_numbered()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    IF OLD.numbered OR to_jsonb(NEW) - 'numbered' IS DISTINCT FROM to_jsonb(OLD) - 'numbered' THEN
        RAISE EXCEPTION 'an event is only numbered, once'
            USING ERRCODE = '23514', CONSTRAINT = 'event_append_only';
    END IF;
    RETURN NEW;
END $function$;
GRANT EXECUTE ON FUNCTION public.refuse_change_but_numbered() TO PUBLIC;

CREATE OR REPLACE FUNCTION public.refuse_change_but_place()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    IF OLD.position IS NOT NULL OR NEW.position IS NULL
        OR to_jsonb(NEW) - 'position' - 'hash' IS DISTINCT FROM to_jsonb(OLD) - 'position' - 'hash' THEN
        RAISE EXCEPTION 'rows of % only get their place in the chain, once', TG_TABLE_NAME
            USING ERRCODE = '23514', CONSTRAINT = TG_TABLE_NAME || '_append_only';
    END IF;
    RETURN NEW;
END $function$;
GRANT EXECUTE ON FUNCTION public.refuse_change_but_place() TO PUBLIC;

CREATE OR REPLACE FUNCTION public.refuse_clock_of_production()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF EXISTS (SELECT FROM installation WHERE mode = 'production') THEN
        RAISE EXCEPTION 'the clock of production does not move' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.refuse_credit(guard text, message text)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
BEGIN
    RAISE EXCEPTION '%', message USING ERRCODE = 'check_violation', CONSTRAINT = guard;
END $function$;
GRANT EXECUTE ON FUNCTION public.refuse_credit(text,text) TO PUBLIC;

CREATE OR REPLACE FUNCTION public.refuse_early_role()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF NEW.confirmed_by IS NULL OR NEW.role IN ('hr', 'hr_approver', 'operator', 'finance') AND NOT EXISTS (
        SELECT FROM role_grant g WHERE g.user_id = NEW.confirmed_by AND g.role = NEW.role
            AND g.scope_kind = NEW.scope_kind AND g.scope_id IS NOT DISTINCT FROM NEW.scope_id
            AND tstzrange(g.from_at, g.until_at) @> NEW.from_at)
    THEN
        RAISE EXCEPTION 'a role begins before its time only when confirmed'
            USING ERRCODE = '23514', CONSTRAINT = 'role_grant_early_when_confirmed';
    END IF;
    RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.refuse_invitation_to_roles()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    RAISE EXCEPTION 'this role invites employees only' USING ERRCODE = 'insufficient_privilege';
END $function$;

CREATE OR REPLACE FUNCTION public.refuse_jobs_of_hr()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
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
END $function$;
GRANT EXECUTE ON FUNCTION public.refuse_jobs_of_hr() TO PUBLIC;

CREATE OR REPLACE FUNCTION public.refuse_moved_clock()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    -- Whoever moves the clock at this moment is waited for.
    IF (SELECT c.offset_interval FROM clock_offset c FOR SHARE) <> '0' THEN
        RAISE EXCEPTION 'the clock of this database was moved: it stays a sandbox'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'installation_clock_real';
    END IF;
    RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.refuse_return_of_few(of_return_id uuid)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
    found record;
BEGIN
    SELECT posted.amount_cents, posted.returned_on, posted.company_id, sum(transfer.amount_cents) AS parts_cents,
        max(part.came_back_at) AS last_at, bool_and(part.company_id = posted.company_id) AS own,
        count(DISTINCT employee.user_id) FILTER (WHERE part.was_usable) AS people
    INTO found FROM company_return posted
    LEFT JOIN returned_credit part ON part.return_id = posted.id
    LEFT JOIN ledger.transfer ON transfer.id = part.transfer_id
    LEFT JOIN lot ON lot.id = transfer.from_account_id
    LEFT JOIN employee ON employee.id = lot.employee_id
    WHERE posted.id = of_return_id GROUP BY posted.id;
    IF found.amount_cents IS DISTINCT FROM found.parts_cents OR NOT found.own THEN
        PERFORM refuse_credit('company_return_adds_up', 'a return is the sum of what came back');
    END IF;
    IF found.people < least_people(found.company_id, found.returned_on - 1) THEN
        PERFORM refuse_credit('company_return_of_many', 'a return is made of the credit of many people');
    END IF;
    IF NOT is_returns_day(found.company_id, found.returned_on)
            OR found.last_at > midnight_of(found.returned_on) THEN
        PERFORM refuse_credit('company_return_on_its_day', 'what came back is posted on the first day of a period');
    END IF;
END $function$;

CREATE OR REPLACE FUNCTION public.refuse_roles_of_two()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    -- Two roles given at the same time wait for each other here.
    PERFORM FROM user_account WHERE id = NEW.user_id FOR NO KEY UPDATE;
    IF EXISTS (
        SELECT FROM role_grant g
        WHERE g.user_id = NEW.user_id AND tstzrange(g.from_at, g.until_at) && tstzrange(NEW.from_at, NEW.until_at)
            AND CASE
                WHEN NEW.role = 'hr' THEN g.role IN ('hr_approver', 'payroll') AND g.scope_id = NEW.scope_id
                WHEN NEW.role IN ('hr_approver', 'payroll') THEN g.role = 'hr' AND g.scope_id = NEW.scope_id
                -- There is one operator, and the platform is its.
                ELSE g.role IN ('operator', 'finance') AND g.role <> NEW.role END
            AND (TG_OP = 'INSERT' OR g.reason IS NULL))
    THEN
        RAISE EXCEPTION 'roles of two people on one login need a reason'
            USING ERRCODE = '23514', CONSTRAINT = 'role_grant_two_people';
    END IF;
    RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.refuse_second_use()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    RAISE EXCEPTION 'a code of a second factor counts once'
        USING ERRCODE = '23514', CONSTRAINT = TG_TABLE_NAME || '_counts_once';
END $function$;

CREATE OR REPLACE FUNCTION public.returns_day(of_company uuid, instant timestamp with time zone)
 RETURNS date
 LANGUAGE sql
 STABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
    SELECT CASE WHEN is_returns_day(of_company, next.day) THEN next.day ELSE (next.day + interval '3 months')::date END
    FROM (SELECT CASE WHEN midnight_of(quarter_of(instant)) = instant THEN quarter_of(instant)
        ELSE (quarter_of(instant) + interval '3 months')::date END AS day) AS next
$function$;
GRANT EXECUTE ON FUNCTION public.returns_day(uuid,timestamp with time zone) TO beatrice_app, beatrice_hr, beatrice_worker;

CREATE OR REPLACE FUNCTION public.revoke_lots(of_company_id uuid, of_grant_id uuid, of_employee_ids uuid[], on_day date, happened_at timestamp with time zone)
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
    living bigint;
BEGIN
    SELECT count(*) INTO living FROM lot_life life
        WHERE life.company_id = of_company_id AND life.grant_id = of_grant_id AND life.kind = 'grant'
        AND life.revoked_at IS NULL AND life.last_day >= on_day
        AND (of_employee_ids IS NULL OR life.employee_id = ANY (of_employee_ids));
    UPDATE lot SET revoked_at = happened_at FROM (
        SELECT id FROM lot WHERE company_id = of_company_id AND grant_id = of_grant_id AND revoked_at IS NULL
            AND (of_employee_ids IS NULL OR employee_id = ANY (of_employee_ids))
        ORDER BY id FOR NO KEY UPDATE
    ) locked WHERE lot.id = locked.id;
    RETURN living;
END $function$;
GRANT EXECUTE ON FUNCTION public.revoke_lots(uuid,uuid,uuid[],date,timestamp with time zone) TO beatrice_app, beatrice_hr;

CREATE OR REPLACE FUNCTION public.role_stands(p_grant_id uuid, p_without uuid[])
 RETURNS boolean
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
    SELECT NOT needs_second_word() OR EXISTS (
        SELECT FROM roles_behind(p_grant_id, p_without) AS behind
        WHERE behind.vouched_by IS NOT NULL AND behind.vouched_by <> ALL (p_without)
            OR behind.granted_by IS NULL AND NOT EXISTS (
                SELECT FROM organisation WHERE id = behind.organisation_id AND 'operator' = ANY (kinds)))
$function$;
GRANT EXECUTE ON FUNCTION public.role_stands(uuid,uuid[]) TO beatrice_app, beatrice_worker;

CREATE OR REPLACE FUNCTION public.roles_behind(p_grant_id uuid, p_without uuid[])
 RETURNS SETOF public.role_grant
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
    WITH RECURSIVE behind AS (
        SELECT given.* FROM role_grant AS given WHERE given.id = p_grant_id
        UNION
        SELECT giver.* FROM behind JOIN role_grant AS giver ON giver.user_id = behind.granted_by
            AND giver.scope_kind = behind.scope_kind AND giver.scope_id IS NOT DISTINCT FROM behind.scope_id
            AND (giver.role IN ('admin', 'coordinator') OR giver.role = 'manager' AND behind.role IN ('manager', 'staff'))
            AND tstzrange(giver.from_at, giver.until_at) @> behind.granted_at
        WHERE behind.vouched_by IS NULL AND behind.confirmed_by IS NULL AND behind.granted_by <> ALL (p_without)
    )
    SELECT * FROM behind
$function$;

CREATE OR REPLACE FUNCTION public.roles_in(principal uuid, in_kind text, in_id uuid, instant timestamp with time zone)
 RETURNS TABLE(role text, organisation_id uuid)
 LANGUAGE plpgsql
 STABLE
AS $function$
#variable_conflict use_column
BEGIN
    CASE in_kind
    WHEN 'organisation' THEN
        RETURN QUERY SELECT g.role, g.organisation_id FROM role_grant g
        WHERE g.user_id = principal AND g.organisation_id = in_id AND tstzrange(g.from_at, g.until_at) @> instant;
        IF NOT FOUND THEN
            RETURN QUERY SELECT 'registrar', o.id FROM organisation o
            WHERE o.id = in_id AND EXISTS (
                SELECT FROM roles_in(principal, 'platform', NULL, instant) AS here WHERE here.role = 'operator');
        END IF;
    WHEN 'alliance' THEN
        RETURN QUERY SELECT DISTINCT g.role, coalesce(g.organisation_id, a.lead_organisation_id)
        FROM alliance a JOIN role_grant g ON g.user_id = principal AND tstzrange(g.from_at, g.until_at) @> instant
        WHERE a.id = in_id AND (
            g.alliance_id = a.id
            OR g.organisation_id = a.lead_organisation_id AND g.role IN ('coordinator', 'care_manager')
            OR g.role = 'observer' AND EXISTS (
                SELECT FROM alliance_membership m
                WHERE m.alliance_id = a.id AND m.organisation_id = g.organisation_id AND m.ended_on IS NULL));
    WHEN 'network' THEN
        RETURN QUERY SELECT g.role, NULL::uuid FROM role_grant g
        WHERE g.user_id = principal AND g.network_id = in_id AND tstzrange(g.from_at, g.until_at) @> instant;
    WHEN 'platform' THEN
        RETURN QUERY SELECT g.role, o.id
        FROM role_grant g JOIN organisation o ON 'operator' = ANY (o.kinds)
            AND (g.organisation_id = o.id AND g.role IN ('operator', 'finance') OR g.scope_kind = 'platform')
        WHERE g.user_id = principal AND tstzrange(g.from_at, g.until_at) @> instant;
    END CASE;
END $function$;
GRANT EXECUTE ON FUNCTION public.roles_in(uuid,text,uuid,timestamp with time zone) TO beatrice_app, beatrice_worker;

CREATE OR REPLACE FUNCTION public.seal_principal(kind text, principal uuid, for_organisation uuid, in_session uuid, from_address text, request uuid, really_at timestamp with time zone, business_at timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
    payload text := jsonb_build_object('kind', kind, 'id', principal, 'organisation_id', for_organisation,
        'session_id', in_session, 'address', from_address, 'request_id', request, 'really_at', really_at,
        'business_at', business_at)::text;
    known jsonb := sealed_principal();
BEGIN
    -- The first statement of a request runs before the role is set. Whoever opens again in that role changes nothing.
    IF acting_role() = 'beatrice_hr' AND (known ->> 'kind', known ->> 'id', known ->> 'organisation_id')
        IS NOT DISTINCT FROM (kind, principal::text, for_organisation::text) THEN
        RETURN;
    END IF;
    PERFORM set_config('beatrice.principal', principal_mac(payload) || payload, true);
END $function$;

CREATE OR REPLACE FUNCTION public.sealed_principal()
 RETURNS jsonb
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
    sealed text := current_setting('beatrice.principal', true);
BEGIN
    IF sealed IS NULL OR length(sealed) < 66 OR left(sealed, 64) <> principal_mac(substr(sealed, 65)) THEN
        RETURN NULL;
    END IF;
    RETURN substr(sealed, 65)::jsonb;
END $function$;

CREATE OR REPLACE FUNCTION public.set_fringe_uses(ids uuid[], company_ids uuid[], employee_ids uuid[], tax_years integer[], held bigint[], used bigint[], refusing boolean, happened_at timestamp with time zone)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
    change record;
    left_cents bigint;
BEGIN
    FOR change IN
        WITH given AS (
            SELECT * FROM unnest(ids, company_ids, employee_ids, tax_years, held, used)
                AS row (id, company_id, employee_id, tax_year, held_cents, used_cents)
        )
        SELECT company_id, employee_id, tax_year, sum(held_cents)::bigint AS held_cents,
            sum(used_cents)::bigint AS used_cents
        FROM (
            SELECT company_id, employee_id, tax_year, held_cents, used_cents FROM given
            UNION ALL
            SELECT before.company_id, before.employee_id, before.tax_year, -before.held_cents, -before.used_cents
            FROM fringe_use before WHERE before.id = ANY (ids)
        ) AS moved GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    LOOP
        INSERT INTO fringe_year (company_id, employee_id, tax_year, created_at)
            VALUES (change.company_id, change.employee_id, change.tax_year, happened_at) ON CONFLICT DO NOTHING;
        UPDATE fringe_year SET held_cents = fringe_year.held_cents + change.held_cents,
            used_cents = fringe_year.used_cents + change.used_cents
            WHERE company_id = change.company_id AND employee_id = change.employee_id AND tax_year = change.tax_year
            RETURNING coalesce(limit_cents, 0) - fringe_year.held_cents - fringe_year.used_cents - external_cents
            INTO left_cents;
        IF refusing AND left_cents < 0 AND change.held_cents + change.used_cents > 0 THEN
            RAISE EXCEPTION 'the year has no room for more fringe benefits'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'fringe_year_limit',
                    DETAIL = greatest(0, left_cents + change.held_cents + change.used_cents);
        END IF;
    END LOOP;
    INSERT INTO fringe_use (id, company_id, employee_id, tax_year, held_cents, used_cents)
        SELECT * FROM unnest(ids, company_ids, employee_ids, tax_years, held, used)
        ON CONFLICT (id) DO UPDATE SET company_id = excluded.company_id, employee_id = excluded.employee_id,
            tax_year = excluded.tax_year, held_cents = excluded.held_cents, used_cents = excluded.used_cents;
END $function$;

CREATE OR REPLACE FUNCTION public.setting_in_force(setting_name text, on_day date, of_organisation uuid DEFAULT NULL::uuid, of_programme uuid DEFAULT NULL::uuid, of_alliance uuid DEFAULT NULL::uuid, OUT value bigint, OUT level text, OUT value_id uuid)
 RETURNS record
 LANGUAGE plpgsql
 STABLE
AS $function$
DECLARE
    place record;
    chosen record;
BEGIN
    SELECT setting.default_value, 'default', NULL INTO value, level, value_id
        FROM setting WHERE setting.name = setting_name;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no such setting' USING ERRCODE = '22023', CONSTRAINT = 'setting_known';
    END IF;
    IF NOT EXISTS (SELECT FROM setting_value said WHERE said.name = setting_name) THEN
        RETURN;
    END IF;
    SELECT alliance.id, alliance.network_id INTO place FROM alliance WHERE alliance.id = coalesce(of_alliance, (
        SELECT member.alliance_id FROM alliance_membership member
        WHERE member.organisation_id = of_organisation AND member.joined_on <= on_day
            AND (member.ended_on IS NULL OR member.ended_on > on_day)
        ORDER BY member.joined_on, member.id LIMIT 1));
    SELECT latest.value, latest.level, latest.id INTO chosen
    FROM (SELECT DISTINCT ON (said.level) said.id, said.level, said.value
        FROM setting_value said
        WHERE said.name = setting_name AND said.valid_from <= on_day
            AND (said.confirmed_by IS NOT NULL OR NOT said.needs_second)
            AND (said.level = 'platform' OR said.network_id = place.network_id OR said.alliance_id = place.id
                OR said.organisation_id = of_organisation OR said.programme_id = of_programme)
        ORDER BY said.level, said.valid_from DESC, said.created_at DESC, said.id DESC) AS latest
    WHERE latest.value IS NOT NULL
    ORDER BY array_position('{programme,organisation,alliance,network,platform}'::text[], latest.level) LIMIT 1;
    IF FOUND THEN
        value := chosen.value;
        level := chosen.level;
        value_id := chosen.id;
    END IF;
END $function$;
GRANT EXECUTE ON FUNCTION public.setting_in_force(text,date,uuid,uuid,uuid) TO beatrice_app, beatrice_worker;

CREATE OR REPLACE FUNCTION public.setting_weakens(setting_name text, new_value bigint)
 RETURNS boolean
 LANGUAGE sql
 STABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
    SELECT coalesce(setting.stricter IS NOT NULL AND (new_value IS NULL OR EXISTS (
        SELECT FROM (
            SELECT setting.default_value AS value UNION ALL
            SELECT said.value FROM setting_value said
            WHERE said.name = setting_name AND (said.confirmed_by IS NOT NULL OR NOT said.needs_second)
        ) AS standing
        WHERE CASE setting.stricter WHEN 'more' THEN new_value < standing.value ELSE new_value > standing.value END
    )), false)
    FROM setting WHERE setting.name = setting_name
$function$;
GRANT EXECUTE ON FUNCTION public.setting_weakens(text,bigint) TO beatrice_app;

CREATE OR REPLACE FUNCTION public.settlement_adds_up()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF NEW.status <> 'issued' OR NOT settlement_is_sum(NEW.provider_id, NEW.id) THEN
        RAISE EXCEPTION 'a settlement is the sum of its lines'
            USING ERRCODE = '23514', CONSTRAINT = 'settlement_is_sum_of_lines';
    END IF;
    IF NOT EXISTS (SELECT FROM settlement_counter WHERE provider_id = NEW.provider_id AND year = NEW.year
            AND last_number >= NEW.sequence)
        OR NEW.sequence <> 1 AND NOT EXISTS (SELECT FROM settlement WHERE provider_id = NEW.provider_id
            AND year = NEW.year AND sequence = NEW.sequence - 1) THEN
        RAISE EXCEPTION 'settlements are numbered without gaps'
            USING ERRCODE = '23514', CONSTRAINT = 'settlement_number_gapless';
    END IF;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.settlement_counter_steps()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.last_number = 1 OR TG_OP = 'UPDATE' AND NEW.last_number = OLD.last_number + 1
        AND NEW.provider_id = OLD.provider_id AND NEW.year = OLD.year THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'numbers are given one by one'
        USING ERRCODE = '23514', CONSTRAINT = 'settlement_counter_one_by_one';
END $function$;

CREATE OR REPLACE FUNCTION public.settlement_counter_used()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF NOT EXISTS (SELECT FROM settlement WHERE provider_id = NEW.provider_id AND year = NEW.year
            AND sequence = NEW.last_number) THEN
        RAISE EXCEPTION 'settlements are numbered without gaps'
            USING ERRCODE = '23514', CONSTRAINT = 'settlement_number_gapless';
    END IF;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.settlement_is_sum(p_provider_id uuid, p_settlement_id uuid)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
BEGIN
    RETURN EXISTS (
        SELECT FROM settlement CROSS JOIN (
            SELECT coalesce(sum(gross_cents), 0) AS gross, coalesce(sum(fee_cents), 0) AS fee,
                coalesce(sum(fee_vat_cents), 0) AS fee_vat, coalesce(sum(subsidy_cents), 0) AS subsidy,
                coalesce(sum(net_cents), 0) AS net
            FROM settlement_line WHERE provider_id = p_provider_id AND settlement_id = p_settlement_id
        ) AS line
        WHERE settlement.id = p_settlement_id AND settlement.gross_cents = gross AND settlement.fee_cents = fee
            AND settlement.fee_vat_cents = fee_vat AND settlement.subsidy_cents = subsidy
            AND settlement.payout_cents = net);
END $function$;

CREATE OR REPLACE FUNCTION public.settlement_line_moves()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF to_jsonb(NEW) - 'cancelled' IS DISTINCT FROM to_jsonb(OLD) - 'cancelled' OR OLD.cancelled OR NOT NEW.cancelled
        OR NOT EXISTS (SELECT FROM settlement WHERE id = NEW.settlement_id AND status = 'cancelled') THEN
        RAISE EXCEPTION 'a line never changes; it is cancelled with its settlement'
            USING ERRCODE = '23514', CONSTRAINT = 'settlement_line_immutable';
    END IF;
    RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.settlement_lines_agree()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF EXISTS (
        SELECT FROM new_line LEFT JOIN payable ON payable.id = new_line.payable_id
        WHERE payable.settlement_id IS DISTINCT FROM new_line.settlement_id
            OR (payable.payee_id, payable.source_id, payable.kind, payable.gross_cents, payable.vat_code,
                payable.service_on) IS DISTINCT FROM (new_line.provider_id, new_line.unit_id, new_line.kind,
                new_line.gross_cents, new_line.vat_code, new_line.service_on)) THEN
        RAISE EXCEPTION 'a line settles a payable of its provider, for what is owed'
            USING ERRCODE = '23514', CONSTRAINT = 'settlement_line_is_the_payable';
    END IF;
    IF EXISTS (
        WITH touched AS MATERIALIZED (SELECT DISTINCT provider_id, settlement_id FROM new_line)
        SELECT FROM touched WHERE NOT settlement_is_sum(provider_id, settlement_id)) THEN
        RAISE EXCEPTION 'a settlement is the sum of its lines'
            USING ERRCODE = '23514', CONSTRAINT = 'settlement_is_sum_of_lines';
    END IF;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.settlement_moves()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
    approval text[] := CASE WHEN TG_TABLE_NAME = 'settlement_run' AND OLD.status = 'closed'
        THEN ARRAY['approved_by', 'approved_at', 'approved_sha256', 'debtor_name', 'debtor_iban', 'execution_on',
            'payment_file_sha256', 'cancelled_by', 'cancelled_at']
        WHEN TG_TABLE_NAME = 'settlement_run' AND OLD.status = 'approved' THEN ARRAY['sent_at'] ELSE '{}' END;
BEGIN
    IF to_jsonb(NEW) - 'status' - approval IS DISTINCT FROM to_jsonb(OLD) - 'status' - approval THEN
        RAISE EXCEPTION 'rows of % never change', TG_TABLE_NAME
            USING ERRCODE = '23514', CONSTRAINT = TG_TABLE_NAME || '_immutable';
    END IF;
    IF TG_TABLE_NAME || ':' || OLD.status || '>' || NEW.status NOT IN (
        'settlement_run:closed>approved', 'settlement_run:closed>cancelled', 'settlement_run:approved>sent',
        'settlement_run:sent>reconciled',
        'settlement:issued>approved', 'settlement:issued>cancelled', 'settlement:approved>paying',
        'settlement:paying>paid', 'settlement:paying>returned',
        'payout:prepared>approved', 'payout:prepared>cancelled', 'payout:approved>paying', 'payout:paying>paid',
        'payout:paying>returned') THEN
        RAISE EXCEPTION '% does not go from % to %', TG_TABLE_NAME, OLD.status, NEW.status
            USING ERRCODE = '23514', CONSTRAINT = TG_TABLE_NAME || '_transition';
    END IF;
    RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.settlement_run_adds_up()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF NEW.status <> 'closed' OR NOT settlement_run_is_sum(NEW.id) THEN
        RAISE EXCEPTION 'a run starts closed and is the sum of its settlements'
            USING ERRCODE = '23514', CONSTRAINT = 'settlement_run_is_sum_of_settlements';
    END IF;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.settlement_run_agrees()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    IF EXISTS (
        WITH touched AS MATERIALIZED (SELECT DISTINCT run_id FROM new_settlement)
        SELECT FROM touched WHERE NOT settlement_run_is_sum(run_id)) THEN
        RAISE EXCEPTION 'a run is the sum of its settlements'
            USING ERRCODE = '23514', CONSTRAINT = 'settlement_run_is_sum_of_settlements';
    END IF;
    RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.settlement_run_is_sum(p_run_id uuid)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    RETURN EXISTS (
        SELECT FROM settlement_run CROSS JOIN (
            SELECT count(*) AS documents, coalesce(sum(payout_cents), 0) AS total,
                count(*) FILTER (WHERE cutoff_on <> (SELECT cutoff_on FROM settlement_run WHERE id = p_run_id)) AS other
            FROM settlement WHERE run_id = p_run_id
        ) AS made
        WHERE settlement_run.id = p_run_id AND settlement_count = documents AND total_cents = total AND other = 0);
END $function$;

CREATE OR REPLACE FUNCTION public.side_of_role()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
    NEW.side := CASE
        WHEN NEW.role IN ('hr', 'hr_approver', 'payroll') THEN 'employer'
        WHEN NEW.role IN ('manager', 'staff', 'coordinator', 'care_manager', 'operator', 'finance') THEN 'care'
        WHEN NEW.role = 'admin' THEN (
            SELECT CASE WHEN 'company' = ANY (kinds) THEN 'employer' WHEN 'provider' = ANY (kinds) THEN 'care' END
            FROM organisation WHERE id = NEW.scope_id) END;
    RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.take_seats(taking_ids uuid[], kind text, holder_ids uuid[], slot_ids uuid[], seats_asked integer[], bookable_from timestamp with time zone, kept_until timestamp with time zone, happened_at timestamp with time zone)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
DECLARE
    refused text;
BEGIN
    PERFORM FROM slot WHERE id = ANY (slot_ids) ORDER BY id FOR NO KEY UPDATE;
    -- A statement of its own: it sees what was committed while this one waited for the locks.
    SELECT CASE
        WHEN bool_or(slot.id IS NULL OR slot.status <> 'open' OR slot.starts_at <= bookable_from) THEN 'slot_closed'
        WHEN bool_or(slot.taken + asked.seats > slot.capacity) THEN 'slot_full'
        END INTO refused
    FROM (SELECT given.slot_id, sum(given.seats) AS seats
        FROM unnest(slot_ids, seats_asked) AS given (slot_id, seats) GROUP BY given.slot_id) AS asked
    LEFT JOIN slot ON slot.id = asked.slot_id;
    IF refused IS NOT NULL THEN
        RETURN refused;
    END IF;
    INSERT INTO taking (id, provider_id, slot_id, holder_kind, holder_id, seats, until, taken_at)
        SELECT given.id, slot.provider_id, slot.id, kind, given.holder_id, given.seats, kept_until, happened_at
        FROM unnest(taking_ids, holder_ids, slot_ids, seats_asked) AS given (id, holder_id, slot_id, seats)
        JOIN slot ON slot.id = given.slot_id;
    UPDATE slot SET taken = slot.taken + asked.seats
        FROM (SELECT given.slot_id, sum(given.seats) AS seats
            FROM unnest(slot_ids, seats_asked) AS given (slot_id, seats) GROUP BY given.slot_id) AS asked
        WHERE slot.id = asked.slot_id;
    RETURN NULL;
END $function$;
GRANT EXECUTE ON FUNCTION public.take_seats(uuid[],text,uuid[],uuid[],integer[],timestamp with time zone,timestamp with time zone,timestamp with time zone) TO beatrice_app, beatrice_worker;

CREATE OR REPLACE FUNCTION public.takes_credit(p_provider_id uuid, p_category text, p_on date)
 RETURNS boolean
 LANGUAGE sql
 STABLE
AS $function$
    SELECT EXISTS (SELECT FROM credit_periods(p_provider_id, p_category) AS period
        WHERE period.valid_from <= p_on AND (period.valid_to IS NULL OR p_on < period.valid_to))
$function$;
GRANT EXECUTE ON FUNCTION public.takes_credit(uuid,text,date) TO beatrice_app, beatrice_worker;

CREATE OR REPLACE FUNCTION public.top_up_needs_two(p_company_id uuid, p_amount_cents bigint, p_at timestamp with time zone, p_by uuid)
 RETURNS boolean
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
    SELECT needs_second_word() AND EXISTS (SELECT FROM organisation WHERE id = p_company_id AND created_by = p_by)
        OR p_amount_cents + coalesce(sum(amount_cents), 0) > (
        SELECT value FROM setting_in_force('top_up_limit_cents', (p_at AT TIME ZONE 'Europe/Rome')::date, p_company_id))
    FROM top_up WHERE company_id = p_company_id AND status = 'confirmed' AND second_confirmed_by IS NULL
        AND resolved_at > p_at - top_up_period()
$function$;
GRANT EXECUTE ON FUNCTION public.top_up_needs_two(uuid,bigint,timestamp with time zone,uuid) TO beatrice_app, beatrice_worker;

CREATE OR REPLACE FUNCTION public.top_up_period()
 RETURNS interval
 LANGUAGE sql
 IMMUTABLE
RETURN '7 days'::interval;
GRANT EXECUTE ON FUNCTION public.top_up_period() TO beatrice_app, beatrice_worker;
