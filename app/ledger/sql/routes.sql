-- Every way that money goes, by its reason: what is not here is no transfer, whoever asks. Without it one statement could
-- move any open account to what is owed to a provider, and from there to the bank. `how` is what the transfer is: plain,
-- the capture of a hold, or a reversal; both ends of a route `within` belong to the same owner.

CREATE OR REPLACE VIEW ledger.route WITH (security_invoker = true) AS
    -- Row by row: PostgreSQL 15 shows a list of VALUES in other words than 18 does.
    SELECT text 'top_up' AS reason, text 'bank_clearing_company' AS from_kind, text 'company_account' AS to_kind,
        text 'plain' AS how, false AS within
    UNION ALL SELECT 'granted', 'company_account', 'lot', 'plain', false
    UNION ALL SELECT 'awarded', 'entitlement_budget', 'lot', 'plain', false
    -- A visit delivered, a fee; taken back by the provider or by a dispute.
    UNION ALL SELECT 'captured', 'lot', 'provider_earned', 'capture', false
    UNION ALL SELECT 'fee', 'lot', 'provider_earned', 'capture', false
    UNION ALL SELECT 'reverted', 'provider_earned', 'lot', 'reversal', false
    UNION ALL SELECT 'refunded', 'provider_earned', 'lot', 'reversal', false
    -- A claim that was approved, and paid to the person.
    UNION ALL SELECT 'captured', 'lot', 'claims_payable', 'capture', false
    UNION ALL SELECT 'claim_paid', 'claims_payable', 'bank_clearing_company', 'plain', false
    -- What is left of a lot.
    UNION ALL SELECT 'expired', 'lot', 'company_returns', 'plain', false
    UNION ALL SELECT 'expired', 'lot', 'solidarity_fund', 'plain', false
    UNION ALL SELECT 'returned', 'lot', 'company_returns', 'plain', false
    UNION ALL SELECT 'returned', 'lot', 'solidarity_fund', 'plain', false
    UNION ALL SELECT 'grace', 'lot', 'lot', 'plain', false
    UNION ALL SELECT 'carried_over', 'lot', 'lot', 'plain', false
    UNION ALL SELECT 'restored', 'company_returns', 'lot', 'reversal', false
    UNION ALL SELECT 'returns', 'company_returns', 'company_account', 'plain', true
    -- What a provider is owed, less what the platform takes, on its way to the bank.
    UNION ALL SELECT 'completed', 'provider_earned', 'provider_payable', 'plain', true
    UNION ALL SELECT 'fee_payable', 'provider_earned', 'provider_payable', 'plain', true
    UNION ALL SELECT 'adjusted', 'provider_payable', 'provider_earned', 'plain', true
    UNION ALL SELECT 'settlement_fee', 'provider_payable', 'platform_fees', 'plain', false
    UNION ALL SELECT 'settlement_fee_vat', 'provider_payable', 'vat_payable', 'plain', false
    UNION ALL SELECT 'settlement_cancelled', 'platform_fees', 'provider_payable', 'reversal', false
    UNION ALL SELECT 'settlement_cancelled', 'vat_payable', 'provider_payable', 'reversal', false
    UNION ALL SELECT 'payout', 'provider_payable', 'provider_in_transit', 'plain', true;
REVOKE ALL ON ledger.route FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;

CREATE OR REPLACE FUNCTION ledger.check_routes() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = ledger, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
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
END $$;
REVOKE ALL ON FUNCTION ledger.check_routes FROM PUBLIC;
CREATE OR REPLACE TRIGGER transfer_27_routes AFTER INSERT ON ledger.transfer REFERENCING NEW TABLE AS new_transfer
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.check_routes();
