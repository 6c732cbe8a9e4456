"""Every failure as RFC 9457 problem+json with a `code` and the `request_id`."""

import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ExceptionHandler

from app.api.admin_page.layout import ADMIN, refusal_page
from app.api.refusals import Extra, refusal_headers
from app.api.removebg import errors as removebg
from app.errors import AppError
from app.storage.errors import NO_ROOM, StorageUnavailable
from models.errors import ModelError

MODEL_STATUS = {
    "model_unknown": 422,
    "model_missing": 503,
    "download_failed": 503,
    "runtime_missing": 503,
    "embedding_mismatch": 409,
}
"""What a model's failure is to a client; the others are our fault."""

_log = structlog.get_logger(__name__)


class Problem(JSONResponse):
    media_type = "application/problem+json"


def problem(request_id: str, status: int, code: str, detail: str, extra: Extra = None) -> Problem:
    """`extra` members stand beside the standard ones and never replace them."""
    document: dict[str, Any] = {
        **(extra or {}),
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        "request_id": request_id,
    }
    return Problem(document, status, refusal_headers(request_id, status, extra))


def app_problem(request_id: str, error: AppError) -> Problem:
    return problem(request_id, error.status, error.code, error.message, error.extra)


def _told(request: Request, status: int, code: str, detail: str, extra: Extra = None) -> Response:
    return _shape(request)(request.state.request_id, status, code, detail, extra)


def _shape(request: Request) -> Callable[[str, int, str, str, Extra], Response]:
    """As this path's callers read it."""
    if request.url.path.startswith(removebg.PREFIX):
        return removebg.problem
    if request.url.path == ADMIN and "text/html" in request.headers.get("accept", ""):
        return refusal_page
    return problem


async def _app_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, AppError)
    if error.report:
        _log.error("reported", code=error.code, exc_info=error)
    return _told(request, error.status, error.code, error.message, error.extra)


async def _model_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ModelError)
    status = MODEL_STATUS.get(error.code, 500)
    _log.warning("model", code=error.code, detail=str(error))
    return _told(request, status, error.code, str(error))


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    phrase = HTTPStatus(error.status_code).phrase
    code = re.sub(r"\W+", "_", phrase.lower())
    if error.status_code == HTTPStatus.NOT_FOUND:
        detail = f"there is nothing at {request.url.path}"
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        detail = f"{request.method} is not possible here"
    else:
        detail = error.detail or phrase
    response = _told(request, error.status_code, code, detail)
    response.headers.update(error.headers or {})
    return response


async def _os_error(request: Request, error: Exception) -> Response:
    """A full disk is nobody's mistake and passes; all else is ours."""
    if not (isinstance(error, OSError) and error.errno in NO_ROOM):
        raise error
    _log.error("the disk is full", exc_info=error)
    return await _app_error(request, StorageUnavailable("there is no room left; try again later"))


async def _disconnected(request: Request, _error: Exception) -> Response:
    return _told(request, 400, "client_gone", "the request ended before its body did")


def unexpected(request_id: str) -> Problem:
    detail = "something went wrong on our side; quote the request_id when you report it"
    return problem(request_id, 500, "internal", detail)


HANDLERS: dict[Any, ExceptionHandler] = {
    AppError: _app_error,
    ModelError: _model_error,
    HTTPException: _http_error,
    ClientDisconnect: _disconnected,
    OSError: _os_error,
}
