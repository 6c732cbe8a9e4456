"""Every failure the product can name.

AppError                        code, status, public message; retryable? report? exit_code
├── BadInput (422)              the caller's data is wrong; the message says what and why
│   └── … one noun per condition, next to the code that raises it (imaging/errors.py, jobs/errors.py, …)
├── NotFound (404)              no such thing, or not yours
├── Conflict (409)              the row has moved on
├── Unavailable (503)           a dependency is away; retryable
└── Internal (500)              our fault; reported
"""

from typing import ClassVar


class AppError(Exception):
    """A failure with a stable `code`. `str(error)` is public: no secrets, no paths of the server."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False
    """True when the same work may succeed later: the job goes back to its queue with a backoff."""
    report: ClassVar[bool] = False
    """True when a person of ours must look at it."""
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, **extra: object) -> None:
        super().__init__(message)
        self.message = message
        self.extra = extra
        """JSON values for the problem document, beside `code` and `detail`."""


class BadInput(AppError):
    code = "bad_input"
    status = 422
    exit_code = 2


class NotFound(AppError):
    code = "not_found"
    status = 404
    exit_code = 2


class Conflict(AppError):
    code = "conflict"
    status = 409


class Unavailable(AppError):
    code = "unavailable"
    status = 503
    retryable = True
    exit_code = 3


class Internal(AppError):
    code = "internal"
    status = 500
    report = True
