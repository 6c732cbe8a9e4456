"""What is refused, and by which code, before any pixel is decoded."""

import zlib
from pathlib import Path
from struct import pack

import pytest
from PIL import Image

from app.errors import AppError
from app.imaging.errors import (
    Animated,
    EmptyFile,
    NotAnImage,
    TooLargeBytes,
    TooManyPixels,
    Truncated,
    UnsupportedType,
)
from app.imaging.probe import probe
from app.imaging.types import MAX_BYTES
from tests.imaging.samples import image, rgba, scene, write


def file(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "upload.jpg"
    path.write_bytes(content)
    return path


def png_header(width: int, height: int) -> bytes:
    header = b"IHDR" + pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + pack(">I", 13) + header + pack(">I", zlib.crc32(header))


def test_an_empty_file(tmp_path: Path) -> None:
    with pytest.raises(EmptyFile):
        probe(file(tmp_path, b""))


@pytest.mark.parametrize("content", [b"hello", b"\0" * 100, b"<html></html>", b"\xff\xd8", b"PK\x03\x04"])
def test_not_an_image(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(NotAnImage):
        probe(file(tmp_path, content))


@pytest.mark.parametrize(
    "content",
    [
        b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        b'\xef\xbb\xbf<?xml version="1.0"?>\n<!-- x --><svg/>',
        '<?xml version="1.0" encoding="UTF-16"?><svg/>'.encode("utf-16"),
        b"%PDF-1.7\n",
        b"%!PS-Adobe-3.0 EPSF-3.0\n",
        b"\xc5\xd0\xd3\xc6\x1e\0\0\0",
        b"8BPS\0\1",
        b"\0\0\0\x0cjP  \r\n\x87\n",
        b"\0\0\0\x0cJXL \r\n\x87\n",
        b"P6\n1 1\n255\n\0\0\0",
        b"\0\0\0\x18ftypmp42\0\0\0\0isommp42",
        b"II*\0\x10\0\0\0CR\2\0",
    ],
)
def test_kinds_that_are_not_taken(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedType):
        probe(file(tmp_path, content))


def test_too_many_bytes(tmp_path: Path) -> None:
    path = file(tmp_path, b"\xff\xd8\xff")
    with path.open("r+b") as sparse:
        sparse.truncate(MAX_BYTES + 1)
    with pytest.raises(TooLargeBytes):
        probe(path)


@pytest.mark.parametrize("size", [(10_001, 10_000), (65_536, 65_536), (2**31 - 1, 2**31 - 1)])
def test_too_many_pixels_by_the_header_alone(size: tuple[int, int], tmp_path: Path) -> None:
    with pytest.raises(TooManyPixels) as caught:
        probe(file(tmp_path, png_header(*size) + b"\0\0\0\0IDAT" + b"\0\0\0\0IEND"))
    assert caught.value.extra["limit"] == 100_000_000


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_more_than_one_frame(format: str, tmp_path: Path) -> None:
    path = tmp_path / "moving"
    image().save(path, format=format, save_all=True, append_images=[image(255 - scene())])
    with pytest.raises(Animated):
        probe(path)


def test_a_png_that_could_move_but_has_one_frame(tmp_path: Path) -> None:
    path = tmp_path / "still.png"
    image().save(path, format="PNG", save_all=True, append_images=[])
    assert probe(path).format == "png"


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "AVIF", "HEIF"])
def test_a_header_that_is_cut_off(format: str, tmp_path: Path) -> None:
    whole = write(image(), tmp_path / "whole", format=format).read_bytes()
    with pytest.raises(Truncated):
        probe(file(tmp_path, whole[:40]))


def test_an_orientation_in_broken_exif_is_ignored(tmp_path: Path) -> None:
    path = write(image(), tmp_path / "broken.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\x7f")
    info = probe(path)
    assert (info.orientation, info.width) == (1, 60)


@pytest.mark.parametrize("orientation", [0, 9, 65_535])
def test_an_orientation_that_does_not_exist_is_ignored(orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert probe(write(image(), tmp_path / "odd.jpg", exif=exif)).orientation == 1


def test_says_what_the_header_says(tmp_path: Path) -> None:
    info = probe(write(rgba(), tmp_path / "alpha.png", dpi=(300, 300)))
    assert info.has_alpha
    assert not info.has_icc
    assert info.dpi == pytest.approx(300, abs=0.1)
    assert info.content_type == "image/png"
    assert info.bytes == (tmp_path / "alpha.png").stat().st_size


def test_messages_name_no_path(tmp_path: Path) -> None:
    with pytest.raises(AppError) as caught:
        probe(file(tmp_path, b"\x89PNG\r\n\x1a\n"))
    assert str(tmp_path) not in str(caught.value)
