"""What went wrong, as callers of remove.bg read it: `{"errors": [{"title", "code", "detail"}]}`, its codes.

AppError
├── MissingSource     missing_source     400
├── MultipleSources   multiple_sources   400
├── InvalidParameter  invalid_<name>     400   one that this service knows, with a value that it cannot honour
├── Failed            (the job's own)          what ended the job
└── Overdue           timeout            503   the queue is too long to wait for
"""

from http import HTTPStatus

from starlette.responses import JSONResponse

from app.api.refusals import Extra, refusal_headers
from app.errors import AppError, BadInput, Unavailable

PREFIX = "/v1.0/"
_THEIRS = {
    "empty_file": "failed_to_read_image",
    "not_an_image": "failed_to_read_image",
    "animated": "failed_to_read_image",
    "truncated": "failed_to_read_image",
    "damaged": "failed_to_read_image",
    "decode_limit": "failed_to_read_image",
    "decoder_crashed": "failed_to_read_image",
    "unsupported_type": "invalid_file_type",
    "too_large_bytes": "file_too_large",
    "body_too_large": "file_too_large",
    "url_too_large": "file_too_large",
    "too_many_pixels": "resolution_too_high",
    "url_refused": "failed_image_download",
    "url_unreachable": "failed_image_download",
    "url_timeout": "failed_image_download",
    "url_answer_unusable": "failed_image_download",
    "auto_mask_not_found": "unknown_foreground",
    "cutout_empty": "unknown_foreground",
}
"""By our code: theirs, with status 400."""
_BY_STATUS = {
    HTTPStatus.UNAUTHORIZED: (HTTPStatus.FORBIDDEN, "auth_failed"),
    HTTPStatus.PAYMENT_REQUIRED: (HTTPStatus.PAYMENT_REQUIRED, "insufficient_credits"),
    HTTPStatus.TOO_MANY_REQUESTS: (HTTPStatus.TOO_MANY_REQUESTS, "rate_limit_exceeded"),
}
_KEPT = frozenset({403, 404, 405, 408})


class MissingSource(BadInput):
    code = "missing_source"
    status = 400


class MultipleSources(BadInput):
    code = "multiple_sources"
    status = 400


class InvalidParameter(BadInput):
    """`extra["parameter"]` is its name."""

    code = "invalid_parameter"
    status = 400


class Overdue(Unavailable):
    code = "timeout"


class Failed(AppError):
    """`extra["reason"]` is the code of what ended the job."""

    code = "failed"
    status = 500


def problem(request_id: str, status: int, code: str, detail: str, extra: Extra = None) -> JSONResponse:
    """Takes what `app.api.problems.problem` takes."""
    extra = extra or {}
    if code == InvalidParameter.code:
        code = f"invalid_{extra['parameter']}"
    status, code = theirs(status, str(extra.get("reason", code)))
    error = {"title": f"{detail[:1].upper()}{detail[1:]}", "code": code, "detail": f"request {request_id}"}
    return JSONResponse({"errors": [error]}, status, refusal_headers(request_id, status, extra))


def theirs(status: int, code: str) -> tuple[int, str]:
    """(status, code) for their callers; what they have no word for keeps ours."""
    if code in _THEIRS:
        return HTTPStatus.BAD_REQUEST, _THEIRS[code]
    if known := _BY_STATUS.get(HTTPStatus(status)):
        return known
    own = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _KEPT
    return status if own else HTTPStatus.BAD_REQUEST, code
