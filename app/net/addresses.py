"""Which IP addresses the service may connect to. Pure.

`ipaddress.is_global` alone is not enough: it calls tunnels to private networks global (a 6to4 address hides
an IPv4 address inside it), and its tables differ between Python patch releases.
"""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

# IANA "IPv6 Global Unicast Address Assignments": everything allocated so far lies here, and no unique-local,
# link-local, site-local, multicast or reserved address does.
_GLOBAL_UNICAST = IPv6Network("2000::/3")

# Refused beside `not is_global`: missing in some Python patch releases, or public and still not for guests.
_REFUSED_V4 = (
    IPv4Network("192.0.0.0/24"),  # RFC 6890 protocol assignments; 192.0.0.192 is Oracle Cloud's metadata
    IPv4Network("192.88.99.0/24"),  # RFC 7526 6to4 relays
    IPv4Network("168.63.129.16/32"),  # Azure's wire server: a public address that only a virtual machine sees
)
_REFUSED_V6 = (
    IPv6Network("2001::/23"),  # RFC 2928 protocol assignments: Teredo and what it wraps, ORCHID
    IPv6Network("2001:db8::/32"),  # RFC 3849 documentation
    IPv6Network("3fff::/20"),  # RFC 9637 documentation
)

_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: what an IPv6-only host is told for a name with IPv4 only
_ISATAP_IDS = (0x00005EFE, 0x02005EFE)  # RFC 5214 §6.1: the upper half of the interface identifier


def parse_address(text: str) -> Address | None:
    """The canonical spelling of an address, or None. Zone ids are none: they only mean something locally."""
    if "%" in text:
        return None
    try:
        return ip_address(text)
    except ValueError:
        return None


def may_connect(address: Address, *, allow_loopback: bool) -> bool:
    """True when the address and every address wrapped in it is public (or loopback, where allowed)."""
    plain = (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
    if plain.is_loopback:
        return allow_loopback
    return _ipv4_public(plain) if isinstance(plain, IPv4Address) else _ipv6_public(plain)


def _ipv4_public(address: IPv4Address) -> bool:
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not any(address in network for network in _REFUSED_V4)
    )


def _ipv6_public(address: IPv6Address) -> bool:
    return (
        all(_ipv4_public(inner) for inner in _wrapped(address))
        and (address in _GLOBAL_UNICAST or address in _NAT64)
        and not any(address in network for network in _REFUSED_V6)
    )


def _wrapped(address: IPv6Address) -> Iterator[IPv4Address]:
    value = int(address)
    if address in _NAT64:
        yield IPv4Address(value & 0xFFFFFFFF)
    if address.sixtofour is not None:
        yield address.sixtofour
    if value >> 32 & 0xFFFFFFFF in _ISATAP_IDS:
        yield IPv4Address(value & 0xFFFFFFFF)
