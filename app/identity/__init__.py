"""Who may log in: users, their roles in scopes, sessions, API keys, invitations, password resets.

Invariants: a token is stored only as SHA-256 and looked up at each request, so revocation holds on the very next one;
after activation login and contact belong to the person; an invitation or reset works once.
"""
