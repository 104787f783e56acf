"""What happened: one row per committed change, written in the same transaction, thin (ids, no personal data).

Owns `event`. Rows are unnumbered when written, so that no row is hot; positions are given afterwards.
"""
