"""What passes between the sandbox and its children: length-prefixed JSON, and a descriptor beside it."""

import json
import socket
import time
from dataclasses import asdict
from struct import pack, unpack
from typing import Any

from app.imaging.types import ImageInfo, SourceFormat

_MAX_MESSAGE = 16 << 20  # an answer carries an ICC profile; the largest real ones have 2 MB


class PeerGone(Exception):
    """The other side has closed, sent what is no message, or is late (`late`)."""

    def __init__(self, late: bool = False) -> None:
        super().__init__("late" if late else "gone")
        self.late = late


def send(channel: socket.socket, message: dict[str, Any], descriptor: int | None = None) -> None:
    data = json.dumps(message).encode()
    frame = pack(">I", len(data)) + data
    try:
        if descriptor is None:
            channel.sendall(frame)
        else:
            sent = socket.send_fds(channel, [frame], [descriptor])
            channel.sendall(frame[sent:])
    except OSError as error:
        raise PeerGone from error


def receive(channel: socket.socket, within_s: float | None = None, start: bytes = b"") -> dict[str, Any]:
    """The next message, of which `start` has been read. Raises PeerGone."""
    deadline = None if within_s is None else time.monotonic() + within_s
    try:
        length = unpack(">I", start + _exactly(channel, 4 - len(start), deadline))[0]
        if length > _MAX_MESSAGE:
            raise PeerGone
        message: dict[str, Any] = json.loads(_exactly(channel, length, deadline))
    except TimeoutError as error:
        raise PeerGone(late=True) from error
    except (OSError, ValueError) as error:
        raise PeerGone from error
    return message


def receive_with_descriptor(channel: socket.socket) -> tuple[dict[str, Any], int | None]:
    """The next message and the descriptor that came with it. Raises PeerGone."""
    start, descriptors, _, _ = socket.recv_fds(channel, 4, 1)
    return receive(channel, start=start), descriptors[0] if descriptors else None


def to_wire(info: ImageInfo) -> dict[str, Any]:
    return asdict(info)


def from_wire(fields: dict[str, Any]) -> ImageInfo:
    return ImageInfo(**{**fields, "format": SourceFormat(fields["format"])})


def _exactly(channel: socket.socket, count: int, deadline: float | None) -> bytes:
    parts = []
    while count:
        part = _timed(channel, deadline).recv(min(count, 1 << 20))
        if not part:
            raise PeerGone
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _timed(channel: socket.socket, deadline: float | None) -> socket.socket:
    if deadline is not None:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        channel.settimeout(remaining)
    return channel
