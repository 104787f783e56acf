"""Providers, sites, offerings, prices, and the public search over them.

Invariants: an offering refers only to sites of its own provider (composite foreign key); one price per offering and day
(exclusion constraint), amounts never change; what an offering is (category, mode, unit) never changes, it is withdrawn.
The search reads the table `slot` of capacity, which is above this module, by SQL only.
"""
