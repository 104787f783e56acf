"""A20: the parser that is used had no bound for a request's head."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from app.http import bounded
from tests.conftest import Cluster
from tests.test_cli import environment

REPOSITORY = Path(__file__).resolve().parents[2]
TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\n"


@pytest.fixture(scope="module")
def served(cluster: Cluster) -> AsyncIterator[int]:
    """The product's own server in a process of its own; give its port."""
    name = cluster.clone()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-c", "from app.cli import main; main()", "serve"],
        cwd=REPOSITORY,
        env=environment(DATABASE_URL=cluster.app_url(name), BEATRICE_MODE="sandbox", PORT=str(port)),
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()  # api_started
    yield port
    process.kill()
    process.communicate()
    cluster.drop(name)


def send(port: int, *parts: bytes) -> bytes:
    """Send all that the server takes and return everything it answers until it hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        with suppress(ConnectionError):
            for part in parts:
                connection.sendall(part)
        answer = b""
        with suppress(ConnectionError):
            while piece := connection.recv(65_536):
                answer += piece
        return answer


HEAD = b"GET /livez HTTP/1.1\r\nHost: beatrice.test\r\n"


@pytest.mark.parametrize(
    "parts",
    [
        (HEAD + b"X-Large: ", *[b"a" * 1_000_000] * 40, b"\r\n\r\n"),
        (HEAD, *[b"X-Many: 1\r\n" * 10_000] * 60, b"\r\n"),
        (HEAD + b"X-Large: " + b"a" * bounded.MAX_HEAD_BYTES + b"\r\n\r\n",),
        (b"GET /" + b"a" * 1_000_000, b" HTTP/1.1\r\n\r\n"),
        (
            b"POST /v1/auth/token HTTP/1.1\r\nHost: b.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Trailer: ",
            *[b"a" * 1_000_000] * 40,
            b"\r\n\r\n",
        ),
    ],
    ids=["40 MB in one field", "600,000 fields", "one byte too much", "1 MB of path", "40 MB of trailer"],
)
def test_a_head_beyond_the_bound_is_refused_and_the_connection_closed(served: int, parts: tuple[bytes, ...]) -> None:
    answer = send(served, *parts)
    assert answer.startswith(TOO_LARGE)
    assert b"\r\nconnection: close\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")
    assert httpx.get(f"http://127.0.0.1:{served}/livez").json() == {"status": "ok"}


def test_what_is_within_the_bound_is_served_on_one_connection(served: int) -> None:
    head = HEAD + b"X-Large: " + b"a" * (bounded.MAX_HEAD_BYTES - 1_000) + b"\r\n"
    answer = send(served, (head + b"\r\n") * 3, head + b"Connection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 4


def test_a_large_body_is_no_head(served: int) -> None:
    """What is too large for a route is that route's refusal, with a problem."""
    answer = httpx.post(
        f"http://127.0.0.1:{served}/v1/auth/token",
        content=b"a" * 1_000_000,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize(
    "lengths",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
    ],
    ids=["length and chunks", "two lengths", "an unknown coding"],
)
def test_a_request_with_two_ends_is_refused_and_nothing_behind_it_is_read(served: int, lengths: bytes) -> None:
    smuggled = b"GET /livez HTTP/1.1\r\nHost: beatrice.test\r\n\r\n"
    answer = send(served, b"POST /v1/auth/logout HTTP/1.1\r\nHost: b.test\r\n" + lengths + b"\r\n0\r\n\r\n" + smuggled)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1 ") == 1


async def answer_ok(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("ok")(scope, receive, send)


@pytest.mark.parametrize("begun", [b"", b"GET / HTT", HEAD])
async def test_a_head_that_never_ends_is_hung_up_on(monkeypatch: pytest.MonkeyPatch, begun: bytes) -> None:
    monkeypatch.setattr(bounded, "HEAD_SECONDS", 0.2)
    monkeypatch.setattr(bounded, "LINGER_SECONDS", 0.0)
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(answer_ok, http=bounded.BoundedProtocol, log_config=None, lifespan="off"))
    serving = asyncio.create_task(server.serve([listening]))
    reader, writer = await asyncio.open_connection(*listening.getsockname())
    writer.write(begun)
    answer = await asyncio.wait_for(reader.read(), 30)
    writer.close()
    server.should_exit = True
    await serving
    refusal = (
        b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\nconnection: close\r\ncache-control: no-store\r\n\r\n"
    )
    assert answer == (refusal if begun else b"")
