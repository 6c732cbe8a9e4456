"""Visits of the editor, more and more at once: seconds by stage, saturation, CPU by process, dollars.

    python -m benchmarks.load [--visitors 1 2 4 8] [--write]
    python -m benchmarks.load --tables

The Procfile's processes, Postgres, Redis, a folder for the bucket, `lite`; clients on the same cores.
`--write` keeps what was measured in docs/capacity.json and makes the tables of docs/capacity.md from it;
`--tables` makes them again after an edit of benchmarks/_prices.py. Measure on a machine that is idle.
"""

import argparse
import asyncio
import dataclasses
import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil

from benchmarks._capacity import Measured, tables
from benchmarks._deployed import Bench, bench
from benchmarks._machine import Machine
from benchmarks._photos import lite
from benchmarks._visit import STAGES, Visits, visit

DOCS = Path(__file__).parent.parent / "docs"
FIGURES, PAGE = DOCS / "capacity.json", DOCS / "capacity.md"
BEGIN, END = "<!-- made by benchmarks.load -->\n", "<!-- end -->"
_WARM = 3
"""Visits that open decoders and fill pools."""
_ENCODES = 5


async def measure(running: Bench, visitors: list[int]) -> Measured:
    async with running.client() as client:
        await _visits(client, range(_WARM), 1, Visits())
        before, total, machine = _cpu(running), Visits(), Machine()
        steps: list[dict[str, Any]] = []
        for at_once in visitors:
            first = _WARM + total.done
            step = await _step(client, range(first, first + 4 + 2 * at_once), at_once, total)
            steps.append(step)
            print(f"{at_once} at once: {step['images_s']:.2f} images/s", flush=True)
        used = {name: seconds - before[name] for name, seconds in _cpu(running).items()}
        others = machine.cores_of_others(sum(used.values()))
    if total.errors:
        raise SystemExit("\n".join(total.errors))
    return Measured(
        date=f"{datetime.now(UTC):%d %B %Y}",
        machine=f"{os.cpu_count()} cores",
        others=round(others, 2),
        cpu_s={name: round(seconds / total.done, 3) for name, seconds in used.items()},
        encoder_cpu_s=round(encoder_cpu_s(), 3),
        up=round(total.up / total.done),
        down=round(total.down / total.done),
        steps=steps,
    )


async def _step(client: httpx.AsyncClient, numbers: range, at_once: int, total: Visits) -> dict[str, Any]:
    """Images a second, and p50 and p95 of each stage."""
    visits, begun = Visits(), time.perf_counter()
    await _visits(client, numbers, at_once, visits)
    seconds = time.perf_counter() - begun
    total.add(visits)
    return {
        "visitors": at_once,
        "images_s": round(visits.done / seconds, 3),
        "stages": {
            stage: [round(visits.quantile(stage, share), 3) for share in (0.5, 0.95)] for stage in STAGES
        },
    }


async def _visits(client: httpx.AsyncClient, numbers: range, at_once: int, visits: Visits) -> None:
    left = iter(numbers)

    async def visitor() -> None:
        for number in left:
            await visit(client, number, visits)

    await asyncio.gather(*(visitor() for _ in range(at_once)))


def _cpu(running: Bench) -> dict[str, float]:
    """Seconds that each process and its children, also those that have ended, have used."""
    return {
        name: sum(_used(process) for process in processes)
        for name, processes in (running.processes() | running.servers()).items()
    }


def _used(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def encoder_cpu_s() -> float:
    """Of one image in the encoder alone, with one thread."""
    model = lite(threads=1)
    working = np.zeros((1024, 1024, 3), np.uint8)
    model.encode([working], [(1024, 1024)])
    begun = time.process_time()
    for _ in range(_ENCODES):
        model.encode([working], [(1024, 1024)])
    return (time.process_time() - begun) / _ENCODES


def page(measured: Measured) -> str:
    """docs/capacity.md with its tables made anew."""
    head, _, rest = PAGE.read_text().partition(BEGIN)
    return f"{head}{BEGIN}\n{tables(measured)}\n\n{END}{rest.partition(END)[2]}"


def kept() -> Measured:
    return Measured(**json.loads(FIGURES.read_text()))


def main() -> None:
    parser = argparse.ArgumentParser(description="What it takes to serve so many images.")
    parser.add_argument("--visitors", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--write", action="store_true", help="into docs/capacity.json and docs/capacity.md")
    parser.add_argument("--tables", action="store_true", help="make the page's tables anew, measure nothing")
    given = parser.parse_args()
    if not given.tables:
        with bench() as running:
            measured = asyncio.run(measure(running, given.visitors))
        if given.write:
            FIGURES.write_text(json.dumps(dataclasses.asdict(measured), indent=2) + "\n")
        print(tables(measured))
    if given.tables or given.write:
        PAGE.write_text(page(kept()))


if __name__ == "__main__":
    main()
