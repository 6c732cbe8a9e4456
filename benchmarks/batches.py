"""A batch on `cutout dev` while its workers and `web` are killed and somebody works in the editor.

    python -m benchmarks.batches [--encodes]

500 files in one ZIP, twenty different photos among them (bytes that were encoded before are not encoded
again), 5 % broken. Each of `mask`, `web` and `embed` is killed once by SIGKILL. Meanwhile one client encodes
photos of its own, one after the other, as it did before the batch and does while the batch is paused.
"""

import asyncio
import csv
import http.server
import io
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import numpy as np
import psutil
from PIL import Image

from models.registry import Registry
from tests.data.photos import ASTRONAUT, CAT, COFFEE

REPOSITORY = Path(__file__).parent.parent
MOST_TIMES_IDLE = 2.0
MOST_GROWTH = 40_000_000
"""Bytes of `web`, from its first request to its end: two chunks of a ZIP and the pages of a list."""
SIDE = 320
_BUSY, _IDLE = 5, 2
"""Encodes beside the batch, and then in a pause of it, in turn."""
_LOOK_S = 1.0
"""Between two encodes: a person looks at what they got."""
_MOVE = 24
"""Pixels that crops are apart."""


@dataclass(frozen=True)
class Plan:
    images: int
    distinct: int
    idle: int
    """Encodes before the batch, and then somebody works beside it; 0: nobody does."""
    kills: tuple[tuple[float, str], ...] = ((0.2, "mask"), (0.45, "web"), (0.7, "embed"))
    """At this share of the items the process is killed."""
    patience_s: float = 900


FULL = Plan(500, 20, 12)
ENCODES = Plan(100, 12, 4, kills=())
"""`--encodes`: only what the batch does to them."""


@dataclass
class Figures:
    batch: dict[str, Any]
    seconds: float
    names: list[str]
    """Of result.zip."""
    report: list[dict[str, str]]
    webhooks: list[dict[str, Any]]
    idle_s: list[float]
    busy_s: list[float]
    killed: list[str]
    web_growth: int
    """Resident bytes of `web`, the most over the first; the larger of its two lives."""


async def run(plan: Plan) -> Figures:
    with _product() as (url, product), _receiver() as (hook, heard):
        async with httpx.AsyncClient(base_url=url, timeout=90, trust_env=False) as client:
            if plan.idle:
                await _encode(client, 0)  # loads what is loaded once
            idle = [await _encode(client, 1 + n) for n in range(plan.idle)]
            print("idle:", *(f"{each:.2f}" for each in idle), "s", file=sys.stderr, flush=True)
            begun = time.perf_counter()
            files = {"zip": ("shop.zip", _zip(plan))}
            data = {"name": "shop", "webhook_url": hook}
            made = (await client.post("/api/batches", files=files, data=data)).raise_for_status().json()
            memory = Memory()
            async with _beside(_watch(memory, product), _kill(plan, client, made, product)) as (_, killer):
                async with asyncio.timeout(plan.patience_s):
                    batch, busy = await _work_beside(client, made, plan, idle)
                seconds = time.perf_counter() - begun
                killed = await killer
                answer = (await client.get(batch["urls"]["result"])).raise_for_status()
                report = (await client.get(batch["urls"]["report"])).raise_for_status()
            async with asyncio.timeout(30):
                while not heard:
                    await asyncio.sleep(0.1)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
    rows = list(csv.DictReader(io.StringIO(report.text)))
    return Figures(batch, seconds, names, rows, heard, idle, busy, killed, memory.growth)


def broken(plan: Plan) -> set[int]:
    """5 % of the files, spread."""
    return set(range(7, plan.images, 20))


def name(number: int) -> str:
    return f"shelf {number % 7}/photo {number:03}.jpg"


def _zip(plan: Plan) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for number in range(plan.images):
            # every so many a new photo, so that there is something to encode all the time
            content = _photo(100_000 + number * plan.distinct // plan.images)
            archive.writestr(
                name(number), content[: len(content) // 2] if number in broken(plan) else content
            )
    return made.getvalue()


def _photo(number: int) -> bytes:
    """A crop of one of three photos: no two numbers have the same bytes."""
    rng = np.random.default_rng(number)
    with Image.open((ASTRONAUT, CAT, COFFEE)[number % 3].path) as photo:
        x, y = (int(rng.integers(0, _MOVE)) for _ in range(2))
        crop = photo.convert("RGB").crop((x, y, photo.width - _MOVE, photo.height - _MOVE))
    pixels = np.asarray(crop.resize((SIDE, SIDE)), np.int16) + rng.integers(-4, 5, (SIDE, SIDE, 3))
    out = io.BytesIO()
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(out, "JPEG", quality=85)
    return out.getvalue()


async def _encode(client: httpx.AsyncClient, number: int) -> float:
    """Seconds from the POST to the end of the job, through whatever happens to `web`."""
    files, key = (
        {"image": ("mine.jpg", _photo(number))},
        {"Idempotency-Key": str(uuid4()), "Prefer": "wait=60"},
    )
    begun = time.perf_counter()
    while True:
        with suppress(httpx.TransportError):
            job = (
                (await client.post("/api/segment/encode", files=files, headers=key)).raise_for_status().json()
            )
            assert job["status"] == "succeeded", job
            return time.perf_counter() - begun
        await asyncio.sleep(0.05)


async def _work_beside(
    client: httpx.AsyncClient, made: dict[str, Any], plan: Plan, idle: list[float]
) -> tuple[dict[str, Any], list[float]]:
    """The batch at its end, and what encodes took beside it; those that go to `idle` are made in its pauses,
    so that whatever else this machine does meanwhile is in both."""
    busy: list[float] = []
    while (batch := await _get(client, made))["status"] != "completed":
        if not plan.idle:
            await asyncio.sleep(_LOOK_S)
            continue
        for _ in range(_BUSY):
            busy.append(await _encode(client, 1000 + len(busy)))
            await asyncio.sleep(_LOOK_S)
        if await _changed(client, made, "pause"):
            while (await _get(client, made))["counts"]["processing"]:
                await asyncio.sleep(0.1)
            for _ in range(_IDLE):
                idle.append(await _encode(client, 5000 + len(idle)))
            await _changed(client, made, "resume")
        both = [f"{each:.2f}" for each in (*busy[-_BUSY:], *idle[-_IDLE:])]
        print(f"{_BUSY} beside it, {_IDLE} in a pause:", *both, "s", file=sys.stderr, flush=True)
    return batch, busy


async def _changed(client: httpx.AsyncClient, batch: dict[str, Any], change: str) -> bool:
    """False: the batch has ended."""
    while True:
        with suppress(httpx.TransportError):
            return (await client.post(batch["urls"][change])).is_success
        await asyncio.sleep(0.05)


async def _get(client: httpx.AsyncClient, batch: dict[str, Any]) -> dict[str, Any]:
    while True:
        with suppress(httpx.TransportError):
            found: dict[str, Any] = (await client.get(batch["urls"]["self"])).raise_for_status().json()
            return found
        await asyncio.sleep(0.05)


async def _kill(
    plan: Plan, client: httpx.AsyncClient, batch: dict[str, Any], product: "Product"
) -> list[str]:
    killed = []
    for share, child in plan.kills:
        ended = 0
        while ended < share * plan.images:
            await asyncio.sleep(0.2)
            counts = (await _get(client, batch))["counts"]
            ended = counts["succeeded"] + counts["failed"]
        product.child(child).send_signal(signal.SIGKILL)
        killed.append(child)
        print(f"{ended} items have ended, {child} is killed", file=sys.stderr, flush=True)
    return killed


@dataclass
class Memory:
    first: dict[int, int] = field(default_factory=dict)
    most: dict[int, int] = field(default_factory=dict)

    @property
    def growth(self) -> int:
        return max(self.most[pid] - self.first[pid] for pid in self.first)


async def _watch(memory: Memory, product: "Product") -> None:
    """Until cancelled. The first reading of a life is taken when it has answered for a while."""
    since: dict[int, float] = {}
    while True:
        with suppress(psutil.NoSuchProcess, StopIteration):
            web = product.child("web")
            resident = web.memory_info().rss
            if time.monotonic() - since.setdefault(web.pid, time.monotonic()) > 5:
                memory.first.setdefault(web.pid, resident)
                memory.most[web.pid] = max(resident, memory.most.get(web.pid, 0))
        await asyncio.sleep(0.5)


@asynccontextmanager
async def _beside(*work: Any) -> AsyncIterator[list[asyncio.Task[Any]]]:
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(frozen=True)
class Product:
    supervisor: psutil.Process

    def child(self, which: str) -> psutil.Process:
        """The one that lives. Raises StopIteration in the moment between two."""
        return next(
            c for c in self.supervisor.children() if which in c.cmdline() and "embedded" in c.cmdline()
        )


@contextmanager
def _product() -> Iterator[tuple[str, Product]]:
    """A `cutout dev` of its own, with `lite` alone."""
    registry = Registry(REPOSITORY / ".cutout" / "models")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # Postgres under root drops to another user
        (folder / "models" / "files").mkdir(parents=True)
        for file in registry.manifest("lite").files:
            (folder / "models" / "files" / file.sha256).symlink_to(registry.file(file.sha256))
        changed = {"CUTOUT_DATA_DIR": name, "CUTOUT_MODELS_DIR": f"{name}/models", "CUTOUT_MODEL": "lite"}
        command = [sys.executable, "-m", "app.cli", "dev", "--port", "0"]
        with (folder / "log").open("wb") as log:
            dev = subprocess.Popen(command, env=os.environ | changed, stdout=log, stderr=log, cwd=folder)
        try:
            yield _url(folder / "log", dev), Product(psutil.Process(dev.pid))
        finally:
            dev.send_signal(signal.SIGINT)
            dev.wait(60)


def _url(log: Path, dev: "subprocess.Popen[bytes]") -> str:
    until = time.monotonic() + 120
    while not (ready := re.search(r"ready: (http\S+)", log.read_text())):
        assert dev.poll() is None and time.monotonic() < until, log.read_text()[-3000:]
        time.sleep(0.1)
    return ready[1]


@contextmanager
def _receiver() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """URL of somebody who hears webhooks, and what was heard."""
    heard: list[dict[str, Any]] = []

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def p95(seconds: list[float]) -> float:
    return sorted(seconds)[int(0.95 * (len(seconds) - 1))]


def main() -> int:
    plan = ENCODES if "--encodes" in sys.argv[1:] else FULL
    figures = asyncio.run(run(plan))
    counts, idle, busy = figures.batch["counts"], p95(figures.idle_s), p95(figures.busy_s)
    codes = sorted({row["code"] for row in figures.report if row["state"] == "failed"})
    print(
        f"{counts['total']} files in {figures.seconds:.0f} s; killed: {', '.join(figures.killed) or 'nobody'}"
    )
    print(f"results {len(figures.names)}, failed {counts['failed']} ({', '.join(codes)})")
    print(f"webhooks {len(figures.webhooks)}; web grew by {figures.web_growth / 1e6:.0f} MB at most")
    print(f"encode p95: idle {idle:.2f} s of {len(figures.idle_s)}, ", end="")
    print(f"meanwhile {busy:.2f} s of {len(figures.busy_s)}")
    print(f"{busy / idle:.2f} times; medians {_median(figures.idle_s)}, {_median(figures.busy_s)}")
    wrong = (
        len(figures.names) != plan.images - len(broken(plan))
        or counts["failed"] != len(broken(plan))
        or len(figures.webhooks) != 1
        or figures.web_growth > MOST_GROWTH
        or busy > MOST_TIMES_IDLE * idle
    )
    return int(wrong)


def _median(seconds: list[float]) -> str:
    return f"{sorted(seconds)[len(seconds) // 2]:.2f} s"


if __name__ == "__main__":
    sys.exit(main())
