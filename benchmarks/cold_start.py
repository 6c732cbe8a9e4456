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
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from benchmarks._deployed import Bench, bench
from benchmarks._pictures import photo


async def _first_job(
    running: Bench, client: httpx.AsyncClient, number: int
) -> dict[str, tuple[float, float]]:
    """Seconds from a worker's start to its taking the job, and to the job's end; by kind of worker."""
    files = {"image": (f"{number}.jpg", await asyncio.to_thread(photo, number))}
    job = (await client.post("/api/segment/encode", files=files)).raise_for_status().json()
    assert job["starting"] or number == 0, job  # the first answer may come before Redis was asked
    with _worker(running, "embed") as began:
        job, embed = await _ended(client, job, began)
    mask = (await client.get(job["result"]["auto"]["mask_url"])).raise_for_status().content
    of = {"image_id": job["image"]["id"]}
    posted = await client.post("/api/segment/apply-mask", data=of, files={"mask": ("mask.png", mask)})
    job = posted.raise_for_status().json()
    with _worker(running, "mask") as began:
        job, cut = await _ended(client, job, began)
    return {"embed": embed, "mask": cut}


@contextmanager
def _worker(running: Bench, kind: str) -> Iterator[float]:
    """When it was started."""
    began = time.time()
    log = (running.folder / f"{kind}.log").open("ab")
    cutout = str(Path(sys.executable).with_name("cutout"))
    process = subprocess.Popen(
        [cutout, "worker", kind], env=running.environment, cwd=running.folder, stdout=log, stderr=log
    )
    try:
        yield began
    finally:
        process.terminate()
        process.wait(60)
        log.close()


async def _ended(
    client: httpx.AsyncClient, job: dict[str, Any], began: float
) -> tuple[dict[str, Any], tuple[float, float]]:
    while job["status"] in {"queued", "processing"}:
        job = (await client.get(job["urls"]["self"], params={"wait": 25})).raise_for_status().json()
    assert job["status"] == "succeeded", job
    taken, ended = (datetime.fromisoformat(job[name]).timestamp() for name in ("started_at", "finished_at"))
    return job, (taken - began, ended - began)


async def measure(running: Bench, times: int) -> list[dict[str, tuple[float, float]]]:
    async with running.client() as client:
        return [await _first_job(running, client, number) for number in range(times)]


def main() -> None:
    parser = argparse.ArgumentParser(description="From nothing to the first job.")
    parser.add_argument("--times", type=int, default=3)
    given = parser.parse_args()
    with bench(("web",)) as running:
        starts = asyncio.run(measure(running, given.times))
    for kind in ("embed", "mask"):
        taken = statistics.median(start[kind][0] for start in starts)
        ended = statistics.median(start[kind][1] for start in starts)
        print(f"{kind}: takes its first job {taken:.1f} s after its start, which ends at {ended:.1f} s")


if __name__ == "__main__":
    main()
