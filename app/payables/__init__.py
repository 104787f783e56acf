"""What is owed to whom, for what, since when: one row for each owed item, together with its ledger transfer.

Invariants: a payable is written with the transfer that makes its payee's account richer (an adjustment: poorer), for
the same amount at the same instant, and names it; nothing of it changes but that it is settled, once, or blocked while
it is not; what is blocked is not settled. A source owes the same kind twice only under another sequence number.
Whoever owes (bookings; later claims, incidents, public bodies) calls `owe`; settlements, invoices and the bank read
payables and know nothing of where they come from.
"""
