"""What is written, read back by Pillow."""

import hashlib
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.imaging.decode import decode
from app.imaging.encode import encode
from app.imaging.errors import CannotEncode
from app.imaging.png import Effort
from app.imaging.probe import probe
from app.imaging.types import Format, Picture
from tests.imaging.samples import HEIGHT, WIDTH, display_p3_like, image, matte, oriented, scene, worst

PICTURE = Picture(scene(), matte(), icc=display_p3_like())
VISIBLE = matte() > 0


def test_png_is_lossless_with_dpi_and_profile(tmp_path: Path) -> None:
    out = tmp_path / "cutout.png"

    written = encode(PICTURE, out)

    with Image.open(out) as read:
        pixels = np.asarray(read)
        assert read.mode == "RGBA"
        assert read.info["icc_profile"] == PICTURE.icc
        assert read.info["dpi"] == pytest.approx((300, 300), abs=0.01)
    assert (pixels[..., 3] == matte()).all()
    assert (pixels[VISIBLE, :3] == scene()[VISIBLE]).all()
    assert (written.width, written.height, written.content_type) == (WIDTH, HEIGHT, "image/png")
    assert written.bytes == out.stat().st_size
    assert written.sha256 == hashlib.sha256(out.read_bytes()).hexdigest()


def test_colours_that_nobody_sees_are_not_stored(tmp_path: Path) -> None:
    encode(PICTURE, tmp_path / "cutout.png")
    with Image.open(tmp_path / "cutout.png") as read:
        assert (np.asarray(read)[~VISIBLE] == 0).all()


@pytest.mark.parametrize("effort", Effort)
@pytest.mark.parametrize("size", [(1, 1), (1, 20_000), (20_000, 1), (333, 777), (2000, 1500)])
def test_png_of_any_shape_and_effort(size: tuple[int, int], effort: Effort, tmp_path: Path) -> None:
    alpha = np.maximum(matte(*size), 1)
    picture = Picture(scene(*size), alpha)
    encode(picture, tmp_path / "cutout.png", effort=effort)
    with Image.open(tmp_path / "cutout.png") as read:
        assert (np.asarray(read) == np.dstack([picture.pixels, alpha])).all()


def test_png_without_alpha_is_rgb_and_says_srgb(tmp_path: Path) -> None:
    encode(Picture(scene()), tmp_path / "opaque.png", dpi=None)
    with Image.open(tmp_path / "opaque.png") as read:
        assert read.mode == "RGB"
        assert "dpi" not in read.info
        assert "srgb" in read.info
        assert (np.asarray(read) == scene()).all()


def test_a_cropped_view_is_written_as_it_is(tmp_path: Path) -> None:
    large, soft = scene(300, 200), matte(300, 200)
    crop = Picture(large[20:120, 30:231], soft[20:120, 30:231])
    encode(crop, tmp_path / "crop.png")
    with Image.open(tmp_path / "crop.png") as read:
        assert read.size == (201, 100)
        assert (np.asarray(read)[..., 3] == crop.alpha).all()


def test_a_drawing_is_searched_for_repetition(tmp_path: Path) -> None:
    tile = np.random.default_rng(1).integers(0, 256, (16, 16, 3), np.uint8)
    drawing = Picture(np.tile(tile, (40, 40, 1)))
    runs = encode(drawing, tmp_path / "fast.png", effort=Effort.FAST)
    matches = encode(drawing, tmp_path / "balanced.png")
    assert matches.bytes * 5 < runs.bytes


@pytest.mark.parametrize("format", [Format.PNG, Format.WEBP, Format.JPG])
def test_the_matte_alone(format: Format, tmp_path: Path) -> None:
    out = tmp_path / f"alpha.{format.value}"
    encode(PICTURE, out, format, channels="alpha")
    with Image.open(out) as read:
        assert worst(np.asarray(read.convert("L")), matte()) <= (0 if format is Format.PNG else 12)
        assert "icc_profile" not in read.info


def test_webp(tmp_path: Path) -> None:
    out = tmp_path / "cutout.webp"
    encode(PICTURE, out, Format.WEBP)
    with Image.open(out) as read:
        pixels = np.asarray(read)
        assert read.info["icc_profile"] == PICTURE.icc
        assert read.getexif()[0x011A] == 300  # XResolution
    assert (pixels[..., 3] == matte()).all()
    opaque = matte() == 255
    assert worst(pixels[opaque, :3], scene()[opaque]) <= 10


def test_jpg_shows_the_background(tmp_path: Path) -> None:
    out = tmp_path / "cutout.jpg"
    encode(PICTURE, out, Format.JPG, background=(0, 200, 0), dpi=72)
    with Image.open(out) as read:
        pixels = np.asarray(read)
        assert read.info["dpi"] == (72, 72)
        assert read.info["icc_profile"] == PICTURE.icc
    weight = matte()[..., None] / 255
    assert worst(pixels, scene() * weight + np.array([0, 200, 0]) * (1 - weight)) <= 12


def test_zip_holds_colour_and_matte(tmp_path: Path) -> None:
    out = tmp_path / "cutout.zip"
    encode(PICTURE, out, Format.ZIP)
    with zipfile.ZipFile(out) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["color.jpg", "alpha.png"]
        colour = np.asarray(Image.open(BytesIO(archive.read("color.jpg"))))
        alpha = np.asarray(Image.open(BytesIO(archive.read("alpha.png"))))
    assert worst(colour, scene()) <= 12
    assert (alpha == matte()).all()


def test_what_a_format_cannot_hold_is_an_error_and_leaves_no_file(tmp_path: Path) -> None:
    wide = Picture(np.zeros((1, 16_384, 3), np.uint8))
    with pytest.raises(CannotEncode):
        encode(wide, tmp_path / "wide.webp", Format.WEBP)
    with pytest.raises(CannotEncode):
        encode(PICTURE, tmp_path / "alpha.zip", Format.ZIP, channels="alpha")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    out = tmp_path / "cutout.png"
    out.write_bytes(b"old")
    with pytest.raises(ValueError, match="does not cover"):
        encode(Picture(scene(), matte()[:-1]), out)
    assert [path.name for path in tmp_path.iterdir()] == ["cutout.png"]
    assert out.read_bytes() == b"old"


def test_no_metadata_of_the_original_survives(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "Maker of the camera"
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8769)[0xA431] = "Serial 123456"
    source = tmp_path / "phone.jpg"
    image().save(source, exif=exif, comment=b"Jane Doe")
    picture = decode(source, probe(source))
    for format in Format:
        out = tmp_path / f"out.{format.value}"
        encode(picture, out, format)
        content = out.read_bytes()
        for secret in (b"Maker of", b"Serial 1", b"Jane Doe", b"GPS"):
            assert secret not in content


@pytest.mark.parametrize("orientation", range(1, 9))
def test_no_orientation_is_written(orientation: int, tmp_path: Path) -> None:
    source = oriented(tmp_path / "turned.jpg", orientation, quality=98)
    picture = decode(source, probe(source))
    for format in (Format.PNG, Format.WEBP, Format.JPG):
        out = tmp_path / f"upright.{format.value}"
        encode(picture, out, format)
        with Image.open(out) as read:
            assert read.getexif().get(0x0112, 1) == 1
            assert read.size == (picture.width, picture.height)
