-- When a provider takes credit for a category: while accredited, and only as long as the admission that it was
-- accredited in lasts. Quotes, bookings, deliveries and settlement all ask here.

CREATE OR REPLACE FUNCTION credit_periods(p_provider_id uuid, p_category text)
RETURNS TABLE (valid_from date, valid_to date)
LANGUAGE sql STABLE AS $$
    SELECT greatest(accreditation.valid_from, admission.joined_on), least(accreditation.valid_to, admission.ended_on)
    FROM accreditation JOIN alliance_membership AS admission ON admission.id = accreditation.membership_id
    WHERE accreditation.provider_id = p_provider_id AND accreditation.status = 'approved'
        AND (accreditation.categories IS NULL OR p_category = ANY (accreditation.categories))
$$;

CREATE OR REPLACE FUNCTION takes_credit(p_provider_id uuid, p_category text, p_on date) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM credit_periods(p_provider_id, p_category) AS period
        WHERE period.valid_from <= p_on AND (period.valid_to IS NULL OR p_on < period.valid_to))
$$;

REVOKE ALL ON FUNCTION credit_periods, takes_credit FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT EXECUTE ON FUNCTION credit_periods, takes_credit TO beatrice_app, beatrice_worker;
