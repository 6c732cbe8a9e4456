"""Hostile and broken files: a picture or a coded error, never anything else, and the pool lives on."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.errors import AppError
from app.imaging.errors import DecoderCrashed
from app.imaging.sandbox import Sandbox
from tests.imaging.hostile import BOMBS
from tests.imaging.samples import image, rgba, scene, write

EXPECTED = {
    "png_30000_square": "too_many_pixels",
    "png_179_megapixels": "too_many_pixels",
    "png_text_bomb": "damaged",
    "png_many_text_bombs": "damaged",
    "png_international_text_bomb": "damaged",
    "png_profile_bomb": "damaged",
    "png_pixel_bomb": "decoded",  # the one pixel; the rest is never inflated
    "png_many_chunks": "decoded",
    "apng_frames": "animated",
    "gif_frames": "animated",
    "gif_frame_larger_than_canvas": "too_many_pixels",
    "jpeg_claims_65500_square": "too_many_pixels",
    "jpeg_scans": "decode_limit",
    "jpeg_many_segments": "decoded",
    "webp_claims_16384_square": "damaged",
    "bmp_claims_much": "too_many_pixels",
    "bmp_run_lengths": "decoded",
    "tiff_strip_bomb": "decoded",  # its 256 pixels
    "tiff_claims_much": "too_many_pixels",
    "tiff_directories": "damaged",
    "tiff_circle": "damaged",
    "heif_claims_much": "too_many_pixels",
    "exif_circle": "decoded",
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(size=1) as pool:
        yield pool


def result(sandbox: Sandbox, path: Path) -> str:
    try:
        sandbox.decode(path, sandbox.probe(path))
    except AppError as error:
        return error.code
    return "decoded"


@pytest.mark.parametrize("name", BOMBS)
def test_bombs(name: str, sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(BOMBS[name]())
    assert result(sandbox, path) == EXPECTED[name]
    assert result(sandbox, write(image(), tmp_path / "next.png")) == "decoded"


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF", "HEIF"])
def test_broken_files_give_a_picture_or_a_code(format: str, sandbox: Sandbox, tmp_path: Path) -> None:
    picture = image(scene(200, 120)) if format in ("JPEG", "BMP") else rgba()
    whole = write(picture, tmp_path / "whole", format=format).read_bytes()
    path = tmp_path / "broken"
    for broken in broken_copies(whole):
        path.write_bytes(broken)
        assert result(sandbox, path) != DecoderCrashed.code


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF", "BMP"])
def test_half_a_file_is_never_half_a_picture(format: str, sandbox: Sandbox, tmp_path: Path) -> None:
    whole = write(image(scene(300, 200)), tmp_path / "whole", format=format).read_bytes()
    path = tmp_path / "half"
    for share in (0.5, 0.9):
        path.write_bytes(whole[: int(len(whole) * share)])
        assert result(sandbox, path) == "truncated"


def broken_copies(whole: bytes) -> Iterator[bytes]:
    chance = random.Random(1)
    for at in range(0, len(whole), max(1, len(whole) // 8)):
        yield whole[:at]
    for _ in range(25):
        changed = bytearray(whole)
        for _ in range(chance.choice((1, 10))):
            changed[chance.randrange(len(whole))] = chance.randrange(256)
        yield bytes(changed)
