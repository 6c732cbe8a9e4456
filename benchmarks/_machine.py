"""What else a machine does while something is measured on it."""

import time

import psutil


class Machine:
    """What else it did since this was made."""

    def __init__(self) -> None:
        self._begun = time.perf_counter()
        self._busy, self._own = _busy(), time.process_time()

    def cores_of_others(self, ours: float) -> float:
        """Besides `ours`, seconds of CPU, and this process."""
        others = _busy() - self._busy - ours - (time.process_time() - self._own)
        return max(0.0, others / (time.perf_counter() - self._begun))


def _busy() -> float:
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - times.iowait - times.guest - times.guest_nice)
