"""Where webhooks may go: no spelling of an inner address is accepted, and none is connected to."""

import asyncio
from collections.abc import Iterable

import httpcore
import pytest

from app.webhooks.addresses import is_allowed, url_problem
from app.webhooks.sending import Guarded, Message, Outcome, post, resolve
from tests.webhooks.receiver import listening

PUBLIC = "93.184.216.34"
REFUSED = (
    "http://example.org/", "ftp://example.org/", "file:///etc/passwd", "gopher://example.org/", "https://",
    "example.org",
    "https://example.org:22/", "https://example.org:8443/", "https://example.org:99999/", "https://user@example.org/",
    "https://user:secret@example.org/", "https://example.org/#here", "https://example.org/a b", "https://exämple.org/",
    "https://example.org\\@127.0.0.1/", "https://example.org\r\nHost: x/", "https://localhost/", "https://localhost./",
    "https://a.localhost/", "https://printer.local/", "https://db.internal/", "https://example.org./",
    "https://127.0.0.1/", "https://127.1/", "https://0/", "https://2130706433/", "https://0x7f.1/", "https://0x7f000001/",
    "https://017700000001/", "https://0177.0.0.1/", "https://127.0.0.0x1/", "https://127.0.0.1.in-addr.arpa/",
    "https://[::1]/", "https://[::]/", "https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/",
    "https://[64:ff9b::7f00:1]/", "https://[fe80::1%25eth0]/", "https://[2606:2800:220:1::1]/", "https://10.0.0.1/",
    "https://169.254.169.254/latest/", "https://100.64.0.1/", "https://93.184.216.34/", "https://metadata/",
    "https://[::1/", "https://example..org/", "https://-a.example.org/", "https://" + "a" * 64 + ".example.org/",
    "https://example.org/" + "a" * 2_000,
)  # fmt: skip
ACCEPTED = ("https://example.org/hooks?key=1", "https://hooks.xn--exmple-cua.org:443/", "https://EXAMPLE.org/")
OWN_MACHINE = (
    "http://127.0.0.1:9000/", "http://localhost:9000/", "https://[::1]:9000/", "http://127.0.0.2/",
)  # fmt: skip
INNER = (
    "0.0.0.0", "0.1.2.3", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254",  # noqa: S104 - to be refused
    "172.16.0.1",
    "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1",
    "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "::", "::1", "::127.0.0.1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:93.184.216.34", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b:1::a00:1", "100::1",
    "2001::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1",
    "fe80::1%lo", "fec0::1", "ff02::1", "ff0e::1", "no address",
)  # fmt: skip
OUTER = (PUBLIC, "1.1.1.1", "151.1.1.1", "2606:2800:220:1:248:1893:25c8:1946", "2a00:1450:4002::1")


class Counting(httpcore.AsyncMockBackend):
    """A network that writes down whom it was to connect to."""

    def __init__(self) -> None:
        super().__init__([b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"])
        self.connected: list[str] = []

    async def connect_tcp(self, host: str, *rest: object, **more: object) -> httpcore.AsyncNetworkStream:
        self.connected.append(host)
        return await super().connect_tcp(host, *rest, **more)  # type: ignore[arg-type]


def answers(*turns: Iterable[str]):  # type: ignore[no-untyped-def]  # noqa: ANN201
    """A name server that says something else each time."""
    left = list(turns)

    async def ask(_host: str, _port: int) -> list[str]:
        return list(left.pop(0))

    return ask


async def called(url: str, network: Counting, ask=resolve, *, loopback: bool = False) -> Outcome:  # type: ignore[no-untyped-def]  # noqa: ANN001
    return await post(Message(url, [], b"{}"), Guarded(loopback=loopback, resolve=ask, network=network), seconds=5)


@pytest.mark.parametrize("url", REFUSED)
def test_refused_when_it_is_given(url: str) -> None:
    assert url_problem(url, loopback=False) is not None


def test_a_name_on_https_is_accepted_and_the_sandbox_calls_its_own_machine() -> None:
    assert [url_problem(url, loopback=False) for url in ACCEPTED] == [None] * 3
    assert [url_problem(url, loopback=True) for url in OWN_MACHINE] == [None] * 4
    assert None not in [url_problem(url, loopback=False) for url in OWN_MACHINE]
    assert url_problem("http://10.0.0.1/", loopback=True) is not None


def test_only_public_addresses_are_allowed() -> None:
    assert [address for address in INNER if is_allowed(address, loopback=False)] == []
    assert [address for address in INNER if is_allowed(address, loopback=True)] == [
        "127.0.0.1",
        "127.255.255.254",
        "::1",
    ]
    assert [address for address in OUTER if not is_allowed(address, loopback=False)] == []


async def test_no_spelling_is_connected_to() -> None:
    """As a stored URL that nobody looked at: what the system makes of it is judged, and nothing is sent."""
    network = Counting()
    for host in ("127.1", "0", "2130706433", "0x7f.1", "017700000001", "[::1]", "[::ffff:7f00:1]", "localhost", "10.1"):
        assert await called(f"https://{host}/", network) == Outcome(problem="address_not_allowed"), host
    assert network.connected == []


async def test_every_address_of_a_name_must_be_allowed() -> None:
    network = Counting()
    for inner in INNER:
        outcome = await called("http://hooks.example/", network, answers([PUBLIC, inner]))
        assert outcome == Outcome(problem="address_not_allowed"), inner
    assert network.connected == []


async def test_a_name_that_changes_is_judged_at_each_connection_and_never_asked_twice() -> None:
    network, ask = Counting(), answers([PUBLIC], ["127.0.0.1"])
    assert await called("http://hooks.example/", network, ask) == Outcome(200)
    assert await called("http://hooks.example/", network, ask) == Outcome(problem="address_not_allowed")
    assert network.connected == [PUBLIC]


async def test_the_checked_address_gets_the_name_and_no_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with listening() as receiver, listening() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        guard = Guarded(loopback=True, resolve=answers(["127.0.0.1"]))
        url = f"http://hooks.example:{receiver.port}/x"
        assert await post(Message(url, [], b"{}"), guard, seconds=5) == Outcome(204)
        assert receiver.received[0].headers["host"] == f"hooks.example:{receiver.port}"
        assert proxy.connections == 0


async def test_an_unknown_name_is_unreachable_and_a_handshake_that_hangs_is_ended() -> None:
    async def unknown(_host: str, _port: int) -> list[str]:
        raise OSError

    assert await called("https://hooks.example/", Counting(), unknown) == Outcome(problem="unreachable")
    async with listening() as plain:
        guard = Guarded(loopback=True, resolve=answers(["127.0.0.1"]))
        message = Message(f"https://hooks.example:{plain.port}/", [], b"{}")
        assert await post(message, guard, seconds=0.2) == Outcome(problem="timeout")
        async with asyncio.timeout(5):
            await plain.ended.wait()
