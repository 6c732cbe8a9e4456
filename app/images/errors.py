from app.errors import NotFound


class ImageNotFound(NotFound):
    """No such image, deleted, or not yours."""

    code = "image_not_found"


class EmbeddingNotFound(NotFound):
    """The image was not encoded with this model: send it through `encode`."""

    code = "embedding_not_found"
