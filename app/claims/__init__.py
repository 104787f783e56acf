"""What people ask back of care that they paid themselves, where the law allows it (schema care).

Invariants, kept by the database: one row per document (issuer, number, date), of which at most its total less public
money is claimed; what a claim asks for is held from its submission, paid into `claims_payable` when it is approved,
freed when it is rejected or withdrawn; nobody decides a claim of her own, and who rejected one never its appeal;
another person approves a run of payments than made it, for exactly the payees and sums that it had. The database
role of companies reaches none of it.
"""
