"""What hostile files cost the sandbox: seconds, and bytes of the child over an idle one.

    python -m benchmarks.hostile [FOLDER…]

Always the bombs of tests/imaging/hostile.py (goal: each ≤ 0.5 s and ≤ 100 MB). Then every file of the folders
cut to a half and with bytes changed (goal: each ≤ 2 s and ≤ 300 MB).
"""

import argparse
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from app.errors import AppError
from app.imaging.sandbox import Sandbox
from benchmarks._memory import forget_high_water, high_water
from tests.imaging.hostile import BOMBS

SEED = 1


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", nargs="*", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Sandbox(size=1) as sandbox:
        path = Path(folder) / "hostile"
        for name, make in BOMBS.items():
            path.write_bytes(make())
            result, seconds, memory = measure(sandbox, path)
            print(
                f"{name:32} {path.stat().st_size:>10,} B  {result:18} {seconds:5.2f} s {memory:5.0f} MB",
                flush=True,
            )
        worst = []
        for name, data in malformed(args.folders):
            path.write_bytes(data)
            worst.append((*measure(sandbox, path), name))
        if worst:
            _report(worst)


def measure(sandbox: Sandbox, path: Path) -> tuple[str, float, float]:
    """(result, seconds, MB over an idle child), of probe and decode."""
    sandbox.start()
    (child,) = psutil.Process().children()
    idle = child.memory_info().rss
    forget_high_water(child.pid)
    start = time.perf_counter()
    try:
        sandbox.decode(path, sandbox.probe(path))
        result = "decoded"
    except AppError as error:
        result = error.code
    return result, time.perf_counter() - start, (high_water(child.pid) - idle) / 1e6


def malformed(folders: list[Path]) -> Iterator[tuple[str, bytes]]:
    """Each file cut off in its middle; with 20 bytes changed anywhere; with 5 changed in its first 200."""
    chance = random.Random(SEED)
    for folder in folders:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            whole = path.read_bytes()
            yield f"{path.name} cut", whole[: len(whole) // 2]
            for count, reach in ((20, len(whole)), (5, 200)):
                changed = bytearray(whole)
                for _ in range(count):
                    changed[chance.randrange(min(reach, len(whole)))] = chance.randrange(256)
                yield f"{path.name} {count} changed", bytes(changed)


def _report(outcomes: list[tuple[str, float, float, str]]) -> None:
    counts: dict[str, int] = {}
    for result, *_ in outcomes:
        counts[result] = counts.get(result, 0) + 1
    print(
        f"\n{len(outcomes)} malformed files:",
        ", ".join(f"{code} {count}" for code, count in sorted(counts.items())),
    )
    for title, key in (("slowest", 1), ("most memory", 2)):
        for outcome in sorted(outcomes, key=lambda row: row[key], reverse=True)[:5]:
            print(f"  {title}: {outcome[3]}: {outcome[0]}, {outcome[1]:.2f} s, {outcome[2]:.0f} MB")


if __name__ == "__main__":
    main()
