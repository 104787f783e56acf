"""Which refusals the audit trail tells of: all at first, then a sample that says how many it stands for."""

import ipaddress
from collections import OrderedDict
from http import HTTPStatus

from app.edge.access import Access
from app.errors import AppError

ALWAYS = frozenset({403, 429})
WHOLE_PER_NETWORK = 10
WHOLE_IN_ALL = 1_000
MOST_NETWORKS = 10_000
EVERYBODY = "all"


def is_told(error: AppError, access: Access, *, presented: bool, placed: bool) -> bool:
    """Whether a refusal is one of rights or proof: failed logins, lock-outs, foreign parties, roles that do not reach.

    What was refused of somebody's own (`placed`, a 404 or 409 of the business) is no attempt on anything.
    """
    if error.status in ALWAYS or error.commits:
        return True
    if error.status == HTTPStatus.UNAUTHORIZED:
        return presented or access.permission == "public"
    return error.status == HTTPStatus.NOT_FOUND and not placed


class Sample:
    """Counts refusals of this process by minute and network: an attacker fills neither the trail nor our memory.

    Of one network ten a minute are told, then the 20th, 40th, 80th ...; of all together a thousand, then likewise.
    """

    def __init__(self) -> None:
        self._counts: OrderedDict[str, tuple[int, int, int]] = OrderedDict()

    def take(self, address: str | None, now: float) -> int:
        """Count one refusal; return for how many the entry to be written stands, 0 for none."""
        minute = int(now // 60)
        times = self._count(_network(address), minute, WHOLE_PER_NETWORK)
        return times if times and self._count(EVERYBODY, minute, WHOLE_IN_ALL) else 0

    def _count(self, key: str, minute: int, whole: int) -> int:
        before, counted, told = self._counts.pop(key, (minute, 0, 0))
        if before != minute:
            counted = told = 0
        counted += 1
        share, rest = divmod(counted, whole)
        times = counted - told if counted <= whole or (rest == 0 and share & (share - 1) == 0) else 0
        self._counts[key] = (minute, counted, told + times)
        while len(self._counts) > MOST_NETWORKS:
            self._counts.popitem(last=False)
        return times


def _network(address: str | None) -> str:
    """Return what one household or firm has: an address, or an IPv6 network of 64 bits."""
    if address is None or ":" not in address:
        return address or "unknown"
    return str(ipaddress.ip_network((address, 64), strict=False))
