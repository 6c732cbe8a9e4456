"""What it costs to know who calls: an authenticated `GET /api/jobs/{id}`, and 20 uploads side by side.

    python -m benchmarks.accounts [--seconds 5]

Three servers, each with one process and uvicorn as we run it: the product; one handler by hand that does the
same look-ups (key, limit, row) and nothing else; a bare Starlette route. The client holds raw sockets, on the
same cores.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import numpy as np
import psycopg
from PIL import Image
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from uuid_utils.compat import uuid7

from app.accounts import keys
from app.accounts.keyring import Keyring
from app.accounts.types import Scope
from app.commands.serve import listen, server, url_of
from app.db.embedded import EmbeddedPostgres
from app.db.migrations import migrate
from app.db.pool import open_pool
from app.queue.arq_adapter import connect
from app.queue.buckets import RedisBuckets, Take
from app.queue.embedded import EmbeddedRedis
from benchmarks._memory import forget_high_water, high_water

CONNECTIONS = 16
ROUNDS = 5
"""Turns a second of `--seconds`."""
TURN_S = 1.0
UPLOADS = 20
SIDE = 1826
"""Of a picture of noise: 3 · 1826² bytes, 10 MB as PNG."""
_ENOUGH = "1000000000"
_LIMITS = ("REQUESTS", "KEY_REQUESTS", "MEGAPIXELS", "KEY_MEGAPIXELS")


def by_hand(database_url: str, redis_url: str) -> Starlette:
    """What somebody would write who needs this one call."""

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[dict[str, object]]:
        pool = await open_pool(database_url, max_size=10)
        redis = connect(redis_url)
        yield {"pool": pool, "buckets": RedisBuckets(redis)}
        await redis.aclose(close_connection_pool=True)
        await pool.close()

    async def job(request: Request) -> Response:
        pool, buckets = request.state.pool, request.state.buckets
        async with pool.connection() as conn:
            cursor = await conn.execute(
                "select k.id, k.user_id, k.scopes, u.role from api_keys k join users u on u.id = k.user_id"
                " where k.sha256 = %s and k.revoked_at is null",
                (keys.digest(request.headers["x-api-key"]),),
                prepare=True,
            )
            key = await cursor.fetchone()
        quota = float(_ENOUGH)
        takes = [Take(f"hand:{owner}", quota, 60, 1) for owner in (key["user_id"], key["id"])]
        await buckets.take(takes)
        async with pool.connection() as conn:
            cursor = await conn.execute(
                "select j.*, i.width, i.height from jobs j join images i on i.id = j.image_id"
                " where j.id = %s and j.user_id = %s",
                (request.path_params["job_id"], key["user_id"]),
                prepare=True,
            )
            row = await cursor.fetchone()
        return JSONResponse(json.loads(json.dumps(row, default=str)))

    return Starlette(routes=[Route("/api/jobs/{job_id:uuid}", job)], lifespan=lifespan)


def bare() -> Starlette:
    async def job(_request: Request) -> Response:
        return JSONResponse({"id": "0"})

    return Starlette(routes=[Route("/api/jobs/{job_id:uuid}", job)])


@contextmanager
def running(kind: str, database_url: str, redis_url: str, folder: Path) -> Iterator[tuple[str, int]]:
    """URL and pid."""
    with listen("127.0.0.1", 0) as listener:
        fd, url = listener.fileno(), url_of(listener)
        environment = os.environ | {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "CUTOUT_DATA_DIR": str(folder),
            "CUTOUT_LOG_LEVEL": "warning",
            **{f"CUTOUT_LIMIT_{name}": _ENOUGH for name in _LIMITS},
        }
        command = [sys.executable, "-m", "benchmarks.accounts", "--serve", kind, "--socket", str(fd)]
        process = subprocess.Popen(command, env=environment, pass_fds=[fd])
        try:
            _until_up(url)
            yield url, process.pid
        finally:
            process.terminate()
            process.wait()


def _serve(kind: str, fd: int) -> None:
    import socket

    from app import logs
    from app.main import create_app
    from app.settings import Settings

    settings = Settings.load()
    services = settings.services()
    logs.configure(settings, "web")
    made = {
        "product": lambda: create_app(settings),
        "hand": lambda: by_hand(services.database_url, services.redis_url),
        "bare": bare,
    }
    server(made[kind]()).run(sockets=[socket.socket(fileno=fd)])


def _until_up(url: str) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        try:
            httpx.get(f"{url}/healthz", trust_env=False)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(url)


async def ask(url: str, request: bytes, until: float, gap_s: float = 0.0) -> list[float]:
    """Seconds of each request on one connection: one after the other, or one every `gap_s`."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    took, due = [], time.perf_counter() + gap_s * (hash(writer) % 100) / 100
    while (now := time.perf_counter()) < until:
        if gap_s:
            await asyncio.sleep(max(0.0, due - now))
        begun = due if gap_s else now
        due += gap_s
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        took.append(time.perf_counter() - begun)
    writer.close()
    return took


async def load(url: str, request: bytes, seconds: float, rate: float = 0.0) -> tuple[float, list[float]]:
    """Requests a second, and the sorted latencies."""
    begun = time.perf_counter()
    gap = CONNECTIONS / rate if rate else 0.0
    parts = await asyncio.gather(*(ask(url, request, begun + seconds, gap) for _ in range(CONNECTIONS)))
    took = sorted(second for part in parts for second in part)
    return len(took) / (time.perf_counter() - begun), took


async def uploads(url: str, key: str, picture: bytes) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=300, trust_env=False) as client:

        async def upload() -> None:
            answer = await client.post("/api/images", files={"image": picture}, headers={"X-Api-Key": key})
            assert answer.status_code == 201, answer.text

        await asyncio.gather(*(upload() for _ in range(UPLOADS)))


async def _rows(database_url: str) -> tuple[str, UUID]:
    """A key, and a job of its owner."""
    user, image, job = uuid4(), uuid7(), uuid7()
    with psycopg.connect(database_url) as connection:
        connection.execute("insert into users (id) values (%s)", (user,))
        connection.execute(
            "insert into images (id, user_id, storage_key, sha256, width, height, format, bytes)"
            " values (%s, %s, 'bench', 'ab', 640, 480, 'jpeg', 1000)",
            (image, user),
        )
        connection.execute(
            "insert into jobs (id, user_id, kind, status, model, image_id, params, queue, turn, deadline,"
            " finished_at)"
            " values (%s, %s, 'encode', 'canceled', 'lite', %s, '{}', 'embed:lite', 0, now(), now())",
            (job, user, image),
        )
    pool = await open_pool(database_url, max_size=1)
    _, key = await Keyring(pool).create(user, frozenset(Scope))
    await pool.close()
    return key, job


def _picture() -> bytes:
    with tempfile.TemporaryFile() as file:
        noise = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
        Image.fromarray(noise).save(file, "png", compress_level=1)
        file.seek(0)
        return file.read()


def _rates(
    database_url: str, redis_url: str, folder: Path, request: bytes, seconds: float
) -> dict[str, list[float]]:
    """Requests a second of each server, round by round: all are up, and asked in turns of a second.

    So what else the machine does falls on all of them; the ratio of a round holds when the rates do not.
    """
    rates: dict[str, list[float]] = {"product": [], "hand": [], "bare": []}
    with ExitStack() as servers:
        urls = {
            kind: servers.enter_context(running(kind, database_url, redis_url, folder))[0] for kind in rates
        }
        for url in urls.values():
            asyncio.run(load(url, request, 1))
        for _ in range(round(ROUNDS * seconds)):
            for kind, measured in rates.items():
                measured.append(asyncio.run(load(urls[kind], request, TURN_S))[0])
    return rates


def measure(database_url: str, redis_url: str, folder: Path, seconds: float) -> None:
    key, job = asyncio.run(_rows(database_url))
    request = f"GET /api/jobs/{job} HTTP/1.1\r\nHost: bench\r\nX-Api-Key: {key}\r\n\r\n".encode()
    rates = _rates(database_url, redis_url, folder, request, seconds)
    best = {kind: statistics.median(measured) for kind, measured in rates.items()}
    for kind, rate in best.items():
        ratio = statistics.median(a / b for a, b in zip(rates["product"], rates[kind], strict=True))
        print(f"{kind:<8} {rate:7.0f} req/s   {ratio:5.2f} of it by the product")
    with running("product", database_url, redis_url, folder) as (url, pid):
        asyncio.run(load(url, request, 1))
        rate, took = asyncio.run(load(url, request, seconds, best["product"] / 2))
        p50, p99 = (1000 * took[int(len(took) * part)] for part in (0.5, 0.99))
        print(f"at half of saturation ({rate:.0f} req/s): p50 {p50:.1f} ms, p99 {p99:.1f} ms")
        picture = _picture()
        asyncio.run(uploads(url, key, picture))
        forget_high_water(pid)
        before = high_water(pid)
        asyncio.run(uploads(url, key, picture))
        grown = (high_water(pid) - before) / 1e6
        print(f"{UPLOADS} uploads of {len(picture) / 1e6:.1f} MB at once: RSS of web + {grown:.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--serve")
    parser.add_argument("--socket", type=int)
    wanted = parser.parse_args()
    if wanted.serve:
        _serve(wanted.serve, wanted.socket)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # Postgres under root drops to another user
        postgres, redis = EmbeddedPostgres(folder / "postgres"), EmbeddedRedis(folder / "redis")
        try:
            database_url, redis_url = postgres.start(), redis.start()
            migrate(database_url)
            measure(database_url, redis_url, folder, wanted.seconds)
        finally:
            redis.stop()
            postgres.stop()


if __name__ == "__main__":
    main()
