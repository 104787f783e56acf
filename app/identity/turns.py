"""Whose turn it is to hash: a few at once, the waiting ones served network by network.

Hashing is meant to be slow, so whoever asks for many hashes must keep nobody else waiting: each network has a queue
of its own, and the networks are served in turn.
"""

import asyncio
import os
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.errors import Busy

AT_ONCE = max(2, (os.cpu_count() or 2) - 1)
"""A core stays free for everything else, where there are more than two."""
WAITING = 1_000
"""More than that is an attack or an outage: refusing is better than answering minutes later."""
WAITING_PER_NETWORK = 30
"""A company's people log in at nine from one address: five seconds of work, of which others wait for one hash."""


class Turns:
    """The turns of one event loop."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._free = at_once
        self._queues: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def turn(self, network: str) -> AsyncIterator[None]:
        """Wait for a turn and give it back; Busy when this network, or everybody together, waits for too many."""
        if self._free:
            self._free -= 1
        else:
            await self._wait(network)
        try:
            yield
        finally:
            self._next()

    async def _wait(self, network: str) -> None:
        queue = self._queues.get(network, deque())
        if len(queue) >= WAITING_PER_NETWORK or sum(map(len, self._queues.values())) >= WAITING:
            raise Busy
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(mine)
        self._queues[network] = queue
        try:
            await mine
        except asyncio.CancelledError:
            if not mine.cancelled():
                self._next()  # it was this one's turn when it went away
            elif mine in queue:
                queue.remove(mine)
                if not queue:
                    del self._queues[network]
            raise

    def _next(self) -> None:
        """Hand the turn to the network that has waited longest since its last one."""
        while self._queues:
            network, queue = next(iter(self._queues.items()))
            waiter = queue.popleft()
            if queue:
                self._queues.move_to_end(network)
            else:
                del self._queues[network]
            if not waiter.done():
                waiter.set_result(None)
                return
        self._free += 1
