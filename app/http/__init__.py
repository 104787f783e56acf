"""The edge: one route class that owns transaction, identity, permission and idempotency; problems, paging, ETags."""
