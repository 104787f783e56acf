"""Formats of banks and tax offices: IBAN, fiscal codes, SEPA payment files.

Pure functions over text and bytes: no database, no clock but the one passed in, no network. What comes in is checked
in full, what goes out is the same bytes for the same input. No error message repeats the value it refuses.
"""
