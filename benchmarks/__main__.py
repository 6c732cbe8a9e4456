"""Every benchmark, one after the other: `make bench`, or `python -m benchmarks NAME…` for some of them."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
LONG = {"load", "soak"}
"""By targets of their own: minutes of a machine for themselves, and an hour of it."""


def main() -> int:
    every = sorted(path.stem for path in HERE.glob("*.py") if path.stem not in LONG and path.stem[0] != "_")
    failed = []
    for name in sys.argv[1:] or every:
        print(f"\n== {name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode:
            failed.append(name)
    if failed:
        print(f"\nfailed: {', '.join(failed)}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
