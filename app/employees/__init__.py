"""Employments as HR sees them: one by one, from a file, and the moment they become a person's.

Invariants: an employment has one company and at most one open row per person; after activation the contact is the
person's; no company route can set the login.
"""
