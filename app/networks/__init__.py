"""Networks, the alliances inside them with their territory, which organisations belong to them, settings by level.

Invariants: an organisation has a role in an alliance once at a time; ended memberships stay; the lead stays. What was
said of a setting stays; the narrowest level that says something holds.
"""
