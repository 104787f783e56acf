"""Who may pay for what: the law of corporate welfare as dated rows, and pure decisions over them.

Owns the rule codes, relations, limits, collective agreements and care categories (`data/*.toml`, docs/rules.md), and
the route that shows them. Knows no database and no person.
Invariants, checked when the rows are read: rows of one key follow each other without gap or overlap, what a row leans
on holds as long as it does, no code is unknown or missing, every row has a citation and a source.
Nothing here is tax advice: a signature fits the row that was read and no other, production decides nothing on an
unsigned row, and every answer shows its status.
"""
