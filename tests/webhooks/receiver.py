"""A receiver of webhooks on the loopback that keeps what it is sent and answers as told."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks import Webhook

OK = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"


def status(line: str, *headers: str) -> bytes:
    return "\r\n".join((f"HTTP/1.1 {line}", "Content-Length: 0", "Connection: close", *headers, "", "")).encode()


@dataclass(frozen=True)
class Received:
    """One message as it came."""

    head: str
    headers: dict[str, str]
    body: bytes

    @property
    def event_id(self) -> str:
        return self.headers["webhook-id"]

    def event(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self.body)
        return read

    def verified(self, secret: str) -> dict[str, Any]:
        """Check the signature as a receiver's own library does."""
        found: dict[str, Any] = Webhook(secret).verify(self.body, self.headers)
        return found


@dataclass
class Receiver:
    """Answers each message with what `answer` says; None is silence until the caller goes."""

    answer: Callable[[Received], bytes | None] = lambda _message: OK
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    broken_off: int = 0
    """How many did not want the whole answer."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a connection is over."""
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks"

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            head, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            message = Received(head, headers, await reader.readexactly(int(headers["content-length"])))
            self.received.append(message)
            answer = self.answer(message)
            if answer is None:
                await reader.read()  # until the caller gives up
            else:
                writer.write(answer)
                await writer.drain()
        except asyncio.IncompleteReadError:
            pass
        except ConnectionError:
            self.broken_off += 1
        finally:
            writer.close()
            self.ended.set()


@asynccontextmanager
async def listening(answer: Callable[[Received], bytes | None] = lambda _message: OK) -> AsyncIterator[Receiver]:
    made = Receiver(answer)
    server = await asyncio.start_server(made.talk, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        await server.wait_closed()
