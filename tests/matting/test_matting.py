"""Matting on composites whose alpha is known: hair, glass, coloured backdrops, plain edges."""

import numpy as np
import pytest

from app.imaging.sandbox import decode, probe
from app.segmentation.masks import SoftMask
from tests.data.photos import COFFEE
from tests.matting.samples import (
    BLUE,
    GREEN,
    RED,
    Share,
    composite,
    cut,
    disc,
    field,
    matte,
    opinion,
    strands,
)

SIZE = (560, 480)


def near_edge(alpha: Share) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """Where the strands are, and as much of the surroundings."""
    return disc(SIZE, 155) * (1 - disc(SIZE, 110)) > 0.5


@pytest.mark.parametrize("backdrop", [BLUE, GREEN, (235, 235, 235)])
def test_hair_is_found_and_plain_cut_off_without(backdrop: tuple[int, int, int]) -> None:
    alpha = strands(SIZE)
    picture = composite(alpha, field(SIZE, (70, 40, 25)), field(SIZE, backdrop, seed=1))
    mask = opinion(disc(SIZE, 128) > 0.5, SIZE[0], slope=0.15)
    error = {
        mode: float(np.abs(matte(cut(picture, mask, matting=mode)) - alpha)[near_edge(alpha)].mean())
        for mode in ("off", "auto", "hair")
    }
    assert error["hair"] < 0.05
    assert error["auto"] < 0.75 * error["off"]
    assert error["hair"] < 0.3 * error["off"]


def test_glass_is_half_there() -> None:
    alpha = disc(SIZE, 150)
    ring = disc(SIZE, 150) - disc(SIZE, 120)  # the mask's edge; the glass is inside it
    alpha = np.where(ring > 0.5, np.float32(0.45), alpha).astype(np.float32)
    picture = composite(alpha, field(SIZE, (225, 225, 230), 2), field(SIZE, (40, 90, 60), 2, seed=1))
    mask = opinion(disc(SIZE, 135) > 0.5, SIZE[0], slope=0.25)
    found = matte(cut(picture, mask, matting="hair"))
    glass = (disc(SIZE, 145) > 0) & (disc(SIZE, 125) == 0)
    assert 0.3 < found[glass].mean() < 0.6
    assert (found[disc(SIZE, 90) > 0] > 0.99).all()


@pytest.mark.parametrize("mode", ["auto", "off"])
@pytest.mark.parametrize("backdrop", [BLUE, (210, 205, 200)])
def test_a_plain_edge_stays_hard_and_free_of_specks(backdrop: tuple[int, int, int], mode: str) -> None:
    alpha = disc(SIZE, 150)
    picture = composite(alpha, field(SIZE, RED, 8), field(SIZE, backdrop, 8, seed=1))
    found = matte(cut(picture, opinion(alpha > 0.5, SIZE[0]), matting=mode))
    far = (disc(SIZE, 144) > 0) | (disc(SIZE, 156) == 0)
    assert (found[far] == alpha[far]).mean() > 0.999
    assert np.abs(found - alpha)[~far].mean() < 0.06
    soft = np.count_nonzero((found > 0.05) & (found < 0.95))
    assert soft < 2.5 * 2 * np.pi * 150  # pixels of a contour: the edge is two to three wide


@pytest.mark.parametrize("mode", ["auto", "off"])
def test_a_backdrop_of_the_subjects_colours_makes_no_streaks(mode: str) -> None:
    alpha = disc(SIZE, 150)
    stripes = np.where(np.arange(SIZE[0])[None, :, None] // 6 % 2, np.array(RED), np.array(BLUE))
    back = (field(SIZE, (0, 0, 0)) + stripes).astype(np.float32)
    found = matte(cut(composite(alpha, field(SIZE, RED), back), opinion(alpha > 0.5, SIZE[0]), matting=mode))
    outside = disc(SIZE, 157) == 0
    assert found[outside].mean() < 1e-3
    assert (found[disc(SIZE, 143) > 0]).mean() > 0.999


def test_auto_keeps_a_cups_edge() -> None:
    """The photo on which matting once left specks beside a hard edge."""
    picture = decode(COFFEE.path, probe(COFFEE.path))
    mask = opinion(COFFEE.truth, picture.width)
    found = {mode: matte(cut(picture, mask, matting=mode)) for mode in ("auto", "off")}
    inside = {mode: alpha > 0.5 for mode, alpha in found.items()}
    same = (inside["auto"] & inside["off"]).sum() / (inside["auto"] | inside["off"]).sum()
    assert same > 0.985
    truth = COFFEE.truth
    assert (inside["auto"] & truth).sum() / (inside["auto"] | truth).sum() > 0.97


def test_the_report_tells_what_was_done() -> None:
    alpha = strands(SIZE)
    picture = composite(alpha, field(SIZE, (70, 40, 25)), field(SIZE, BLUE, seed=1))
    mask = opinion(disc(SIZE, 128) > 0.5, SIZE[0], slope=0.15)
    hairy, off = cut(picture, mask, matting="auto"), cut(picture, mask, matting="off")
    assert hairy.matting.mode == "auto"
    assert hairy.matting.tiles >= 1
    assert hairy.matting.unknown_pixels > 0
    assert hairy.matting.hair_share > 0.5
    assert (off.matting.mode, off.matting.tiles, off.matting.unknown_pixels) == ("off", 0, 0)


def test_a_tile_without_a_solution_keeps_the_masks_edge_and_says_so() -> None:
    """All of the small picture is unknown: nothing to sample from."""
    size = (20, 16)
    alpha = disc(size, 5)
    mask = SoftMask(np.asarray((alpha - 0.5) * 0.2, np.float32), (1.0, 1.0))
    found = cut(composite(alpha, field(size, RED), field(size, BLUE)), mask, matting="hair")
    assert found.matting.fallback_tiles == 1
    assert any(note.startswith("matting: 1 of 1 tiles") for note in found.notes)
    assert (matte(found)[7:9, 9:11] > 0.5).all()


def test_the_same_input_gives_the_same_bytes() -> None:
    alpha = strands(SIZE)
    picture = composite(alpha, field(SIZE, (70, 40, 25)), field(SIZE, BLUE, seed=1))
    mask = opinion(disc(SIZE, 128) > 0.5, SIZE[0], slope=0.15)
    first, second = (matte(cut(picture, mask, matting="hair")) for _ in range(2))
    np.testing.assert_array_equal(first, second)
