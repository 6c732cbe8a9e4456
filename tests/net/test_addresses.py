"""Every form of address a URL or a name server may give, decided by table."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.net.addresses import may_connect, parse_address

PRIVATE_V4 = ["127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.100.100.200"]

REFUSED = [
    *PRIVATE_V4,
    "0.0.0.0",
    "127.255.255.254",
    "100.64.0.1",
    "168.63.129.16",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:10.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::8.8.8.8",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2001:0:7f00:1::",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
    "2001:0:808:808:0:0:f5ff:fffe",
    "2606:4700::5efe:127.0.0.1",
    "2606:4700::200:5efe:10.0.0.1",
    "fe80::5efe:8.8.8.8",
    "2001:db8::1",
    "2001:10::1",
    "3fff::1",
    "5f00::1",
    "100::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "4000::1",
]
ALLOWED = [
    "8.8.8.8",
    "1.1.1.1",
    "2606:4700:4700::1111",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2002:808:808::1",
    "2a00:1450:4001:81b::200e",
]


@pytest.mark.parametrize("text", REFUSED)
def test_refuses_what_is_not_public(text: str) -> None:
    assert not may_connect(ip_address(text), allow_loopback=False)


@pytest.mark.parametrize("text", ALLOWED)
def test_allows_what_is_public(text: str) -> None:
    assert may_connect(ip_address(text), allow_loopback=False)


@pytest.mark.parametrize("text", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_loopback_is_allowed_only_by_the_flag(text: str) -> None:
    assert may_connect(ip_address(text), allow_loopback=True)
    assert not may_connect(ip_address(text), allow_loopback=False)


@pytest.mark.parametrize("text", [each for each in REFUSED if not ip_address(each).is_loopback])
def test_the_flag_admits_loopback_and_nothing_else(text: str) -> None:
    wrapped_loopback = {"127.255.255.254", "::ffff:127.0.0.1"}
    assert may_connect(ip_address(text), allow_loopback=True) == (text in wrapped_loopback)


@given(st.ip_addresses(v=4), st.sampled_from(["::ffff:{}", "64:ff9b::{}"]))
def test_a_wrapped_ipv4_address_is_judged_like_the_plain_one(plain: object, wrapping: str) -> None:
    wrapped = ip_address(wrapping.format(plain))
    bare = ip_address(str(plain))
    assert may_connect(wrapped, allow_loopback=False) == may_connect(bare, allow_loopback=False)


@given(st.ip_addresses(v=4))
def test_6to4_and_isatap_never_reach_a_private_address(plain: object) -> None:
    bare = ip_address(str(plain))
    if may_connect(bare, allow_loopback=False):
        return
    sixtofour = ip_address((0x2002 << 112) | (int(bare) << 80) | 1)
    isatap = ip_address((0x2606 << 112) | (0x5EFE << 32) | int(bare))
    assert not may_connect(sixtofour, allow_loopback=False)
    assert not may_connect(isatap, allow_loopback=False)


@pytest.mark.parametrize("text", ["127.1", "0177.0.0.1", "2130706433", "fe80::1%eth0", "localhost", ""])
def test_only_the_plain_spelling_is_an_address(text: str) -> None:
    assert parse_address(text) is None
