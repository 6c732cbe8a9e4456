"""How the stand-in misbehaves: told through `POST /faults`, or by its owner."""

import threading
from dataclasses import dataclass, fields
from typing import Any


@dataclass(slots=True)
class Faults:
    """Numbers count down with each request that they spoil; switches stay."""

    busy: int = 0
    """429s."""
    broken: int = 0
    """500s whose body is no JSON."""
    not_ready: int = 0
    """409s where a result is asked for."""
    slow_s: float = 0
    """Before every answer."""
    unpaid: bool = False
    """402 for uploads and results."""
    refuse: bool = False
    """400 for every image."""
    expired: bool = False
    """404 for every result."""
    garbage: bool = False
    """200 with a body that is neither JSON nor an image."""


class Mood:
    """Thread-safe faults."""

    def __init__(self) -> None:
        self._faults = Faults()
        self._lock = threading.Lock()

    def set(self, values: dict[str, Any]) -> None:
        """All others are as at the beginning."""
        known = {field.name for field in fields(Faults)}
        with self._lock:
            self._faults = Faults(**{name: value for name, value in values.items() if name in known})

    def on(self, name: str) -> Any:
        return getattr(self._faults, name)

    def takes(self, name: str) -> bool:
        """Whether one of the counted faults strikes now."""
        with self._lock:
            left = getattr(self._faults, name)
            if left > 0:
                setattr(self._faults, name, left - 1)
            return bool(left > 0)
