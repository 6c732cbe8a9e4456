"""Every input kind, against Pillow's own reading of the same file."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from app.imaging.decode import decode
from app.imaging.probe import probe
from app.imaging.sizes import fit
from app.imaging.types import SourceFormat
from app.imaging.working import working_image
from tests.imaging.samples import (
    HEIGHT,
    WIDTH,
    display_p3_like,
    image,
    matte,
    oriented,
    rgba,
    scene,
    worst,
    write,
)

Save = Callable[[Path], Path]


KINDS: dict[str, tuple[SourceFormat, int, Save]] = {
    # name: (format, worst level against the source picture, writer)
    "jpeg": (
        SourceFormat.JPEG,
        6,
        lambda path: write(image(), path, format="JPEG", quality=98, subsampling=0),
    ),
    "jpeg progressive": (
        SourceFormat.JPEG,
        6,
        lambda path: write(image(), path, format="JPEG", quality=98, subsampling=0, progressive=True),
    ),
    "png": (SourceFormat.PNG, 0, lambda path: write(image(), path, format="PNG")),
    "png palette": (
        SourceFormat.PNG,
        24,
        lambda path: write(image().convert("P", palette=Image.Palette.ADAPTIVE), path, format="PNG"),
    ),
    "webp": (SourceFormat.WEBP, 0, lambda path: write(image(), path, format="WEBP", lossless=True)),
    "webp lossy": (SourceFormat.WEBP, 12, lambda path: write(image(), path, format="WEBP", quality=98)),
    "tiff": (SourceFormat.TIFF, 0, lambda path: write(image(), path, format="TIFF")),
    "tiff deflate": (
        SourceFormat.TIFF,
        0,
        lambda path: write(image(), path, format="TIFF", compression="tiff_adobe_deflate"),
    ),
    "bmp": (SourceFormat.BMP, 0, lambda path: write(image(), path, format="BMP")),
    "gif": (SourceFormat.GIF, 24, lambda path: write(image(), path, format="GIF")),
    "avif": (
        SourceFormat.AVIF,
        6,
        lambda path: write(image(), path, format="AVIF", quality=100, subsampling="4:4:4"),
    ),
    "heic": (SourceFormat.HEIC, 6, lambda path: write(image(), path, format="HEIF", quality=100, chroma=444)),
    "mpo": (
        SourceFormat.JPEG,
        6,
        lambda path: write(
            image(),
            path,
            format="MPO",
            save_all=True,
            append_images=[image(255 - scene())],
            quality=98,
            subsampling=0,
        ),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_reads_every_kind_whatever_the_name_says(kind: str, tmp_path: Path) -> None:
    format, tolerance, save = KINDS[kind]
    path = save(tmp_path / "file.txt")

    info = probe(path)
    picture = decode(path, info)

    assert (info.format, info.width, info.height, info.orientation) == (format, WIDTH, HEIGHT, 1)
    assert picture.alpha is None
    assert worst(picture.pixels, scene()) <= tolerance


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_turns_all_eight_orientations_as_pillow_does(format: str, orientation: int, tmp_path: Path) -> None:
    path = oriented(tmp_path / "turned", orientation, format=format, quality=98)
    with Image.open(path) as source:
        expected = np.asarray(ImageOps.exif_transpose(source))

    info = probe(path)

    assert (info.height, info.width) == expected.shape[:2]
    assert worst(decode(path, info).pixels, expected) <= 3  # two decoders of lossy formats round differently
    assert working_image(path, info).shape == expected.shape


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_phones_heic_is_upright(orientation: int, tmp_path: Path) -> None:
    with Image.open(oriented(tmp_path / "same.png", orientation)) as same:
        upright = ImageOps.exif_transpose(same)
    path = oriented(tmp_path / "phone.heic", orientation, format="HEIF", quality=100, chroma=444)

    info = probe(path)

    assert (info.width, info.height) == upright.size
    assert worst(decode(path, info).pixels, np.asarray(upright)) <= 6


@pytest.mark.parametrize("format", ["PNG", "WEBP", "TIFF", "AVIF"])
def test_alpha_is_read_straight(format: str, tmp_path: Path) -> None:
    path = write(rgba(), tmp_path / "alpha", format=format, lossless=True, exact=True, quality=100)

    info = probe(path)
    picture = decode(path, info)

    assert info.has_alpha
    assert picture.alpha is not None
    tolerance = 8 if format == "AVIF" else 0
    assert worst(picture.alpha, matte()) <= tolerance
    opaque = matte() == 255
    assert worst(picture.pixels[opaque], scene()[opaque]) <= tolerance


def test_an_opaque_alpha_channel_is_none(tmp_path: Path) -> None:
    path = write(image().convert("RGBA"), tmp_path / "opaque.png")
    assert decode(path, probe(path)).alpha is None


@pytest.mark.parametrize(
    ("mode", "with_alpha"), [("1", False), ("L", False), ("LA", True), ("P", False), ("I;16", False)]
)
def test_png_modes_become_rgb(mode: str, with_alpha: bool, tmp_path: Path) -> None:
    grey = rgba().convert("LA")
    if mode == "I;16":
        sixteen = np.asarray(image().convert("L")).astype(np.uint16) * 257
        source, expected = Image.fromarray(sixteen), image().convert("L")
    else:
        source = grey if mode == "LA" else grey.convert("L").convert(mode)
        expected = source.convert("L")
    path = write(source, tmp_path / "grey.png")

    picture = decode(path, probe(path))

    assert worst(picture.pixels, np.asarray(expected)[..., None]) <= 1
    assert (picture.alpha is not None) == with_alpha


def test_the_transparent_colour_of_a_palette_is_alpha(tmp_path: Path) -> None:
    indices = np.zeros((HEIGHT, WIDTH), np.uint8)
    indices[:, WIDTH // 2 :] = 1
    picture = Image.fromarray(indices).convert("P")
    path = write(picture, tmp_path / "sprite.gif", transparency=int(np.asarray(picture)[0, 0]))

    alpha = decode(path, probe(path)).alpha

    assert alpha is not None
    assert (alpha[:, : WIDTH // 2] == 0).all()
    assert (alpha[:, WIDTH // 2 :] == 255).all()


def test_an_rgb_profile_travels_with_full_resolution_and_is_applied_to_the_working_image(
    tmp_path: Path,
) -> None:
    profile = display_p3_like()
    path = write(image(), tmp_path / "profile.png", icc_profile=profile)

    info = probe(path)

    assert info.has_icc
    picture = decode(path, info)
    assert picture.icc == profile
    assert worst(picture.pixels, scene()) == 0
    assert worst(working_image(path, info), scene()) <= 2  # sRGB to sRGB


def test_cmyk_becomes_srgb_and_says_so(tmp_path: Path) -> None:
    path = write(image().convert("CMYK"), tmp_path / "print.jpg", quality=98)

    picture = decode(path, probe(path))

    assert picture.icc is None
    assert picture.notes == ("cmyk_converted",)
    bright, dark = picture.pixels[scene().sum(axis=2) > 450], picture.pixels[scene().sum(axis=2) < 330]
    assert bright.mean() > dark.mean() + 20  # not inverted, as Adobe's files are stored


def test_a_profile_of_another_colour_space_is_dropped_and_said(tmp_path: Path) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    path = write(image(), tmp_path / "odd.png", icc_profile=lab)

    picture = decode(path, probe(path))

    assert picture.icc is None
    assert picture.notes == ("icc_dropped",)
    assert worst(picture.pixels, scene()) == 0


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP", "AVIF", "BMP"])
def test_shrinks_on_load(format: str, tmp_path: Path) -> None:
    large = image(scene(1200, 800))
    path = write(large, tmp_path / "large", format=format, quality=98)

    picture = decode(path, probe(path), max_side=300)

    assert (picture.width, picture.height) == (300, 200)
    assert worst(picture.pixels, np.asarray(large.resize((300, 200), Image.Resampling.BOX))) <= 6


def test_dpi_is_read(tmp_path: Path) -> None:
    path = write(image(), tmp_path / "print.png", dpi=(240, 240))
    info = probe(path)
    assert info.dpi == pytest.approx(240, abs=0.1)
    assert decode(path, info).dpi == info.dpi


def test_the_working_image_shows_a_light_subject_on_grey_and_a_dark_one_on_white(tmp_path: Path) -> None:
    light = np.dstack([np.full_like(scene(), 240), matte()])
    dark = np.dstack([np.full_like(scene(), 30), matte()])
    corners = []
    for name, pixels in (("light", light), ("dark", dark)):
        path = write(image(pixels), tmp_path / f"{name}.png")
        corners.append(working_image(path, probe(path))[0, -1].tolist())
    assert corners == [[128, 128, 128], [255, 255, 255]]


@pytest.mark.parametrize(
    ("size", "side", "expected"),
    [
        ((4000, 3000), 2048, (2048, 1536)),
        ((3000, 4000), 2048, (1536, 2048)),
        ((100, 50), 2048, (100, 50)),
        ((1, 20_000), 2048, (1, 2048)),
        ((20_000, 1), 100, (100, 1)),
        ((10, 10), None, (10, 10)),
    ],
)
def test_fit(size: tuple[int, int], side: int | None, expected: tuple[int, int]) -> None:
    assert fit(*size, side) == expected


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1)])
def test_thin_images(size: tuple[int, int], tmp_path: Path) -> None:
    path = write(image(scene(*size)), tmp_path / "thin.png")
    info = probe(path)
    assert (decode(path, info).width, decode(path, info).height) == size
    width, height = fit(*size, 2048)
    assert working_image(path, info).shape == (height, width, 3)
