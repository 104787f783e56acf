"""Networks, the alliances inside them with their territory, and which organisations belong to them.

Invariants: an organisation has a role in an alliance once at a time; ended memberships stay; the lead stays.
"""
