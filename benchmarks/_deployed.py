"""The Procfile's processes for benchmarks: Postgres and Redis of their own, a user who is signed in, and what
each process holds and uses."""

import contextlib
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psutil
import psycopg
from redis import Redis

from app.db.embedded import EmbeddedPostgres
from app.queue.embedded import EmbeddedRedis
from models.registry import Registry
from tests.deployed import PROCESSES, deployed, environment
from tests.issuer import issuing

REPOSITORY = Path(__file__).parent.parent
_DAY_S = 86_400


@dataclass(frozen=True)
class Bench:
    url: str
    token: str
    honcho: psutil.Process
    folder: Path
    database_url: str
    redis_url: str

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
        with psycopg.connect(self.database_url) as connection:
            row = connection.execute(
                "select count(*) from pg_stat_activity"
                " where backend_type = 'client backend' and pid <> pg_backend_pid()"
            ).fetchone()
        return row[0] if row else 0

    def redis_connections(self) -> int:
        with contextlib.closing(Redis(unix_socket_path=self.redis_url.removeprefix("unix://"))) as redis:
            info: Any = redis.info("clients")
            return int(info["connected_clients"]) - 1


def _role(command: list[str]) -> str | None:
    words = command[-2:]
    if not any(Path(word).name == "cutout" for word in command[:2]):
        return None
    return "web" if words[-1] == "serve" else words[-1] if words[-1] in PROCESSES else None


@contextlib.contextmanager
def bench(processes: tuple[str, ...] = PROCESSES, **variables: str) -> Iterator[Bench]:
    """Images lie in a local folder, as on one host; `lite` alone; a user with credits for everything."""
    registry = Registry(REPOSITORY / ".cutout" / "models")
    registry.pull("lite")
    user = uuid4()
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as running:
        folder = Path(name)
        folder.chmod(0o755)  # Postgres under root drops to another user
        postgres, redis = EmbeddedPostgres(folder / "postgres"), EmbeddedRedis(folder / "redis")
        running.callback(postgres.stop)
        running.callback(redis.stop)
        signer = running.enter_context(issuing())
        wanted = environment(
            folder,
            DATABASE_URL=postgres.start(),
            REDIS_URL=redis.start(),
            SUPABASE_URL=signer.issuer.removesuffix("/auth/v1"),
            CUTOUT_MODELS_DIR=str(registry.root),
            CUTOUT_MODEL="lite",
            CUTOUT_LIMIT_REQUESTS="1000000",
            CUTOUT_LIMIT_MEGAPIXELS="100000000",
            **variables,
        )
        product = running.enter_context(deployed(folder, wanted, processes, folder / "log"))
        token = signer.token(user, exp=int(time.time()) + _DAY_S)
        headers = {"Authorization": f"Bearer {token}"}
        # known from its first sight on
        httpx.get(f"{product.url}/api/account", headers=headers, trust_env=False).raise_for_status()
        product.cutout("credits", "plan", str(user), "unmetered")
        yield Bench(
            product.url,
            token,
            psutil.Process(product.honcho.pid),
            folder,
            wanted["DATABASE_URL"],
            wanted["REDIS_URL"],
        )
