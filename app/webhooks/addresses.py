"""Which addresses may be called: public ones. A name is checked when it is given, what it means at each connection."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

MOST_CHARACTERS = 2_000
HTTPS = 443
NAME = re.compile(r"(?=.{4,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])\Z")
"""A domain name as DNS has it; its last label begins with a letter, so that no number in any spelling is one."""
INWARD = frozenset({"localhost", "local", "internal", "arpa", "onion", "invalid", "home", "lan", "corp"})
UNTRUE = tuple(
    ip_network(each)
    for each in (
        "192.0.0.0/24",
        "192.88.99.0/24", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "64:ff9b::/96",
        "64:ff9b:1::/48",
    )
)  # fmt: skip
"""Documentation, and what carries another address inside: relays (6to4, Teredo) and NAT64, which may lead anywhere."""
GLOBAL_UNICAST = ip_network("2000::/3")


def url_problem(url: str, *, loopback: bool) -> str | None:
    """Say what is wrong with an endpoint's URL; `loopback` allows one's own machine, by http and on any port."""
    if len(url) > MOST_CHARACTERS or not url.isascii() or not url.isprintable() or set(url) & set(" \\#<>\"'"):
        return "use plain ASCII of at most 2,000 characters, without spaces, quotes and a fragment"
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        return "not a URL"
    if "@" in parts.netloc:
        return "leave the user out: a signature proves who calls"
    if loopback and parts.scheme in {"http", "https"} and _is_loopback(host):
        return None
    return _problem(parts, host, port)


def _problem(parts: SplitResult, host: str, port: int | None) -> str | None:
    if parts.scheme != "https" or port not in {None, HTTPS}:
        return "use https on its own port"
    if NAME.match(host) is None or host.rpartition(".")[2] in INWARD:
        return "name a host that everybody can reach"
    return None


def is_allowed(address: str, *, loopback: bool) -> bool:
    """Tell whether this may be connected to: what routers of the internet deliver, to one receiver."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if loopback and ip.is_loopback:
        return True
    return _is_public(ip)


def _is_public(ip: IPv4Address | IPv6Address) -> bool:
    if isinstance(ip, IPv6Address) and (ip.scope_id is not None or ip not in GLOBAL_UNICAST):
        return False
    if ip.is_multicast or ip.is_reserved or not ip.is_global:
        return False
    return not any(ip in network for network in UNTRUE if network.version == ip.version)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
