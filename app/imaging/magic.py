"""What a file is, by its first bytes; whether it stops early, by its last."""

import os
from pathlib import Path

from app.imaging.errors import NotAnImage, UnsupportedType
from app.imaging.types import SourceFormat

_HEAD = 4096
_TAIL = 65_536  # where the end marker is looked for; cameras append a little after it

_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})

_TAKEN: tuple[tuple[bytes, SourceFormat], ...] = (
    (b"\xff\xd8\xff", SourceFormat.JPEG),
    (b"\x89PNG\r\n\x1a\n", SourceFormat.PNG),
    (b"GIF87a", SourceFormat.GIF),
    (b"GIF89a", SourceFormat.GIF),
    (b"II*\0", SourceFormat.TIFF),
    (b"MM\0*", SourceFormat.TIFF),
    (b"II+\0", SourceFormat.TIFF),
    (b"MM\0+", SourceFormat.TIFF),
    (b"BM", SourceFormat.BMP),
)

_REFUSED: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "PDF"),
    (b"%!PS", "PostScript"),
    (b"\xc5\xd0\xd3\xc6", "EPS"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\xff\x0a", "JPEG XL"),
    (b"8BPS", "Photoshop"),
    (b"gimp xcf", "GIMP"),
    (b"\0\0\1\0", "icon"),
    (b"\0\0\2\0", "cursor"),
    (b"icns", "icon"),
    (b"\x8aMNG", "MNG"),
    (b"\x8bJNG", "JNG"),
    (b"DDS ", "DirectDraw surface"),
    (b"v/1\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance"),
    (b"SIMPLE  =", "FITS"),
    (b"qoif", "QOI"),
    (b"IIRO", "camera raw"),
    (b"IIU\0", "camera raw"),
    (b"FUJIFILM", "camera raw"),
    *((b"P%d" % kind + space, "Netpbm") for kind in range(1, 8) for space in (b" ", b"\n", b"\r", b"\t")),
)


_END_MARKS = {
    SourceFormat.JPEG: b"\xff\xd9",
    SourceFormat.PNG: b"IEND",
}


def sniff(path: Path) -> SourceFormat:
    """The format of the file's content.

    Raises UnsupportedType for a known kind that is not taken, NotAnImage for anything else.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    for start, format in _TAKEN:
        if head.startswith(start):
            return format
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return SourceFormat.WEBP
    if head[4:8] == b"ftyp":
        return _by_brand(head)
    for start, name in _REFUSED:
        if head.startswith(start):
            raise UnsupportedType(f"{name} files are not taken")
    if _looks_like_svg(head):
        raise UnsupportedType("SVG files are not taken")
    raise NotAnImage("the file is not an image")


def ends_early(path: Path, format: SourceFormat) -> bool:
    """True when the file stops before its format's own end: it was cut off rather than damaged."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        file.seek(max(0, size - _TAIL), os.SEEK_SET)
        tail = file.read()
    if format in _END_MARKS:
        return _END_MARKS[format] not in tail
    if format is SourceFormat.GIF:
        return not tail.rstrip(b"\0").endswith(b";")
    if format in (SourceFormat.AVIF, SourceFormat.HEIC):
        return _last_box_end(path, size) > size
    if format is SourceFormat.TIFF:  # where its directory of tags should lie
        return int.from_bytes(head[4:8], "little" if head[:1] == b"I" else "big") >= size
    if format is SourceFormat.WEBP:
        return int.from_bytes(head[4:8], "little") + 8 > size
    return int.from_bytes(head[2:6], "little") > size  # BMP


def _by_brand(head: bytes) -> SourceFormat:
    end = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))]
    for brand in brands:  # the major brand first: an AVIF lists `mif1` too
        if brand in _AVIF_BRANDS:
            return SourceFormat.AVIF
    if any(brand in _HEIC_BRANDS for brand in brands):
        return SourceFormat.HEIC
    raise UnsupportedType("video and other ISO media files are not taken")


def _looks_like_svg(head: bytes) -> bool:
    text = head.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").replace(b"\0", b"").lower()
    return text.startswith(b"<") and b"<svg" in text


def _last_box_end(path: Path, size: int) -> int:
    at = 0
    with path.open("rb") as file:
        while at < size:
            file.seek(at)
            header = file.read(16)
            length = int.from_bytes(header[:4], "big")
            if length == 1:
                length = int.from_bytes(header[8:16], "big")
            if length < 8:  # 0: to the end of the file
                return size
            at += length
    return at
