from app.errors import NotFound, Unavailable


class ObjectMissing(NotFound):
    """No object under this key."""

    code = "object_missing"


class StorageUnavailable(Unavailable):
    """The store does not answer, or has no room left; the job goes back to its queue."""

    code = "storage_unavailable"
