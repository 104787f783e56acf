-- Fees from credit, for payroll.

-- name: payers_of_holds
SELECT hold.id AS hold_id, lot.company_id, lot.employee_id, capture.event_at AS captured_at
FROM ledger.hold
JOIN lot ON lot.id = hold.account_id AND lot.company_id IS NOT NULL
JOIN ledger.transfer capture ON capture.hold_id = hold.id
WHERE hold.id = ANY (CAST(:holds AS uuid[]))
ORDER BY hold.id;
