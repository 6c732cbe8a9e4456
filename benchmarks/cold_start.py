"""From nothing to the first job: what scale-to-zero costs, for embed with `lite` and for mask.

    python -m benchmarks.cold_start [--times 3]

A job waits, its worker is started, and the job's row says when it was taken and when it had ended.
Files are in the page cache; a new machine reads 45 MB of weights and 150 MB of libraries from its disk first.
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks._deployed import Bench, bench
from benchmarks._machine import Machine
from benchmarks._pictures import photo


@dataclass(frozen=True)
class First:
    """Seconds from a worker's start."""

    taken: float
    """To its taking the job."""
    ended: float
    """To the job's end."""
    cpu: float
    """Of CPU until then."""


async def _first_job(running: Bench, client: httpx.AsyncClient, number: int) -> dict[str, First]:
    """By kind of worker."""
    files = {"image": (f"{number}.jpg", await asyncio.to_thread(photo, number))}
    job = (await client.post("/api/segment/encode", files=files)).raise_for_status().json()
    assert job["starting"], job
    with _worker(running, "embed") as worker:
        job, embed = await _ended(client, job, worker)
    mask = (await client.get(job["result"]["auto"]["mask_url"])).raise_for_status().content
    of = {"image_id": job["image"]["id"]}
    posted = await client.post("/api/segment/apply-mask", data=of, files={"mask": ("mask.png", mask)})
    job = posted.raise_for_status().json()
    with _worker(running, "mask") as worker:
        job, cut = await _ended(client, job, worker)
    return {"embed": embed, "mask": cut}


@contextmanager
def _worker(running: Bench, kind: str) -> Iterator[psutil.Process]:
    log = (running.folder / f"{kind}.log").open("ab")
    cutout = str(Path(sys.executable).with_name("cutout"))
    process = subprocess.Popen(
        [cutout, "worker", kind], env=running.environment, cwd=running.folder, stdout=log, stderr=log
    )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(60)
        log.close()


async def _ended(
    client: httpx.AsyncClient, job: dict[str, Any], worker: psutil.Process
) -> tuple[dict[str, Any], First]:
    while job["status"] in {"queued", "processing"}:
        job = (await client.get(job["urls"]["self"], params={"wait": 25})).raise_for_status().json()
    assert job["status"] == "succeeded", job
    taken, ended = (datetime.fromisoformat(job[name]).timestamp() for name in ("started_at", "finished_at"))
    began, times = worker.create_time(), worker.cpu_times()
    return job, First(taken - began, ended - began, times.user + times.system)


async def measure(running: Bench, times: int) -> list[dict[str, First]]:
    async with running.client() as client:
        return [await _first_job(running, client, number) for number in range(times)]


def main() -> None:
    parser = argparse.ArgumentParser(description="From nothing to the first job.")
    parser.add_argument("--times", type=int, default=3)
    given = parser.parse_args()
    with bench(("web",)) as running:
        machine = Machine()
        starts = asyncio.run(measure(running, given.times))
        ours = sum(first.cpu for start in starts for first in start.values())
        print(f"other work kept {machine.cores_of_others(ours):.1f} cores busy")
    for kind in ("embed", "mask"):
        taken, ended, cpu = (
            statistics.median(getattr(start[kind], name) for start in starts)
            for name in ("taken", "ended", "cpu")
        )
        print(f"{kind}: first job taken after {taken:.1f} s, ended after {ended:.1f} s, {cpu:.1f} s of CPU")


if __name__ == "__main__":
    main()
