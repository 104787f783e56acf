"""Whom a person books for: oneself and relatives, with the facts that rules ask for.

Invariants: a beneficiary belongs to a login and lives in schema care, where company routes cannot look; `self` is there
once and stays.
"""
