"""When a delivery is tried again. Pure."""

from datetime import timedelta

# Standard Webhooks, "Deliverability and reliability": seconds between one attempt and the next.
_SECONDS = (0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
JITTER = 0.2
"""At most this share is added, so that what failed together does not come back together."""

GIVE_UP_AFTER = timedelta(days=5)
"""An endpoint that took nothing for so long is disabled (issue E)."""


def wait_s(step: int, chance: float) -> float | None:
    """Seconds until the attempt at `step` (0 is the first), or None after the last. `chance` is in [0, 1)."""
    if step >= len(_SECONDS):
        return None
    return _SECONDS[step] * (1 + JITTER * chance)
