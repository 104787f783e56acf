"""How many requests a caller may send: counted by who calls, else by the network that calls, in this process.

Whom a token belongs to is learnt from the answers of the database, never from the spelling of a header: until then, and
for whatever opens nothing, the network pays. So nobody gets a second allowance, and nobody fills the memory.
"""

from collections import OrderedDict
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.types import Scope

from app.edge.network import network_of
from app.edge.request import token_hash_in
from app.errors import Unauthorised

REMEMBERED = 100_000
"""Buckets, and tokens; the least recently seen are forgotten first."""


class Buckets:
    """Token buckets, one per caller."""

    def __init__(self, per_minute: int) -> None:
        self.per_minute = per_minute
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str, now: float) -> tuple[int, int]:
        """Take one token; return (tokens left, -1 for none; seconds until one is there)."""
        level, seen = self._levels.pop(caller, (float(self.per_minute), now))
        level = min(float(self.per_minute), level + (now - seen) * self.per_minute / 60)
        allowed = level >= 1
        level -= 1 if allowed else 0
        self._levels[caller] = (level, now)
        if len(self._levels) > REMEMBERED:
            self._levels.popitem(last=False)
        return (int(level) if allowed else -1), max(1, int((1 - level) * 60 / self.per_minute) + 1)


class Limiter:
    """The allowances of one process."""

    def __init__(self, per_minute: int) -> None:
        self.buckets = Buckets(per_minute)
        self._principals: OrderedDict[bytes, str] = OrderedDict()

    def take(self, scope: Scope, now: float) -> tuple[int, int]:
        token = _token(scope)
        principal = None if token is None else self._principals.get(token)
        return self.buckets.take(principal or f"network {network_of(address_of(scope))}", now)

    def learn(self, scope: Scope, status: int | None) -> None:
        """Remember whose token this was, as the request found out; one that opens nothing any more is forgotten."""
        token = _token(scope)
        if token is None:
            return
        principal = scope.get("principal")
        if principal is not None:
            self._principals.pop(token, None)
            self._principals[token] = f"principal {principal}"
            if len(self._principals) > REMEMBERED:
                self._principals.popitem(last=False)
        elif status == HTTPStatus.UNAUTHORIZED:
            self._principals.pop(token, None)


def address_of(scope: Scope) -> str:
    client = scope.get("client") or ("local", 0)
    return str(client[0])


def _token(scope: Scope) -> bytes | None:
    try:
        return token_hash_in(Headers(scope=scope).get("authorization"))
    except Unauthorised:
        return None
