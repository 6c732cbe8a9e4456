"""Which of several ways to run is fastest here: measured once, then remembered."""

import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

RUNS = 5


def fastest(ways: Sequence[str], run: Callable[[str], object], runs: int = RUNS) -> str:
    """The way with the shortest best run after one to warm up. The first way must work; another may fail."""
    times: dict[str, float] = {}
    for way in ways:
        try:
            run(way)
        except Exception:  # a compiler has no one base of its errors
            if way == ways[0]:
                raise
            continue
        times[way] = min(_seconds(lambda way=way: run(way)) for _ in range(runs))  # type: ignore[misc]
    return min(times, key=times.__getitem__)


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


class Tuning:
    """A JSON file of decisions. Losing it, or finding it damaged, costs a measurement and nothing else."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, key: str) -> str | None:
        value = self._all().get(key)
        return value if isinstance(value, str) else None

    def write(self, key: str, way: str) -> None:
        known = self._all()
        if known.get(key) == way:
            return
        part = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        part.write_text(json.dumps({**known, key: way}, indent=2))
        part.replace(self._path)

    def _all(self) -> dict[str, object]:
        try:
            known = json.loads(self._path.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return known if isinstance(known, dict) else {}
