"""Parties and people: organisations, companies, networks, alliances, municipalities, employees, beneficiaries.

Invariants: an employment has one company and at most one open row per person; after activation the contact is the
person's; a beneficiary belongs to a login and lives in schema care, where company routes cannot look.
"""
