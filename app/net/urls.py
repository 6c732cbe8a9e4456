"""The spelling of a URL that a user gave. Pure: no name is resolved here."""

import re

import httpx

from app.net.addresses import may_connect, parse_address
from app.net.errors import UrlRefused

MAX_URL = 2048
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\]")
# WHATWG URL §3.5 "ends in a number": what a C library reads as IPv4 (2130706433, 0x7f.1, 0177.0.0.1).
_NUMERIC_LABEL = re.compile(r"(?:[0-9]+|0[xX][0-9a-fA-F]*)")


def check_url(url: str, *, allow_loopback: bool = False) -> httpx.URL:
    """The parsed URL, if it is one we would call: https (http too with `allow_loopback`), a host in its plain
    spelling, no user name in it, and no address that is not public.

    Raises UrlRefused. A name may still lead to a private address; the transport checks that when it connects.
    """
    if len(url) > MAX_URL:
        raise UrlRefused(f"The URL is longer than {MAX_URL} characters.")
    if _FORBIDDEN.search(url):
        raise UrlRefused("The URL contains white space, a control character or a backslash.")
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError) as error:
        raise UrlRefused("This is not a valid URL.") from error
    check_parsed(parsed, allow_loopback=allow_loopback)
    return parsed


def check_parsed(url: httpx.URL, *, allow_loopback: bool) -> None:
    """The same for a URL already parsed: what is checked is what will be called. Raises UrlRefused."""
    schemes = ("https", "http") if allow_loopback else ("https",)
    if url.scheme not in schemes:
        raise UrlRefused(f"Only {' and '.join(schemes)} URLs are called.")
    if url.userinfo:
        raise UrlRefused("The URL contains a user name or a password.")
    if url.port is not None and not 0 < url.port < 65536:
        raise UrlRefused("The URL's port is not one.")
    _check_host(url.raw_host.decode("ascii").strip("[]"), allow_loopback)


def _check_host(host: str, allow_loopback: bool) -> None:
    address = parse_address(host)
    if address is not None:
        if not may_connect(address, allow_loopback=allow_loopback):
            raise UrlRefused("The URL leads to an address that is not public.")
        return
    if not host or host.endswith(".") or re.search(r"[^A-Za-z0-9._-]", host):
        raise UrlRefused("The URL's host is missing or oddly spelled.")
    if _NUMERIC_LABEL.fullmatch(host.rsplit(".", 1)[-1]):
        raise UrlRefused("The URL's host is a number that is not a plain IP address.")
