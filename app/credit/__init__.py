"""Lots: what credit a person has, how it is used, how it ends; and the planner.

Bookings and claims touch credit only through `actions`: place, capture, release, refund, reverse_captures. Nothing here
runs as the database role of companies, which cannot see what became of a lot.

Invariants, kept by the database: a lot gets its amount once; what leaves it does so by capture, expiry, return, grace
or carrying over; available + held + captured + expired + returned = amount; it ends once and not before the midnight
after its last day (or with its grant).
"""
