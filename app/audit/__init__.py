"""Who did and who read what: every act on money, rights and credentials, every staff read of care data.

Owns `audit_entry`: append-only, ids only, unnumbered when written (positions and the hash chain come afterwards).
"""
