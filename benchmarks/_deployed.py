"""The Procfile's processes for benchmarks: Postgres and Redis of their own, a user who is signed in, and what
each process holds and uses."""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
from redis import Redis

from models.registry import Registry
from tests.deployed import PROCESSES, shop

REPOSITORY = Path(__file__).parent.parent


@dataclass(frozen=True)
class Bench:
    url: str
    token: str
    honcho: psutil.Process
    folder: Path
    environment: dict[str, str]

    def client(self) -> httpx.AsyncClient:
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=120, trust_env=False)

    def processes(self) -> dict[str, list[psutil.Process]]:
        """By name: the process itself first, then its children that decode files."""
        found: dict[str, list[psutil.Process]] = {}
        for process in self.honcho.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                if (name := _role(process.cmdline())) is not None:
                    found[name] = [process, *process.children(recursive=True)]
        return found

    def servers(self) -> dict[str, list[psutil.Process]]:
        """Postgres with its backends, and Redis."""
        pids = {
            "postgres": (self.folder / "postgres" / "postmaster.pid"),
            "redis": (self.folder / "redis" / "redis.pid"),
        }
        heads = {name: psutil.Process(int(path.read_text().split()[0])) for name, path in pids.items()}
        return {name: [head, *head.children(recursive=True)] for name, head in heads.items()}

    def postgres_connections(self) -> int:
        with psycopg.connect(self.environment["DATABASE_URL"]) as connection:
            row = connection.execute(
                "select count(*) from pg_stat_activity"
                " where backend_type = 'client backend' and pid <> pg_backend_pid()"
            ).fetchone()
        return row[0] if row else 0

    def redis_connections(self) -> int:
        socket = self.environment["REDIS_URL"].removeprefix("unix://")
        with contextlib.closing(Redis(unix_socket_path=socket)) as redis:
            info: Any = redis.info("clients")
            return int(info["connected_clients"]) - 1


def _role(command: list[str]) -> str | None:
    words = command[-2:]
    if not any(Path(word).name == "cutout" for word in command[:2]):
        return None
    return "web" if words[-1] == "serve" else words[-1] if words[-1] in PROCESSES else None


@contextlib.contextmanager
def bench(processes: tuple[str, ...] = PROCESSES, **variables: str) -> Iterator[Bench]:
    """Images lie in a local folder, as on one host; `lite` alone; nobody is held back by limits."""
    registry = Registry(REPOSITORY / ".cutout" / "models")
    registry.pull("lite")
    with tempfile.TemporaryDirectory() as name:
        unlimited = {"CUTOUT_LIMIT_REQUESTS": "1000000", "CUTOUT_LIMIT_MEGAPIXELS": "100000000"}
        models = {"CUTOUT_MODELS_DIR": str(registry.root), "CUTOUT_MODEL": "lite"}
        with shop(Path(name), processes, **models, **unlimited, **variables) as standing:
            product = standing.product
            honcho = psutil.Process(product.honcho.pid)
            yield Bench(product.url, standing.token, honcho, Path(name), product.environment)
