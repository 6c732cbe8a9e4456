"""A preview is the same cutout of a smaller ImageSpace."""

from app.engines.preview import scaled_crops


def test_crops_shrink_with_the_picture_and_stay_in_it() -> None:
    crops = [(100, 200, 300, 420), (2900, 1900, 3000, 2001)]
    assert scaled_crops(crops, 1024 / 3000, (1024, 683)) == ((34, 68, 102, 143), (990, 649, 1024, 683))


def test_a_crop_that_nobody_can_see_is_none() -> None:
    assert scaled_crops([(1000, 100, 1032, 200), (0, 0, 6000, 200)], 0.01, (640, 2)) == ((0, 0, 60, 2),)
