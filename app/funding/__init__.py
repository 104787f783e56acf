"""Programmes, top-ups, grants and lots: where credit comes from, who has it, how it ends; and the planner.

Bookings and claims touch credit only through `actions`: place, capture, release, refund, reverse_captures. A company's
side (`company_actions`) runs as a database role that cannot see what became of a lot.

Invariants, kept by the database (migration 0005): a lot is a line of an active grant and gets its amount once; what
leaves it does so by capture, expiry, return, grace or carrying over; available + held + captured + expired + returned =
amount; it ends once and not before the midnight after its last day (or with its grant). A grant is the sum of its
lines, approved by another than its maker, whole or not at all, never beyond the company's funds.
"""
