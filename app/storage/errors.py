import errno

from app.errors import Internal, NotFound, Unavailable

NO_ROOM = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
"""What a disk says that takes no more, by `OSError.errno`."""


class ObjectMissing(NotFound):
    """No object under this key."""

    code = "object_missing"


class StorageUnavailable(Unavailable):
    """The store does not answer, or has no room left; the job goes back to its queue."""

    code = "storage_unavailable"


class StorageRefused(Internal):
    """The store understood and will not: a wrong key, a missing policy, no such bucket."""

    code = "storage_refused"


class ObjectTooLarge(Internal):
    """Larger than the bucket takes; its limit is the project's setting."""

    code = "object_too_large"


class ObjectTaken(Internal):
    """Other bytes lie under this key: keys are written once."""

    code = "object_taken"


class UploadDamaged(Unavailable):
    """What lies there now is not what was sent."""

    code = "upload_damaged"
