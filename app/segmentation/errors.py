"""What can be wrong with marks, masks and stored embeddings."""

from app.errors import BadInput, Internal


class MarkOutsideImage(BadInput):
    code = "mark_outside_image"


class MaskUnreadable(BadInput):
    code = "mask_unreadable"


class MaskAspect(BadInput):
    code = "mask_aspect"


class EmbeddingUnreadable(Internal):
    """A stored embedding is damaged or newer than this program."""

    code = "embedding_unreadable"


class EmbeddingMismatch(Internal):
    """The embedding belongs to another model than the decoder, or lacks the codec's basis."""

    code = "embedding_mismatch"
