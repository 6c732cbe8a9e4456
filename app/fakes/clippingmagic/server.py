"""The stand-in's HTTP: the four calls that we make, its script, its popup, and the means to spoil them."""

import base64
import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from app.fakes.clippingmagic.faults import Mood
from app.fakes.clippingmagic.images import Album, Unreadable

API_ID, API_SECRET = "17", "fake-secret"
_HERE = Path(__file__).parent
_BASE = "/api/v1"


class FakeClippingMagic(ThreadingHTTPServer):
    """Serves an open socket until `shutdown`."""

    daemon_threads = True

    def __init__(self, listener: socket.socket) -> None:
        super().__init__(listener.getsockname(), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.server_address = listener.getsockname()
        self.mood = Mood()
        self.album = Album()

    @property
    def url(self) -> str:
        """CLIPPINGMAGIC_URL."""
        host, port = self.socket.getsockname()[:2]
        return f"http://{host}:{port}{_BASE}"


def account(url: str) -> dict[str, str]:
    """The settings of its only customer."""
    return {
        "clippingmagic_url": url,
        "clippingmagic_api_id": API_ID,
        "clippingmagic_api_secret": API_SECRET,
    }


@contextmanager
def running() -> Iterator[FakeClippingMagic]:
    """On a free port of this machine, in a thread of this process."""
    server = FakeClippingMagic(socket.create_server(("127.0.0.1", 0)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: FakeClippingMagic
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: whoever calls has a log."""

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        match path:
            case "/api/v1/ClippingMagic.js":
                self._send(200, "text/javascript", (_HERE / "ClippingMagic.js").read_bytes())
            case "/editor":
                self._send(200, "text/html; charset=utf-8", (_HERE / "editor.html").read_bytes())
            case "/stats":
                self._json(200, self.server.album.stats())
            case _ if path.startswith(f"{_BASE}/images/"):
                self._guarded(lambda: self._result(path.rpartition("/")[2]))
            case _:
                self._error(404, 1000, "No such page.")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        match urlsplit(self.path).path:
            case "/faults":
                self.server.mood.set(json.loads(body))
                self._json(200, {})
            case "/api/v1/images":
                self._guarded(lambda: self._upload(body))
            case _:
                self._error(404, 1000, "No such page.")

    def _guarded(self, answer: Any) -> None:
        """Basic auth, then the faults that strike every call."""
        mood = self.server.mood
        wanted = base64.b64encode(f"{API_ID}:{API_SECRET}".encode()).decode()
        time.sleep(mood.on("slow_s"))
        if self.headers.get("authorization") != f"Basic {wanted}":
            self._error(401, 1002, "Wrong API id or secret.")
        elif mood.takes("busy"):
            self._error(429, 1020, "Too many requests.")
        elif mood.takes("broken"):
            self._send(500, "text/html", b"<h1>Internal Server Error</h1>")
        elif mood.on("unpaid"):
            self._error(402, 1010, "Your account has no API credits left.")
        elif mood.on("garbage"):
            self._send(200, "text/html", b"<h1>Welcome</h1>")
        else:
            answer()

    def _upload(self, body: bytes) -> None:
        parts = _parts(self.headers.get("content-type", ""), body)
        test = parts.get("test") == b"true"
        if self.server.mood.on("refuse") or "image" not in parts:
            self._error(400, 1006, "Failed to read the supplied image.")
            return
        try:
            kept = self.server.album.add(parts["image"], test=test)
        except Unreadable:
            self._error(400, 1006, "Failed to read the supplied image.")
            return
        self._json(200, {"image": {"id": kept.id, "secret": kept.secret, "test": kept.test}})

    def _result(self, name: str) -> None:
        mood = self.server.mood
        if mood.takes("not_ready"):
            self._error(409, 1030, "There is no result yet.")
            return
        found = None if mood.on("expired") or not name.isdigit() else self.server.album.result(int(name))
        if found is None:
            self._error(404, 1008, "No such image.")
        else:
            self._send(200, "image/png", found)

    def _error(self, status: int, code: int, message: str) -> None:
        self._json(status, {"error": {"status": status, "code": code, "message": message}})

    def _json(self, status: int, document: dict[str, Any]) -> None:
        self._send(status, "application/json", json.dumps(document).encode())

    def _send(self, status: int, kind: str, body: bytes) -> None:
        with contextlib.suppress(ConnectionError):  # who is slow is not waited for
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)


def _parts(content_type: str, body: bytes) -> dict[str, bytes]:
    """A multipart form by name."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    parts = {}
    for part in message.iter_parts() if message.is_multipart() else ():
        content = part.get_payload(decode=True)
        name = part.get_param("name", header="content-disposition")
        if isinstance(content, bytes):
            parts[str(name)] = content
    return parts
