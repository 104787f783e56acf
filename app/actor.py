"""Who is calling: a user or an API key, for which organisation, in which role."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

ActorKind = Literal["user", "api_key", "anonymous", "system"]
Locale = Literal["it", "en"]
"""The languages we speak."""


@dataclass(frozen=True)
class Actor:
    """The caller of one request, as looked up in its first statement.

    `id` is the user's or key's id, `organisation_id` the tenant named by the path (for an API key: its own),
    `roles` the roles held there (an API key has none), `scopes` limits an API key (None: no limit beyond the roles).
    """

    kind: ActorKind
    id: UUID | None = None
    organisation_id: UUID | None = None
    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] | None = None
    locale: Locale = "it"

    @property
    def user_id(self) -> UUID:
        """Return the person's id; a programming error on routes that API keys may use."""
        if self.kind != "user" or self.id is None:
            raise TypeError("the actor is no user")
        return self.id


ANONYMOUS = Actor("anonymous")
SYSTEM = Actor("system")
