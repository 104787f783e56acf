"""The network a caller comes from: what limits count where no principal is known."""

import ipaddress


def network_of(address: str) -> str:
    """Return the network of an address; a household or firm has one IPv6 network of 64 bits."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 6 and parsed.ipv4_mapped is not None:  # noqa: PLR2004 - IPv6
        parsed = parsed.ipv4_mapped
    prefix = 64 if parsed.version == 6 else 32  # noqa: PLR2004 - IPv6
    return str(ipaddress.ip_network((parsed, prefix), strict=False))
