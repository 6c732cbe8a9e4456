"""The same `probe`, `decode`, `crop` and `working_image`, in child processes that a hostile file may kill.

A child has no environment, a limit on memory and CPU time for each file (by the pixels that the header
promises), and hands pixels back through shared memory that it cannot shrink. What it answers is JSON that
is checked here; nothing that it sends is unpickled. It ends with its parent, and after RECYCLE_AFTER files.
"""

import atexit
import fcntl
import mmap
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from app.errors import AppError, BadInput
from app.imaging import errors
from app.imaging.sizes import fit
from app.imaging.types import MAX_PIXELS, WORKING_SIDE, Box, ImageInfo, Picture, SourceFormat
from app.imaging.wire import PeerGone, from_wire, receive, send, to_wire

RECYCLE_AFTER = 200  # files; a slow leak in a C library then never matters, a start costs 0.2 s
_START_S = 60.0
_ROOT = Path(__file__).parents[2]
_BOOT = "import sys; sys.path.append(sys.argv[1]); from app.imaging.child import main; main(int(sys.argv[2]))"
_ENVIRONMENT = {
    "LANG": "C.UTF-8",
    "MALLOC_ARENA_MAX": "2",  # each further arena reserves 64 MB of the address space that is limited here
    "OPENBLAS_NUM_THREADS": "1",
    "VIPS_CONCURRENCY": "2",
    "VIPS_DISC_THRESHOLD": "4g",  # never a temporary file
}
_ERRORS = {kind.code: kind for kind in BadInput.__subclasses__()}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost beyond an idle child; `pixels`: those of its header, 0 while that is unread."""

    cpu_s: float = 1.0
    cpu_s_per_megapixel: float = 0.25  # measured 0.006 (JPEG) to 0.03 (AVIF), HEIC 0.12
    memory: int = 192 << 20
    memory_per_pixel: int = 16  # of address space; measured 3 (JPEG) to 13, AVIF 24, HEIC 27
    wall_per_cpu: float = 10.0  # a busy machine slows a file; only one that sleeps for ever hits this

    hungry: int = 2
    """How much more an AVIF or HEIC may cost."""

    def weighed(self, info: ImageInfo) -> int:
        """The pixels that count."""
        hungry = info.format in (SourceFormat.AVIF, SourceFormat.HEIC)
        return info.width * info.height * (self.hungry if hungry else 1)

    def cpu(self, pixels: int) -> float:
        return self.cpu_s + self.cpu_s_per_megapixel * pixels / 1e6

    def bytes(self, pixels: int) -> int:
        return self.memory + self.memory_per_pixel * pixels

    def wall(self, pixels: int) -> float:
        return self.wall_per_cpu * self.cpu(pixels)


class Sandbox:
    """A pool of warm children. Thread-safe; from asyncio call it in a thread (`asyncio.to_thread`)."""

    def __init__(
        self, size: int = 2, limits: Limits | None = None, recycle_after: int = RECYCLE_AFTER
    ) -> None:
        self._limits = limits or Limits()
        self._recycle_after = recycle_after
        self._permits = threading.BoundedSemaphore(size)
        self._idle: queue.LifoQueue[_Child] = queue.LifoQueue()  # the one whose caches are warm first

    def probe(self, path: Path) -> ImageInfo:
        """As app.imaging.probe.probe. Also raises DecodeLimit, DecoderCrashed."""
        answer, _ = self._ask({"do": "probe", "path": str(path)}, pixels=0)
        with _intelligible():
            return _checked(from_wire(answer["info"]))

    def decode(self, path: Path, info: ImageInfo, max_side: int | None = None) -> Picture:
        """As app.imaging.decode.decode. Also raises DecodeLimit, DecoderCrashed."""
        width, height = fit(info.width, info.height, max_side)
        request = {"do": "decode", "path": str(path), "info": to_wire(info), "max_side": max_side}
        answer, shared = self._ask(
            request,
            pixels=self._limits.weighed(info),
            room=width * height * (4 if info.has_alpha else 3),
        )
        with _intelligible():
            pixels, alpha = _planes(shared, width, height, bool(answer["alpha"]))
            icc = b64decode(answer["icc"]) if answer["icc"] else None
            return Picture(pixels, alpha, icc, info.dpi, tuple(map(str, answer["notes"])))

    def crop(self, path: Path, info: ImageInfo, box: Box) -> Picture:
        """The part `box` (ImageSpace, within the image) at full resolution, oriented, in sRGB.

        Raises Truncated, Damaged, UnsupportedType, DecodeLimit, DecoderCrashed.
        """
        width, height = box[2] - box[0], box[3] - box[1]
        answer, shared = self._ask(
            {"do": "crop", "path": str(path), "info": to_wire(info), "box": box},
            pixels=self._limits.weighed(info),
            room=width * height * (4 if info.has_alpha else 3),
        )
        with _intelligible():
            return Picture(*_planes(shared, width, height, bool(answer["alpha"])))

    def working_image(self, path: Path, info: ImageInfo) -> NDArray[np.uint8]:
        """As app.imaging.working.working_image. Also raises DecodeLimit, DecoderCrashed."""
        width, height = fit(info.width, info.height, WORKING_SIDE)
        request = {"do": "working_image", "path": str(path), "info": to_wire(info)}
        _, shared = self._ask(request, pixels=self._limits.weighed(info), room=width * height * 3)
        return _planes(shared, width, height, False)[0]

    def start(self) -> Self:
        """Have one child ready before the first file."""
        with self._child() as child:
            child.wait_ready()
        return self

    def close(self) -> None:
        """End the idle children."""
        while True:
            try:
                self._idle.get_nowait().end()
            except queue.Empty:
                return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(
        self, request: dict[str, Any], pixels: int, room: int = 0
    ) -> tuple[dict[str, Any], mmap.mmap | None]:
        limits = self._limits
        request |= {"cpu_s": limits.cpu(pixels), "memory": limits.bytes(pixels)}
        descriptor = _shared_memory(room) if room else None
        try:
            with self._child() as child:
                answer = child.ask(request, descriptor, limits.wall(pixels))
            if "error" in answer:
                with _intelligible():
                    error = _ERRORS[answer["error"]](answer["message"], **answer["extra"])
                raise error
            return answer, mmap.mmap(descriptor, room) if descriptor is not None else None
        finally:
            if descriptor is not None:
                os.close(descriptor)

    @contextmanager
    def _child(self) -> Iterator["_Child"]:
        with self._permits:
            child = self._idle_child() or _Child()
            try:
                yield child
            finally:
                if child.alive and child.files < self._recycle_after:
                    self._idle.put(child)
                else:
                    child.end()

    def _idle_child(self) -> "_Child | None":
        while True:
            try:
                child = self._idle.get_nowait()
            except queue.Empty:
                return None
            if child.alive:
                return child
            child.end()


@contextmanager
def _intelligible() -> Iterator[None]:
    """A child that was taken over may answer anything; an honest one answers what `child.py` writes."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        raise errors.DecoderCrashed("the decoder gave no sensible answer") from error


def _checked(info: ImageInfo) -> ImageInfo:
    if not (info.width > 0 and info.height > 0 and info.width * info.height <= MAX_PIXELS):
        raise ValueError("a size that probe would have refused")
    return info


class _Child:
    """One process and the socket to it."""

    def __init__(self) -> None:
        self._channel, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  our own interpreter, our own arguments
                [sys.executable, "-I", "-c", _BOOT, str(_ROOT), str(theirs.fileno())],
                env=_ENVIRONMENT,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for the parent, which then closes the socket
            )
        self._ready = False
        self.files = 0

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, request: dict[str, Any], descriptor: int | None, within_s: float) -> dict[str, Any]:
        """Raises DecodeLimit, DecoderCrashed; this child has then ended."""
        self.files += 1
        try:
            self.wait_ready()
            send(self._channel, request, descriptor)
            return receive(self._channel, within_s)
        except PeerGone as gone:
            raise self._post_mortem(gone) from gone

    def wait_ready(self) -> None:
        if not self._ready:
            receive(self._channel, _START_S)
            self._ready = True

    def end(self) -> None:
        self._channel.close()
        self._process.kill()
        self._process.wait()

    def _post_mortem(self, gone: PeerGone) -> AppError:
        if not gone.late:  # it closed its end, or is about to have ended
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=1)
        code = self._process.poll()
        self.end()
        if gone.late or code == -signal.SIGXCPU:
            return errors.DecodeLimit("the image takes more time to decode than its size allows")
        return errors.DecoderCrashed("the decoder ended on this image", signal=-code if code else None)


def _shared_memory(size: int) -> int:
    """A descriptor of `size` zero bytes that no holder can shrink: reading them never raises SIGBUS."""
    if not hasattr(os, "memfd_create"):
        with tempfile.TemporaryFile() as file:
            file.truncate(size)
            return os.dup(file.fileno())
    descriptor = os.memfd_create("cutout-pixels", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, size)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    return descriptor


def _planes(
    shared: mmap.mmap | None, width: int, height: int, with_alpha: bool
) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    assert shared is not None
    count = width * height
    pixels = np.frombuffer(shared, np.uint8, count * 3).reshape(height, width, 3)
    if not with_alpha:
        return pixels, None
    return pixels, np.frombuffer(shared, np.uint8, count, count * 3).reshape(height, width)


@cache
def shared_sandbox() -> Sandbox:
    """The process's own pool, made at first use and ended with the process."""
    sandbox = Sandbox()
    atexit.register(sandbox.close)
    return sandbox


def probe(path: Path) -> ImageInfo:
    return shared_sandbox().probe(path)


def decode(path: Path, info: ImageInfo, max_side: int | None = None) -> Picture:
    return shared_sandbox().decode(path, info, max_side)


def crop(path: Path, info: ImageInfo, box: Box) -> Picture:
    return shared_sandbox().crop(path, info, box)


def working_image(path: Path, info: ImageInfo) -> NDArray[np.uint8]:
    return shared_sandbox().working_image(path, info)
