"""HTTP as it is read from the wire, with bounds on the head of a request: how large, and how long it may take.

The parser has no bound of its own (it takes a head of 40 MB), and nothing else ends a connection whose head never ends.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 64 * 1024
HEAD_SECONDS = 15.0
LINGER_SECONDS = 2.0
"""How long what a refused caller still sends is read and dropped: closing at once would take the answer away."""
TOO_LARGE = "431 Request Header Fields Too Large"
TOO_SLOW = "408 Request Timeout"


class HeadTooLarge(Exception):
    """Ends the parser's work."""


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which refuses a head (and a trailer) beyond the bound, or one that does not end in time."""

    _unheard = 0
    """Bytes since something was heard that the parser does not keep: the end of a head, a piece of a body."""
    _fields = 0
    _refused = False
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_ended()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._unheard += len(data)
        if getattr(self.cycle, "response_complete", True):  # there is no cycle before the first head
            self._expect_head()
        super().data_received(data)
        if self._unheard > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse(TOO_LARGE)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields += len(name) + len(value)
        if self._fields > MAX_HEAD_BYTES:
            raise HeadTooLarge
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._head_ended()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unheard = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unheard = self._fields = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        if self._fields > MAX_HEAD_BYTES:
            self._refuse(TOO_LARGE)
        else:
            super().send_400_response(msg)

    def _expect_head(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_SECONDS, self._refuse, TOO_SLOW)

    def _head_ended(self) -> None:
        self._unheard = 0
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, status: str) -> None:
        if self._refused or self.transport.is_closing():
            return
        self._refused, begun = True, self._unheard > 0
        self._head_ended()
        if not begun:  # an answer to nothing would be taken for that of the next request
            self.transport.close()
            return
        self.transport.write(
            f"HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\ncache-control: no-store\r\n\r\n".encode()
        )
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)
