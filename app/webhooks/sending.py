"""One message to one stranger: bounded in time and size, to a checked address, followed nowhere."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from socket import SOCK_STREAM, getaddrinfo

import httpcore
from anyio import CapacityLimiter, to_thread
from httpcore import AsyncNetworkBackend, AsyncNetworkStream

from app.webhooks.addresses import is_allowed
from app.webhooks.models import Problem

ENOUGH_BYTES = 4 * 1024
"""Of an answer; they are thrown away, only its status counts."""
LONGEST_REST = 3_600
TOO_BUSY = frozenset({429, 503})
Resolve = Callable[[str, int], Awaitable[list[str]]]


class AddressNotAllowed(Exception):
    """The name means an address that must not be called."""


@dataclass(frozen=True)
class Message:
    """What is sent where."""

    url: str
    headers: Sequence[tuple[str, str]]
    body: bytes


@dataclass(frozen=True)
class Outcome:
    """How it went: the answer's status where there was one, what was wrong unless it was 2xx."""

    status: int | None = None
    problem: Problem | None = None
    retry_after: int = 0


async def resolve(host: str, port: int) -> list[str]:
    """Return all addresses of a name. Whoever makes us wait for a name server occupies a thread of its own."""
    ask = partial(getaddrinfo, host, port, type=SOCK_STREAM)
    found = await to_thread.run_sync(ask, abandon_on_cancel=True, limiter=CapacityLimiter(1))
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Guarded(AsyncNetworkBackend):
    """Connects once to a name's addresses if all of them are allowed: what was checked is what is connected to.

    The request keeps the name, for Host and for the certificate. No proxy of the environment is asked.
    """

    def __init__(
        self, *, loopback: bool, resolve: Resolve = resolve, network: AsyncNetworkBackend | None = None
    ) -> None:
        self.loopback = loopback
        self.resolve = resolve
        self.network = network or httpcore.AnyIOBackend()
        self._opened: AsyncNetworkStream | None = None

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's interface
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        try:
            addresses = await self.resolve(host, port)
        except OSError as error:
            raise httpcore.ConnectError from error
        if not all(is_allowed(address, loopback=self.loopback) for address in addresses):
            raise AddressNotAllowed
        for address in addresses:
            with suppress(httpcore.ConnectError):
                self._opened = await self.network.connect_tcp(address, port, timeout, local_address, socket_options)
                return self._opened
        raise httpcore.ConnectError

    async def aclose(self) -> None:
        """Close what was opened: a handshake that is broken off leaves its connection open."""
        if self._opened is not None:
            await self._opened.aclose()


@lru_cache(maxsize=1)
def _trusted() -> ssl.SSLContext:
    return httpcore.default_ssl_context()


async def post(message: Message, guarded: Guarded, *, seconds: float) -> Outcome:
    """Send a message and judge the answer by its status: 2xx is good, a redirect is not."""
    answered: list[Outcome] = []
    try:
        async with asyncio.timeout(seconds):
            await _exchange(message, guarded, answered)
    except TimeoutError:
        return answered[0] if answered else Outcome(problem="timeout")
    except AddressNotAllowed:
        return Outcome(problem="address_not_allowed")
    except httpcore.ConnectError as error:
        return Outcome(problem="tls" if _is_tls(error) else "unreachable")
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, OSError, ValueError):
        # An answer that breaks off after its status has been given.
        return answered[0] if answered else Outcome(problem="unreadable")
    finally:
        await guarded.aclose()
    return answered[0]


async def _exchange(message: Message, guarded: Guarded, answered: list[Outcome]) -> None:
    origin = httpcore.URL(message.url).origin
    async with (
        httpcore.AsyncHTTPConnection(origin, ssl_context=_trusted(), network_backend=guarded) as connection,
        connection.stream("POST", message.url, headers=message.headers, content=message.body) as answer,
    ):
        answered.append(_judge(answer))
        read = 0
        async for chunk in answer.aiter_stream():
            read += len(chunk)
            if read >= ENOUGH_BYTES:
                break


def _judge(answer: httpcore.Response) -> Outcome:
    if 200 <= answer.status < 300:  # noqa: PLR2004 - what HTTP calls successful
        return Outcome(answer.status)
    headers = {name.lower(): value for name, value in answer.headers}
    wanted = headers.get(b"retry-after", b"") if answer.status in TOO_BUSY else b""
    seconds = int(wanted) if wanted.isdigit() and len(wanted) < 10 else 0  # noqa: PLR2004 - no number of years
    return Outcome(answer.status, "answer", min(seconds, LONGEST_REST))


def _is_tls(error: BaseException) -> bool:
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLError):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
