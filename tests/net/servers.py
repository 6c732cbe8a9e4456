"""Real listening servers on loopback that answer what a test tells them to."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from app.net.transport import Resolver

Answer = Callable[["Heard", asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True)
class Heard:
    """One request as it came over the wire."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Server:
    port: int
    scheme: str
    connections: int = 0
    heard: list[Heard] = field(default_factory=list)
    sni: list[str | None] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def has_heard(self, requests: int) -> None:
        while len(self.heard) < requests:
            self.news.clear()
            await self.news.wait()

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"


@asynccontextmanager
async def serving(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server(0, "https" if tls else "http")

    answering: set[asyncio.Task[None]] = set()

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        try:
            heard = await _read_request(reader)
            server.heard.append(heard)
            server.news.set()
            await answer(heard, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client went away, as some tests mean it to
        finally:
            writer.close()

    def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(respond(reader, writer))
        answering.add(task)  # asyncio itself holds tasks weakly
        task.add_done_callback(answering.discard)

    if tls is not None:
        tls.sni_callback = lambda _socket, name, _context: server.sni.append(name)
    listener = await asyncio.start_server(on_connection, "127.0.0.1", 0, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    async with listener:
        yield server
    for task in answering:
        task.cancel()
    await asyncio.gather(*answering, return_exceptions=True)


async def _read_request(reader: asyncio.StreamReader) -> Heard:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    line, *rest = head.rstrip().split("\r\n")
    headers = {name.lower(): value.strip() for name, value in (each.split(":", 1) for each in rest)}
    return Heard(line, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


def reply(status: int = 200, body: bytes = b"", **headers: str) -> Answer:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = f"HTTP/1.1 {status} Answer\r\nContent-Length: {len(body)}\r\n{lines}\r\n".encode()

    async def answer(_heard: Heard, writer: asyncio.StreamWriter) -> None:
        writer.write(head + body)

    return answer


def names(table: dict[str, list[str]]) -> Resolver:
    """A resolver that knows these names and no others."""

    async def resolver(host: str) -> list[str]:
        if host not in table:
            raise OSError("no such name")
        return table[host]

    return resolver
