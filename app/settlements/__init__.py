"""What is owed to providers and how it is paid: fee rules, runs, settlements with lines, payouts, bank files.

Invariants: a payable is settled at most once and never changes afterwards; a settlement's payout is the sum of
its lines; settlements are numbered without gaps per provider and year; a run is approved by another person, for
exactly the content it had; a payout is sent at most once.
"""
