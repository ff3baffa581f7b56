from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from aiocrew.net.addresses import why_not_public

PUBLIC = [
    "8.8.8.8",
    "172.32.0.1",
    "100.128.0.1",
    "2606:4700::1111",
    "2a00:1450::1",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses(address: str) -> None:
    assert why_not_public(address) is None


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("127.0.0.1", "loopback"),
        ("127.255.0.9", "loopback"),
        ("10.1.2.3", "private"),
        ("172.16.0.1", "private"),
        ("172.31.255.255", "private"),
        ("192.168.1.1", "private"),
        ("169.254.169.254", "link-local"),
        ("100.64.0.1", "provider"),
        ("100.100.100.200", "provider"),
        ("168.63.129.16", "cloud"),
        ("192.0.0.192", "reserved"),
        ("198.18.0.1", "reserved"),
        ("224.0.0.1", "multicast"),
        ("255.255.255.255", "reserved"),
        ("0.0.0.0", "unspecified"),
        ("0.1.2.3", "unspecified"),
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("fe80::1", "link-local"),
        ("fe80::1%eth0", "link-local"),
        ("fd00:ec2::254", "private"),
        ("fec0::1", "private"),
        ("ff02::1", "multicast"),
        ("::7f00:1", "reserved"),
        ("2001:db8::1", "reserved"),
        ("2002:7f00:1::", "tunnel"),
        ("2001:0:4136:e378::", "tunnel"),
        ("64:ff9b:1::7f00:1", "reserved"),
        ("64:ff9b::10.0.0.1", "private"),
        ("64:ff9b::7f00:1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("::ffff:a9fe:a9fe", "link-local"),
        ("localhost", "no address"),
        ("127.1", "no address"),
        ("0x7f000001", "no address"),
        ("010.0.0.1", "no address"),
        ("", "no address"),
    ],
)
def test_addresses_of_other_networks_are_told_by_their_kind(address: str, kind: str) -> None:
    assert kind in (why_not_public(address) or "")


@given(st.ip_addresses(v=4))
def test_what_python_calls_private_is_not_public(address: IPv4Address) -> None:
    if address.is_private or address.is_multicast or address.is_reserved:
        assert why_not_public(str(address))


@given(st.ip_addresses(v=6))
def test_of_ipv6_what_python_calls_private_is_not_public(address: IPv6Address) -> None:
    assume(address.ipv4_mapped is None and address not in IPv6Network("64:ff9b::/96"))
    if address.is_private or address.is_multicast or address.is_reserved:
        assert why_not_public(str(address))


@given(st.ip_addresses(v=4))
def test_ipv6_that_carries_ipv4_is_judged_by_that(address: IPv4Address) -> None:
    kind = why_not_public(str(address))
    assert why_not_public(f"::ffff:{address}") == kind
    assert why_not_public(f"64:ff9b::{address}") == kind
