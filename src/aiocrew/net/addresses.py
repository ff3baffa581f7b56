"""Which network addresses belong to the public internet. Pure."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

__all__ = ["why_not_public"]

# A table of our own, because what ipaddress calls global differs between patch releases of Python. The networks are
# those of IANA's registries of special-purpose addresses (RFC 6890).
_IPV4: tuple[tuple[IPv4Network, str], ...] = tuple(
    (IPv4Network(network), kind)
    for kind, networks in {
        "an unspecified address": "0.0.0.0/8",
        "a loopback address": "127.0.0.0/8",
        "a private address": "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16",
        "a link-local address": "169.254.0.0/16",
        "an address of a provider's own network": "100.64.0.0/10",
        "a multicast address": "224.0.0.0/4",
        # The last is public by its number, but answers as the host's own service inside Azure.
        "an address of a cloud's own services": "168.63.129.16/32",
        "a reserved address": "192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 "
        "240.0.0.0/4",
    }.items()
    for network in networks.split()
)
_IPV6: tuple[tuple[IPv6Network, str], ...] = tuple(
    (IPv6Network(network), kind)
    for kind, networks in {
        "an unspecified address": "::/128",
        "a loopback address": "::1/128",
        "a private address": "fc00::/7 fec0::/10",
        "a link-local address": "fe80::/10",
        "a multicast address": "ff00::/8",
        "the address of a tunnel": "2001::/32 2002::/16",
        "a reserved address": "2001::/23 2001:db8::/32 3fff::/20",
    }.items()
    for network in networks.split()
)
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")


def why_not_public(address: str) -> str | None:
    """Return what kind of address this is if it is not one of the public internet ("a private address"), else None.

    IPv6 that only carries an IPv4 address (mapped, or translated by NAT64) is judged by that one.
    """
    try:
        number = ip_address(address)
    except ValueError:
        return "no address in numbers"
    if isinstance(number, IPv6Address):
        inner = _carried(number)
        if inner is None:
            return _kind_of_ipv6(number)
        number = inner
    return next((kind for network, kind in _IPV4 if number in network), None)


def _carried(number: IPv6Address) -> IPv4Address | None:
    return IPv4Address(int(number) & 0xFFFFFFFF) if number in _NAT64 else number.ipv4_mapped


def _kind_of_ipv6(number: IPv6Address) -> str | None:
    kind = next((kind for network, kind in _IPV6 if number in network), None)
    return kind or (None if number in _GLOBAL_UNICAST else "a reserved address")
