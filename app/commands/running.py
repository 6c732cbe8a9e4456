"""One `cutout dev` over a data directory; its lock tells operators' commands where its services are."""

import fcntl
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TypeAlias

from app.errors import AppError
from app.settings import Services, Settings

NEEDS = "Needs DATABASE_URL, or a running `cutout dev`."
_LOCK = "lock"

Say: TypeAlias = Callable[[Services], None]


class AlreadyRunning(AppError):
    """Another `cutout dev` has this data directory."""

    code = "already_running"
    exit_code = 3


@contextmanager
def only_one(data_dir: Path) -> Iterator[Say]:
    """Two supervisors over one database would each end the other's services. Raises AlreadyRunning."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / _LOCK).open("a", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(f"another `cutout dev` runs in {data_dir}; set CUTOUT_DATA_DIR") from None

        def say(services: Services) -> None:
            lock.write(json.dumps(asdict(services)))
            lock.flush()

        lock.truncate(0)
        yield say


def operator_settings() -> Settings:
    """The environment's; where that names no services, those of the `cutout dev` that runs over its data."""
    settings = Settings.load()
    if settings.database_url is not None or settings.redis_url is not None:
        return settings
    services = _services(settings.data_dir)
    return settings if services is None else settings.model_copy(update=asdict(services))


def _services(data_dir: Path) -> Services | None:
    try:
        with (data_dir / _LOCK).open(encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                told = lock.read()
                return Services(**json.loads(told)) if told else None
    except OSError:
        pass
    return None
