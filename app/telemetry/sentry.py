"""What goes wrong, told to Sentry: codes, ids and traces; never images, bodies, tokens or keys."""

import re
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import sentry_sdk
from sentry_sdk.transport import Transport
from sentry_sdk.types import Event, Hint
from structlog.typing import EventDict, WrappedLogger

_TAGS = ("code", "process", "job_id", "request_id", "kind", "queue", "engine")
_LEVELS = frozenset({"error", "critical"})
_SECRET = re.compile(
    r"cut_[\w-]{8,}|eyJ[\w-]{8,}(?:\.[\w-]+){1,2}|whsec_[\w+/=-]+|(?<=://)[^/\s:@]*:[^/\s@]+(?=@)"
    r"|(?<=token=)[^&\s\"']+|(?i:(?<=bearer )[\w.~+/=-]+)"
)
"""API keys, JWTs, webhook secrets, passwords in URLs, tokens of signed URLs, credentials."""
_HIDDEN = "[hidden]"
_DEEP = 12


def start(
    dsn: str, process: str, *, traces: float, environment: str, transport: type[Transport] | None = None
) -> None:
    """`traces`: the share of requests that are traced, 0..1. `transport`: another than HTTP, for tests."""
    sentry_sdk.init(
        dsn,
        release=f"cutout@{version('cutout')}",
        environment=environment,
        server_name=process,
        traces_sample_rate=traces,
        include_local_variables=False,  # a frame of ours may hold an image, or a URL with its password
        max_request_body_size="never",
        max_breadcrumbs=0,
        default_integrations=False,  # what is worth telling goes through the log
        auto_enabling_integrations=False,
        before_send=before_send,
        transport=transport,
    )


def forward(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A processor of the log: errors go to Sentry as well, where it was started."""
    if event.get("level") in _LEVELS and sentry_sdk.is_initialized():
        _tell(event)
    return event


def before_send(event: Event, hint: Hint) -> Event:  # noqa: ARG001 - Sentry's signature
    """Nothing that opens a door, and no bytes."""
    clean: Event = _clean(event, _DEEP)
    clean.pop("request", None)
    return clean


def _tell(event: Mapping[str, Any]) -> None:
    message, trouble = str(event.get("event", "")), event.get("exc_info")
    if trouble is True:
        trouble = None  # Sentry looks it up itself
    with sentry_sdk.new_scope() as scope:
        for name in _TAGS:
            if event.get(name) is not None:
                scope.set_tag(name, str(event[name]))
        if user := event.get("user_id"):
            scope.set_user({"id": str(user)})
        if event.get("exc_info"):
            scope.set_extra("message", message)
            scope.capture_exception(trouble)
        else:
            scope.capture_message(message, level="error")


def _clean(value: Any, deep: int) -> Any:
    match value:
        case str():
            return _SECRET.sub(_HIDDEN, value)
        case bytes() | bytearray() | memoryview():
            return f"[{len(value)} bytes]"
        case _ if deep == 0:
            return value if isinstance(value, (int, float, bool, type(None))) else "[deeper]"
        case dict():
            return {key: _clean(item, deep - 1) for key, item in value.items()}
        case list() | tuple():
            return [_clean(item, deep - 1) for item in value]
    return value
