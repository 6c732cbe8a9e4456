"""Whether our own path is well enough to be given new work. Pure; hysteresis keeps it from flapping."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class HealthLimits:
    age_s: float = 10.0
    """Nobody who waits for an encode or a cutout should wait longer for its turn."""
    fault_share: float = 0.5
    """Of the jobs that ended lately, so many may fail by our own fault."""
    least: int = 5
    """Jobs that must have ended lately before their share says anything."""
    calm_s: float = 30.0
    """So long all must be well, at half the limits, before new work comes back."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Of the queues on our own path, now."""

    oldest_s: float
    ended: int
    faults: int
    workers: int | None
    """Alive at the queue that has the fewest; None where nobody can say."""


@dataclass(frozen=True, slots=True)
class Health:
    fallback: bool = False
    calm_since: datetime | None = None
    """While the fallback is on: all has been well since then."""


def step(before: Health, sample: Sample, limits: HealthLimits, now: datetime) -> tuple[Health, str | None]:
    """The next state, and the reason where it has switched. `now` is of the same clock as `calm_since`."""
    if not before.fallback:
        reason = _unwell(sample, limits, 1.0)
        return (Health(fallback=True), reason) if reason else (Health(), None)
    # no worker: nothing waits because nothing is sent there, which proves nothing
    if sample.workers == 0 or _unwell(sample, limits, 0.5):
        return Health(fallback=True), None
    calm_since = min(before.calm_since or now, now)  # a clock that went back starts the calm anew
    if now - calm_since >= timedelta(seconds=limits.calm_s):
        return Health(), "well"
    return Health(fallback=True, calm_since=calm_since), None


def _unwell(sample: Sample, limits: HealthLimits, part: float) -> str | None:
    if sample.oldest_s > limits.age_s * part:
        return "queue_age"
    if sample.ended >= limits.least and sample.faults > limits.fault_share * part * sample.ended:
        return "failures"
    return None
