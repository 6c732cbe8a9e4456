from app.errors import BadInput, Conflict, NotFound


class ImageNotFound(NotFound):
    """No such image, deleted, or not yours."""

    code = "image_not_found"


class EmbeddingNotFound(NotFound):
    """The image was not encoded with this model: send it through `encode`."""

    code = "embedding_not_found"


class CropInvalid(BadInput):
    """The box is not within the image, too small, too large, or all of it."""

    code = "crop_invalid"


class CropOfCrop(BadInput):
    """The image is a crop: `image_id` is the image to crop, with a box in its pixels."""

    code = "crop_of_crop"


class TooManyCrops(Conflict):
    """The image has as many crops as it may: delete one, as any image."""

    code = "too_many_crops"
