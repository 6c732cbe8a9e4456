"""An httpx transport that resolves a name once, checks every answer and connects to what it checked.

The name stays in the Host header and in TLS (SNI and the certificate's check), so a DNS answer that changes
between check and connection changes nothing: the connection is made to an address, never to a name.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv6Address

import httpx

from app.net.addresses import Address, may_connect, parse_address
from app.net.errors import UrlRefused, UrlUnreachable
from app.net.urls import check_parsed

Resolver = Callable[[str], Awaitable[Sequence[str]]]
"""Host name to addresses in their plain spelling. Raises OSError when there is none."""

MAX_TRIES = 3  # addresses of one name that are tried in turn; each costs a connect timeout

# Own threads: getaddrinfo cannot be canceled, and slow name servers must not fill the loop's own executor.
_RESOLVING = ThreadPoolExecutor(max_workers=8, thread_name_prefix="resolve")


async def resolve(host: str) -> list[str]:
    """The system's answer for a name, in its order of preference."""
    loop = asyncio.get_running_loop()
    found = await loop.run_in_executor(
        _RESOLVING, lambda: socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    )
    return [str(entry[4][0]) for entry in found]


class GuardedTransport(httpx.AsyncBaseTransport):
    """Give it an inner transport without kept-alive connections: they are pooled by address, not by name."""

    def __init__(self, inner: httpx.AsyncBaseTransport, resolver: Resolver, *, allow_loopback: bool) -> None:
        self._inner = inner
        self._resolver = resolver
        self._allow_loopback = allow_loopback

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Raises UrlRefused before any connection; UrlUnreachable for an unknown name; else as httpx."""
        check_parsed(request.url, allow_loopback=self._allow_loopback)
        addresses = (await self._addresses(request.url))[:MAX_TRIES]
        for address in addresses[:-1]:
            try:
                return await self._inner.handle_async_request(_to_address(request, address))
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await self._inner.handle_async_request(_to_address(request, addresses[-1]))

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def _addresses(self, url: httpx.URL) -> list[Address]:
        literal = parse_address(url.host)
        if literal is not None:
            return [literal]
        try:
            answers = await self._resolver(url.raw_host.decode("ascii"))
        except (OSError, UnicodeError) as error:
            raise UrlUnreachable("The URL's host name has no address.") from error
        if not answers:
            raise UrlUnreachable("The URL's host name has no address.")
        return [self._checked(answer) for answer in dict.fromkeys(answers)]

    def _checked(self, answer: str) -> Address:
        address = parse_address(answer)
        # One bad answer spoils the name: half of a rebinding is a rebinding.
        if address is None or not may_connect(address, allow_loopback=self._allow_loopback):
            raise UrlRefused("The URL leads to an address that is not public.")
        return address


def _to_address(request: httpx.Request, address: Address) -> httpx.Request:
    host = f"[{address}]" if isinstance(address, IPv6Address) else str(address)
    return httpx.Request(
        request.method,
        request.url.copy_with(host=host),
        headers=request.headers,  # with the Host header made for the name
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": request.url.raw_host.decode("ascii").strip("[]")},
    )
