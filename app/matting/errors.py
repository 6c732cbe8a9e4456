"""What a caller can do wrong when a mask becomes a cutout."""

from app.errors import AppError, BadInput


class MaskInvalid(BadInput):
    """The mask holds NaN, has no pixels, or does not cover the image."""

    code = "mask_invalid"


class CutoutEmpty(BadInput):
    """Nothing of the subject is left: an empty mask, a `roi` beside it, or an `offset` larger than it."""

    code = "cutout_empty"


class CutoutTooLarge(BadInput):
    """Margin, canvas and scale ask for a picture beyond the output limits."""

    code = "cutout_too_large"


class Canceled(AppError):
    """The job was canceled between two steps. Raised by the caller's `progress`, never by a step."""

    code = "canceled"
    status = 409
