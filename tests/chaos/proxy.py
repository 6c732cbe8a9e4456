"""A TCP proxy that is as bad as a network can be: slow, narrow, silent, or cut."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

_CHUNK = 16_384
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: what is closed sends RST, as a router that has forgotten the connection."""

Open = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


@dataclass
class Proxy:
    """Connections to `port` go to what `upstream` opens. Toxics may change at any time."""

    upstream: Open
    port: int = 0
    latency_s: float = 0.0
    """Of every chunk, each way."""
    bytes_s: float | None = None
    """Of every connection, each way."""
    spoiled: int = 0
    """Connections that met a toxic."""
    _speaks: asyncio.Event = field(default_factory=asyncio.Event)
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Proxy"]:
        self._speaks.set()
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            self.heal()
            server.close()
            self.reset()
            await server.wait_closed()

    def silence(self) -> None:
        """A black hole: connections are taken, and nothing passes."""
        self.spoiled += len(self._open)
        self._speaks.clear()

    def reset(self) -> None:
        """Every connection that stands now is cut."""
        self.spoiled += len(self._open)
        for writer in list(self._open):
            with suppress(OSError):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()

    def heal(self) -> None:
        """Connections that were silent are dead: the kernel, or a router, has given them up."""
        self.latency_s, self.bytes_s = 0.0, None
        if not self._speaks.is_set():
            self._speaks.set()
            self.reset()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, to = await self.upstream()
        except OSError:
            writer.transport.abort()
            return
        self._open.add(writer)
        pumps = [asyncio.create_task(self._pump(reader, to)), asyncio.create_task(self._pump(there, writer))]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._open.discard(writer)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            for end in (writer, to):
                end.transport.abort() if end is to else end.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(_CHUNK):
                if self.latency_s or self.bytes_s:
                    self.spoiled += 1
                    await asyncio.sleep(self.latency_s + (len(chunk) / self.bytes_s if self.bytes_s else 0))
                await self._speaks.wait()
                writer.write(chunk)
                await writer.drain()
