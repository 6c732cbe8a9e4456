"""Files made to exhaust whoever opens them. Each is small; the tests and benchmarks/hostile.py share them."""

import zlib
from collections.abc import Callable
from functools import cache
from io import BytesIO
from struct import pack

import numpy as np
from PIL import Image

PNG = b"\x89PNG\r\n\x1a\n"
MUCH = 256 << 20


def chunk(kind: bytes, data: bytes) -> bytes:
    return pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data))


@cache
def zeros(count: int) -> bytes:
    """A zlib stream of so many zero bytes; a thousandth of them long."""
    deflate = zlib.compressobj(9)
    block = bytes(1 << 20)
    parts = [deflate.compress(block) for _ in range(count >> 20)]
    return b"".join([*parts, deflate.flush()])


def png(
    width: int, height: int, *extra: bytes, depth: int = 8, colour: int = 0, idat: bytes | None = None
) -> bytes:
    header = chunk(b"IHDR", pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    if idat is None:
        idat = zlib.compress(bytes((1 + (width * depth + 7) // 8) * height), 9)
    return PNG + header + b"".join(extra) + chunk(b"IDAT", idat) + chunk(b"IEND", b"")


def png_30000_square() -> bytes:
    """The file that takes OpenCV 15 s and 5 GB: 900 MP of one bit each in 109 KB."""
    return png(30_000, 30_000, depth=1, idat=zeros(3751 * 30_000))


def png_179_megapixels() -> bytes:
    """What Pillow loads by default."""
    return png(13_379, 13_379, depth=1, idat=zeros(1674 * 13_379))


def png_text_bomb() -> bytes:
    return png(1, 1, chunk(b"zTXt", b"Comment\0\0" + zeros(MUCH)))


def png_many_text_bombs() -> bytes:
    text = chunk(b"zTXt", b"Comment\0\0" + zeros(1 << 20))
    return png(1, 1, *[text] * 2000)


def png_international_text_bomb() -> bytes:
    return png(1, 1, chunk(b"iTXt", b"Comment\0\1\0\0\0" + zeros(MUCH)))


def png_profile_bomb() -> bytes:
    return png(1, 1, chunk(b"iCCP", b"ICC\0\0" + zeros(MUCH)))


def png_pixel_bomb() -> bytes:
    """One pixel by its header, 256 MB by its data."""
    return png(1, 1, idat=zeros(MUCH))


def png_many_chunks() -> bytes:
    return png(1, 1, chunk(b"tEXt", b"a\0b") * 50_000)


def apng_frames() -> bytes:
    return png(64, 64, chunk(b"acTL", pack(">II", 2**31 - 1, 0)))


def gif_frames() -> bytes:
    """A million frames of one pixel."""
    frame = b"\x2c\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0"
    palette = b"\0\0\0\xff\xff\xff"
    return b"GIF89a\x01\0\x01\0\x80\0\0" + palette + frame * 1_000_000 + b";"


def gif_frame_larger_than_canvas() -> bytes:
    frame = b"\x2c\0\0\0\0\xff\xff\xff\xff\0\x02\x02\x44\x01\0"
    return b"GIF89a\x01\0\x01\0\x80\0\0" + b"\0\0\0\xff\xff\xff" + frame + b";"


def jpeg_claims_65500_square() -> bytes:
    return _resized_jpeg(_jpeg(16, 16), 65_500, 65_500)


def jpeg_scans() -> bytes:
    """A progressive JPEG whose last scan is repeated: every one walks over all 64 MP."""
    small = _jpeg(64, 64, progressive=True)
    scan = small[small.rindex(b"\xff\xda") : -2]
    return _resized_jpeg(small[:-2] + scan * 2000 + b"\xff\xd9", 8000, 8000)


def jpeg_many_segments() -> bytes:
    whole = _jpeg(16, 16)
    return whole[:2] + b"\xff\xe9\x00\x04ab" * 50_000 + whole[2:]


def webp_claims_16384_square() -> bytes:
    canvas = b"VP8X" + pack("<I", 10) + b"\x02\0\0\0" + b"\xff\x3f\0" + b"\xff\x3f\0"
    return b"RIFF" + pack("<I", 4 + len(canvas)) + b"WEBP" + canvas


def bmp_claims_much() -> bytes:
    return (
        b"BM" + pack("<IHHI", 1 << 20, 0, 0, 54) + pack("<IiiHHIIiiII", 40, 60_000, -60_000, 1, 24, *[0] * 6)
    )


def bmp_run_lengths() -> bytes:
    """9 MP in run-length code that says nothing: every row is skipped."""
    header = pack("<IiiHHIIiiII", 40, 3000, 3000, 1, 8, 1, 0, 0, 0, 0, 0)
    body = b"\0\0\0\0" * 256 + b"\0\2\xff\xff" * 200_000
    return b"BM" + pack("<IHHI", 54 + len(body), 0, 0, 54 + 1024) + header + body


def tiff_strip_bomb() -> bytes:
    """16 by 16 pixels whose only strip inflates to 256 MB."""
    return _tiff(16, 16, zeros(MUCH))


def tiff_claims_much() -> bytes:
    return _tiff(2**31 - 1, 2**31 - 1, zeros(1 << 20))


def tiff_directories() -> bytes:
    """A chain of 300,000 empty directories."""
    directory = 6
    parts = [pack("<HI", 0, 8 + (at + 1) * directory) for at in range(300_000)]
    return b"II*\0" + pack("<I", 8) + b"".join(parts)


def tiff_circle() -> bytes:
    return b"II*\0" + pack("<IHI", 8, 0, 8)


def heif_claims_much() -> bytes:
    return _resized_heif(_saved("AVIF"), 30_000, 30_000)


def exif_circle() -> bytes:
    """EXIF whose directory names itself as its sub-directory."""
    exif = b"Exif\0\0MM\0*" + pack(">IHHHIII", 8, 1, 0x8769, 4, 1, 8, 8)
    return _saved("JPEG", exif=exif)


BOMBS: dict[str, Callable[[], bytes]] = {
    make.__name__: make
    for make in (
        png_30000_square,
        png_179_megapixels,
        png_text_bomb,
        png_many_text_bombs,
        png_international_text_bomb,
        png_profile_bomb,
        png_pixel_bomb,
        png_many_chunks,
        apng_frames,
        gif_frames,
        gif_frame_larger_than_canvas,
        jpeg_claims_65500_square,
        jpeg_scans,
        jpeg_many_segments,
        webp_claims_16384_square,
        bmp_claims_much,
        bmp_run_lengths,
        tiff_strip_bomb,
        tiff_claims_much,
        tiff_directories,
        tiff_circle,
        heif_claims_much,
        exif_circle,
    )
}


def _saved(format: str, size: tuple[int, int] = (16, 16), **options: object) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, format, **options)
    return buffer.getvalue()


def _jpeg(width: int, height: int, **options: object) -> bytes:
    return _saved("JPEG", (width, height), **options)


def _resized_jpeg(whole: bytes, width: int, height: int) -> bytes:
    for marker in (b"\xff\xc0\x00\x11", b"\xff\xc2\x00\x11"):
        at = whole.find(marker)
        if at >= 0:
            return whole[: at + 5] + pack(">HH", height, width) + whole[at + 9 :]
    raise ValueError("no frame header")


def _resized_heif(whole: bytes, width: int, height: int) -> bytes:
    at = whole.index(b"ispe") + 8
    return whole[:at] + pack(">II", width, height) + whole[at + 8 :]


def _tiff(width: int, height: int, strip: bytes) -> bytes:
    fields = [
        (256, 4, width),
        (257, 4, height),
        (258, 3, 8),
        (259, 3, 8),
        (262, 3, 1),
        (273, 4, 8),
        (277, 3, 1),
        (278, 4, height),
        (279, 4, len(strip)),
    ]
    directory = b"".join(pack("<HHII", tag, kind, 1, value) for tag, kind, value in fields)
    return b"II*\0" + pack("<I", 8 + len(strip)) + strip + pack("<H", len(fields)) + directory + bytes(4)
