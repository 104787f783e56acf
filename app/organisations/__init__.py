"""Parties: organisations with their accounts as companies and providers, their members, how they join.

Invariants: a tax code occurs once; where money goes is set once here; an organisation keeps an administrator.
"""
