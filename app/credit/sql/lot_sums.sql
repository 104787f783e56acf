-- What has left a lot, by how it left: captured (less what came back), expired (on its own, as grace or carried over),
-- returned. With what is available and held it is the lot's amount, always.

CREATE OR REPLACE FUNCTION lot_sums(of_lot uuid)
RETURNS TABLE (captured_cents bigint, expired_cents bigint, returned_cents bigint) LANGUAGE sql STABLE AS $$
    SELECT gone.captured_cents - back.cents, gone.expired_cents, gone.returned_cents
    FROM (SELECT coalesce(sum(amount_cents) FILTER (WHERE hold_id IS NOT NULL), 0)::bigint AS captured_cents,
            coalesce(sum(amount_cents) FILTER (
                WHERE reason IN ('expired', 'grace', 'carried_over')), 0)::bigint AS expired_cents,
            coalesce(sum(amount_cents) FILTER (WHERE reason = 'returned'), 0)::bigint AS returned_cents
        FROM ledger.transfer WHERE from_account_id = of_lot) AS gone
    CROSS JOIN (SELECT coalesce(sum(amount_cents), 0)::bigint AS cents
        FROM ledger.transfer WHERE to_account_id = of_lot AND reverses_id IS NOT NULL) AS back
$$;

REVOKE ALL ON FUNCTION lot_sums FROM PUBLIC, beatrice_app, beatrice_hr, beatrice_worker;
GRANT EXECUTE ON FUNCTION lot_sums TO beatrice_app, beatrice_worker;
