from app.errors import Unavailable


class QueueUnavailable(Unavailable):
    """Redis does not answer. Never fatal: rows wait, the reconciler announces them again."""

    code = "queue_unavailable"
