"""Providers, sites, offerings, prices, and who may see which offering.

Invariants: an offering refers only to sites of its own provider (composite foreign key); one price per offering and day
(exclusion constraint), amounts never change; what an offering is (category, mode, unit) never changes, it is withdrawn.
"""
