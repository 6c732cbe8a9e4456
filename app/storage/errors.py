import errno

from app.errors import NotFound, Unavailable

NO_ROOM = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
"""What a disk says that takes no more, by `OSError.errno`."""


class ObjectMissing(NotFound):
    """No object under this key."""

    code = "object_missing"


class StorageUnavailable(Unavailable):
    """The store does not answer, or has no room left; the job goes back to its queue."""

    code = "storage_unavailable"
