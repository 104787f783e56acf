"""Who may pay for what: the law of corporate welfare as dated rows, and pure decisions over them.

Owns the rule codes, the dated parameters and the care categories (`data/*.toml`). Knows no database and no person.
Invariants, checked when the rows are read: no two rows of one key are valid on the same day, every category names
rule codes that exist, every row has a citation and a source, a sign-off has both a name and a date.
Nothing here is tax advice: a row that nobody signed off is `refuse_unsigned`-able, and every answer shows its status.
"""
