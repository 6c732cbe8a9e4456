"""What every refusal says in its head, whatever the shape of its body."""

from collections.abc import Mapping
from http import HTTPStatus

from app.api.files import NO_STORE

Extra = Mapping[str, object] | None
"""Members beside the standard ones of problem+json."""

_RETRY_AFTER_S = 5
_PASSING = frozenset({HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS})


def refusal_headers(request_id: str, status: int, extra: Extra) -> dict[str, str]:
    headers = {"X-Request-Id": request_id, **NO_STORE}
    if status in _PASSING:
        headers["Retry-After"] = str((extra or {}).get("retry_after", _RETRY_AFTER_S))
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    return headers
