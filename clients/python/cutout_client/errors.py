"""What can go wrong. Every failure has the server's code, or one of ours where there was no answer."""


class CutoutError(Exception):
    """The server refused. `code` is stable, `str(error)` is for people."""

    def __init__(
        self, message: str, *, code: str, status: int | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        """HTTP; None where a job failed, or nobody answered."""
        self.request_id = request_id
        """Quote it to who runs the server."""


class Unreachable(CutoutError):
    """Nobody answered as long as we were patient."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="unreachable")


class JobFailed(CutoutError):
    """The job has ended without a result; nothing was charged."""
