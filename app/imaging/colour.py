"""Any sample layout to 8-bit RGB(A). An RGB profile travels with the pixels; other profiles are applied."""

from typing import Any

import pyvips

from app.imaging.errors import UnsupportedType

_ICC_SIGNATURE = slice(36, 40)
_ICC_SPACE = slice(16, 20)


def to_rgb8(image: Any, has_icc: bool) -> tuple[Any, bytes | None, tuple[str, ...]]:
    """(uchar image of 3 or 4 bands, its RGB profile or None for sRGB, notes).

    has_icc: the file has a profile, even if a decoder found it not worth passing on.
    16 bits become 8; grey and CMYK become sRGB through their own profile, CMYK without one through libvips'
    default. Raises UnsupportedType for float, complex and signed samples.
    """
    if image.format not in ("uchar", "ushort"):
        raise UnsupportedType(f"{image.format} samples are not taken; save the image with 8 or 16 bits")
    if image.interpretation == "cmyk":
        converted = image.icc_transform("srgb", embedded=True, input_profile="cmyk", intent="relative")
        return _rgb_bands(converted), None, ("cmyk_converted",)
    profile = profile_of(image)
    space = profile[_ICC_SPACE] if profile else b""
    if image.interpretation in ("b-w", "grey16"):
        return _rgb_bands(_grey_to_srgb(image, space)), None, ()
    image = _rgb_bands(image)
    if space == b"RGB ":
        return image, profile, ()
    return image, None, ("icc_dropped",) if has_icc else ()


def to_srgb(image: Any, icc: bytes | None) -> Any:
    """Convert a uchar RGB(A) image from its RGB profile to sRGB; an unreadable profile changes nothing."""
    if icc is None:
        return image
    try:
        return image.icc_transform("srgb", embedded=True, intent="relative", depth=8)
    except pyvips.Error:
        return image


def profile_of(image: Any) -> bytes | None:
    """The embedded profile's bytes, if they are one."""
    if image.get_typeof("icc-profile-data") == 0:
        return None
    profile = bytes(image.get("icc-profile-data"))
    return profile if profile[_ICC_SIGNATURE] == b"acsp" else b""


def _grey_to_srgb(image: Any, space: bytes) -> Any:
    if space != b"GRAY":
        return image
    return image.icc_transform("srgb", embedded=True, intent="relative", depth=8)


def _rgb_bands(image: Any) -> Any:
    if image.interpretation != "srgb" or image.format != "uchar":
        image = image.colourspace("srgb")
    if image.bands > 4:  # TIFF spot colours behind the alpha
        image = image.extract_band(0, n=4)
    return image.cast("uchar")
