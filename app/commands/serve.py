"""The HTTP server around the application."""

import asyncio
import errno
import socket
from collections.abc import Callable
from typing import Any

import structlog
import uvicorn

from app.commands.protocol import PatientProtocol
from app.db.pool import open_pool
from app.errors import AppError
from app.jobs.hub import Hub
from app.settings import Settings

_log = structlog.get_logger(__name__)

_GRACE_S = 5
"""For requests under way; streams and long polls end at once."""


class PortTaken(AppError):
    code = "port_taken"
    exit_code = 3


class AddressUnusable(AppError):
    code = "address_unusable"
    exit_code = 78


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises PortTaken, AddressUnusable."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(f"port {port} is taken; choose another with --port or CUTOUT_PORT") from None
        raise AddressUnusable(f"CUTOUT_HOST: cannot listen on {host}:{port} ({error.strerror})") from None


def url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def check_database(settings: Settings) -> None:
    """One clear line instead of a traceback of the server's lifespan. Raises DatabaseUnavailable."""

    async def connect() -> None:
        await (await open_pool(settings.database(), max_size=1)).close()

    asyncio.run(connect())


class _Server(uvicorn.Server):
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Streams of events have no end of their own: they are ended before uvicorn waits for it."""
        hub = self.lifespan.state.get("hub")
        if isinstance(hub, Hub):
            hub.end()
        await super().shutdown(sockets)


def server(app: Callable[..., Any]) -> uvicorn.Server:
    config = uvicorn.Config(
        app,
        http=PatientProtocol,
        log_config=None,
        access_log=False,  # app.api.middleware logs each request with its id
        server_header=False,
        proxy_headers=False,
        ws_max_size=4096,  # listeners have nothing to say
        ws_per_message_deflate=False,  # events are 1 kB; compressing them holds 36 kB a listener
        timeout_graceful_shutdown=_GRACE_S,
    )
    return _Server(config)


def serve(app: Callable[..., Any], listener: socket.socket) -> None:
    """Until SIGINT or SIGTERM."""
    _log.info("serving", url=url_of(listener))
    server(app).run(sockets=[listener])
