"""Thousands of visits on the Procfile's processes: does any of them grow, hold on to files, or fail?

    python -m benchmarks.soak [--images 2000] [--minutes 120] [--at-once 3]

No image has the pixels of another, each is deleted at the end of its visit. Sizes and connections are read
after every visit; what is shown is the median of the 100 visits before, as one reading depends on the photo
at hand. To be shown: at the last visit each process holds at most 1.05 times what it held at the 500th, or at
a quarter of them where fewer were asked for, and files and connections are as many. When its time is over it
says how far it came.
"""

import argparse
import asyncio
import contextlib
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import psutil

from benchmarks._deployed import Bench, bench
from benchmarks._visit import STAGES, Visits, visit

MOST_GROWTH = 1.05
_WINDOW = 100
"""Visits."""
_FIRST = 500
"""Visits after which nothing should grow."""
_SHOWN_EVERY = 50


@dataclass
class Readings:
    """Of one process or server, after each visit."""

    rss: list[int] = field(default_factory=list)
    """Bytes of the process, its decoders' aside: they are replaced after 200 files."""
    files: list[int] = field(default_factory=list)


@dataclass
class Soak:
    bench: Bench
    images: int
    until: float
    """Of time.monotonic(): no visit begins later."""
    visits: Visits = field(default_factory=Visits)
    processes: dict[str, Readings] = field(default_factory=dict)
    connections: dict[str, list[int]] = field(default_factory=dict)
    begun: float = field(default_factory=time.perf_counter)

    async def run(self, at_once: int) -> None:
        numbers = iter(range(self.images))
        async with self.bench.client() as client:
            await asyncio.gather(*(self._visitor(client, numbers) for _ in range(at_once)))

    async def _visitor(self, client: httpx.AsyncClient, numbers: Iterator[int]) -> None:
        for number in numbers:
            if time.monotonic() > self.until:
                return
            await visit(client, number, self.visits)
            await asyncio.to_thread(self._read)
            if self.visits.done % _SHOWN_EVERY == 0:
                self._show_progress()

    def _read(self) -> None:
        for name, (process, *_) in self.bench.processes().items():
            with contextlib.suppress(psutil.NoSuchProcess):
                readings = self.processes.setdefault(name, Readings())
                readings.rss.append(process.memory_info().rss)
                readings.files.append(process.num_fds())
        for server, count in (
            ("postgres", self.bench.postgres_connections()),
            ("redis", self.bench.redis_connections()),
        ):
            self.connections.setdefault(server, []).append(count)

    def _show_progress(self) -> None:
        seconds = time.perf_counter() - self.begun
        sizes = ", ".join(
            f"{name} {held(r.rss, self.visits.done) / 1e6:.0f}" for name, r in self.processes.items()
        )
        print(
            f"{self.visits.done:5} visits, {seconds:.0f} s, MB: {sizes}; errors {len(self.visits.errors)}",
            file=sys.stderr,
            flush=True,
        )


def held(values: list[int], visits: int) -> float:
    """The median of the visits before."""
    return statistics.median(values[max(0, visits - _WINDOW) : visits])


def report(soak: Soak) -> int:
    last = soak.visits.done
    first = min(_FIRST, last // 4)
    seconds = time.perf_counter() - soak.begun
    print(
        f"{last} of {soak.images} images in {seconds / 60:.0f} min, {len(soak.visits.errors)} errors",
        *soak.visits.errors[:10],
        sep="\n  ",
    )
    well = not soak.visits.errors and last == soak.images
    for name, read in soak.processes.items():
        then, now = (held(read.rss, visits) / 1e6 for visits in (first, last))
        files, files_now = (held(read.files, visits) for visits in (first, last))
        well &= now <= MOST_GROWTH * then and files_now <= files + 2
        print(
            f"{name:9} {then:6.0f} MB at {first}, {now:6.0f} MB at {last}: {now / then:.3f} times;"
            f" files {files:.0f} and {files_now:.0f}"
        )
    for server, counts in soak.connections.items():
        then, now = held(counts, first), held(counts, last)
        well &= now <= then + 2
        print(f"{server:9} connections {then:.0f} at {first}, {now:.0f} at {last}")
    for stage in STAGES:
        p50, p95 = (soak.visits.quantile(stage, share) for share in (0.5, 0.95))
        print(f"{stage:9} p50 {p50:5.2f} s, p95 {p95:5.2f} s")
    print("as it must be" if well else "NOT as it must be")
    return int(not well)


def main() -> int:
    parser = argparse.ArgumentParser(description="Does any process grow?")
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--minutes", type=float, default=120)
    parser.add_argument("--at-once", type=int, default=3)
    given = parser.parse_args()
    with bench() as running:
        soak = Soak(running, given.images, time.monotonic() + 60 * given.minutes)
        asyncio.run(soak.run(given.at_once))
    return report(soak)


if __name__ == "__main__":
    sys.exit(main())
