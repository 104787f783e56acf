"""The public search: offerings by Italian words, near misses, filters and free capacity.

It owns no table: it reads the catalogue and the slots below it. Invariant: it finds nothing that its caller may not see
(app/catalogue/sql/may_see_offering.sql).
"""
