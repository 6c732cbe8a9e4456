"""POST of a 12-megapixel photo → its embedding received, on an idle `cutout dev` with `lite`.

    python -m benchmarks.encode_roundtrip [--runs 9]

Then the same bytes once more, which are not encoded again.
"""

import argparse
import io
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

from benchmarks.encode import REGISTRY, photo
from models.registry import Registry

SIZE = (4000, 3000)
LIMIT_S = 3.0


@contextmanager
def product() -> Iterator[str]:
    """URL of a `cutout dev` of its own."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # Postgres under root drops to another user
        changed = {"CUTOUT_DATA_DIR": folder, "CUTOUT_MODELS_DIR": str(REGISTRY), "CUTOUT_MODEL": "lite"}
        command = [sys.executable, "-m", "app.cli", "dev", "--port", "0"]
        dev = subprocess.Popen(
            command, env=os.environ | changed, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            assert dev.stdout is not None
            ready = next(found for line in dev.stdout if (found := re.search(r"ready: (http\S+)", line)))
            yield ready[1]
        finally:
            dev.send_signal(signal.SIGINT)
            dev.communicate()


def round_trip(client: httpx.Client, content: bytes) -> tuple[float, dict[str, Any]]:
    """Seconds, and the job."""
    begun = time.perf_counter()
    answer = client.post("/api/segment/encode", files={"image": content}, headers={"Prefer": "wait=60"})
    job: dict[str, Any] = answer.json()
    embedding = client.get(job["result"]["embedding"]["url"])
    assert len(embedding.content) == job["result"]["embedding"]["bytes"]
    return time.perf_counter() - begun, job


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=9)
    runs = parser.parse_args().runs
    Registry(REGISTRY).pull("lite")
    out = io.BytesIO()
    Image.fromarray(photo(*SIZE)).save(out, "JPEG", quality=90)
    with product() as url, httpx.Client(base_url=url, timeout=90, trust_env=False) as client:
        round_trip(client, out.getvalue())
        # what follows a JPEG's end is not read, and makes other bytes of it
        done = [round_trip(client, out.getvalue() + bytes([run])) for run in range(runs)]
        known = [round_trip(client, out.getvalue())[0] for _ in range(runs)]
    seconds = [one for one, _ in done]
    timings = [job["timings"] for _, job in done]
    steps = {name: statistics.median(each[name] for each in timings) for name in timings[0]}
    p50 = statistics.median(seconds)
    print(f"POST → embedding received: p50 {p50:.2f} s (at most {LIMIT_S:.0f}), best {min(seconds):.2f}")
    print("  " + ", ".join(f"{name} {value:.3f}" for name, value in steps.items()))
    print(f"the same bytes again: p50 {statistics.median(known):.3f} s")


if __name__ == "__main__":
    main()
