"""A company's side of credit: top-ups, programmes, grants.

Its statements run as a database role that cannot see what became of a lot. Invariants, kept by the database: a grant is
the sum of its lines, approved by another than its maker, whole or not at all, never beyond the company's funds; a
programme that grants use keeps its rules.
"""
