"""What must be known of a container before a decoder may open it: how many pages, pixels, passes."""

import mmap
from collections.abc import Iterator
from pathlib import Path
from struct import error as broken_struct
from struct import unpack_from

from app.imaging.errors import UnsupportedType

_NEW_SUBFILE_TYPE = 254
_REDUCED, _MASK = 1, 4
_DNG_VERSION = 50_706
_SIZES = {1: 1, 3: 2, 4: 4, 16: 8}
"""TIFF field type → bytes: BYTE, SHORT, LONG, LONG8."""
_MOST_DIRECTORIES = 64
_MOST_FIELDS = 4096
MOST_SCANS = 100
"""libvips' own limit, but it reserves all coefficients first; encoders write about ten."""


def tiff_pages(path: Path) -> int:
    """How many pages a TIFF has, not counting smaller copies and masks; 1 if its directories are broken.

    Raises UnsupportedType for a camera raw (DNG, NEF, ARW, CR2), a TIFF whose first image is a thumbnail.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        raw = data[8:10] == b"CR"
        pages: list[bool] = []
        try:
            for tags in _directories(data):
                raw |= _DNG_VERSION in tags or (not pages and bool(tags.get(_NEW_SUBFILE_TYPE, 0) & _REDUCED))
                pages.append(tags.get(_NEW_SUBFILE_TYPE, 0) & (_REDUCED | _MASK) == 0)
        except (broken_struct, OverflowError):
            pass  # the decoder will say what it thinks of it
    if raw:
        raise UnsupportedType("camera raw files are not taken")
    return max(1, sum(pages))


def largest_heif_item(path: Path) -> int:
    """Pixels of the largest image that an AVIF or HEIC declares (`ispe`, ISO/IEC 23008-12 §6.5.3); 0 if none.

    libavif and libheif have limits of their own, above ours and with other errors.
    """
    with path.open("rb") as file:
        head = file.read(1 << 16)
    largest, at = 0, head.find(b"ispe")
    while 0 <= at <= len(head) - 16:
        width, height = unpack_from(">II", head, at + 8)
        largest = max(largest, width * height)
        at = head.find(b"ispe", at + 4)
    return largest


def jpeg_scans(path: Path) -> int:
    """How many passes over the whole image a JPEG asks for: its SOS markers (ITU-T T.81 §B.1.1.3).

    Entropy-coded data never holds the two bytes of a marker.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        scans, at = 0, data.find(b"\xff\xda")
        while at >= 0 and scans <= MOST_SCANS:
            scans, at = scans + 1, data.find(b"\xff\xda", at + 2)
    return scans


def _directories(data: mmap.mmap) -> Iterator[dict[int, int]]:
    """Of each page, tag → value, for tags that hold a whole number in the directory itself (TIFF 6.0 §2)."""
    order = "<" if data[:1] == b"I" else ">"
    big = data[2:4] in (b"+\0", b"\0+")
    word, count_word, entry = ("Q", "Q", 20) if big else ("I", "H", 12)
    seen: set[int] = set()
    (offset,) = unpack_from(order + word, data, 8 if big else 4)
    while offset and offset not in seen and len(seen) < _MOST_DIRECTORIES:
        seen.add(offset)
        (count,) = unpack_from(order + count_word, data, offset)
        first = offset + (8 if big else 2)
        tags = {}
        for at in range(first, first + entry * min(count, _MOST_FIELDS), entry):
            tag, kind = unpack_from(order + "HH", data, at)
            start = at + (12 if big else 8)
            value = data[start : start + _SIZES.get(kind, 0)]
            tags[tag] = int.from_bytes(value, "little" if order == "<" else "big")
        yield tags
        (offset,) = unpack_from(order + word, data, first + entry * count)
