"""
UploadNotFound          unknown, expired, or not yours
UploadIncomplete (409)  nothing has come yet
UploadTaken (409)       its bytes have come: they are sent once
TooManyOpenUploads (429)
"""

from app.errors import AppError, Conflict, NotFound


class UploadNotFound(NotFound):
    """No such upload, expired, or not yours: ask for a new one with `POST /api/uploads`."""

    code = "upload_not_found"


class UploadIncomplete(Conflict):
    """Its bytes have not come: send them to the upload's `url` first."""

    code = "upload_incomplete"


class UploadTaken(Conflict):
    """Its bytes have come: they are sent once. Ask for another upload."""

    code = "upload_taken"


class TooManyOpenUploads(AppError):
    """Make images of those that were sent; what is not used expires."""

    code = "too_many_open_uploads"
    status = 429
    retryable = True
