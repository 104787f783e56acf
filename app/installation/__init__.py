"""The database as a whole: sandbox or production, fit to be served or not, sealed with which keys.

Owns `installation` (one row, written by `beatrice run` or the first `beatrice migrate` with an explicit mode, never
changed) and the guards of `clock_offset`. Invariants: a database of production has no moved clock; a database of one
mode is never served in the other.
"""
