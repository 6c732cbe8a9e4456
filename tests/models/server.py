"""A loopback HTTP server of one file that misbehaves as told."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Script:
    """What the server does; `ranges` records what each request asked for."""

    content: bytes
    status: int = 200
    cut_at: list[int] = field(default_factory=list)
    """For each of the first requests, how many bytes of the answer arrive before the connection ends."""
    honours_range: bool = True
    stall_s: float = 0.0
    """Pause after the first half of each answer."""
    ranges: list[str | None] = field(default_factory=list)


@contextmanager
def serving(script: Script) -> Iterator[str]:
    """The file's URL while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = self.headers.get("range")
            script.ranges.append(asked)
            start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and script.honours_range else 0
            self._answer(script.content[start:], start)

        def _answer(self, body: bytes, start: int) -> None:
            total = len(script.content)
            if start >= total > 0:
                return self._head(416, 0)
            if script.status != 200:
                return self._head(script.status, 0)
            self._head(
                206 if start else 200, len(body), f"bytes {start}-{total - 1}/{total}" if start else None
            )
            if script.cut_at:
                self.wfile.write(body[: script.cut_at.pop(0)])
                self.close_connection = True
                return None
            half = len(body) // 2
            self.wfile.write(body[:half])
            time.sleep(script.stall_s)
            self.wfile.write(body[half:])
            return None

        def _head(self, status: int, length: int, content_range: str | None = None) -> None:
            self.send_response(status)
            self.send_header("content-length", str(length))
            if content_range:
                self.send_header("content-range", content_range)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A client that hangs up is what these tests are about."""

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/weights.bin"
        finally:
            server.shutdown()
            thread.join()
