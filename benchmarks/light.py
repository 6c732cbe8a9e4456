"""A soft edge on a new backdrop: mixed on the stored values, or in linear light?

    python -m benchmarks.light

A subject with hair is drawn four times as large on its old backdrop and made smaller in linear light, as a
lens does. Its matte and colours are found by our pipeline, laid over a new backdrop in both ways and compared
with the subject drawn on that backdrop. Mean absolute difference in levels over the edge.
"""

from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from app.matting.background import over
from tests.matting.samples import Colour, composite, cut, disc, opinion, strands

SIZE, FINER = (560, 480), 4
SUBJECTS: dict[str, Colour] = {"dark": (45, 30, 22), "red": (190, 50, 40), "light": (225, 205, 170)}
OLD: dict[str, Colour] = {"grey": (200, 200, 200), "blue": (40, 90, 170), "green": (30, 160, 60)}
NEW: dict[str, Colour] = {"white": (255, 255, 255), "black": (0, 0, 0), "orange": (240, 150, 40)}

Image = NDArray[np.float32]


def main() -> None:
    print(
        f"{'subject, old backdrop':24}" + "".join(f"{name + ' ' + way:>15}" for name in NEW for way in WAYS)
    )
    rows = []
    for (subject, colour), (old, backdrop) in product(SUBJECTS.items(), OLD.items()):
        rows.append(measured(colour, backdrop))
        print(f"{subject + ', ' + old:24}" + "".join(f"{value:15.2f}" for value in rows[-1]), flush=True)
    mean = np.mean(rows, axis=0)
    print(f"{'mean':24}" + "".join(f"{value:15.2f}" for value in mean))
    print(f"all: stored {mean[0::2].mean():.2f}, linear {mean[1::2].mean():.2f} levels")


def linear(stored: Image) -> Image:
    """sRGB (IEC 61966-2-1), 0..255 to 0..1."""
    value = stored / np.float32(255)
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


def stored(light: Image) -> Image:
    value = np.where(light <= 0.0031308, light * 12.92, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055)
    return np.asarray(value * 255, np.float32)


def mixed_stored(front: Image, alpha: Image, back: Image) -> Image:
    pixels = front.astype(np.uint8)
    return over(pixels, alpha.astype(np.uint8), np.broadcast_to(back.astype(np.uint8), pixels.shape)).astype(
        np.float32
    )


def mixed_linear(front: Image, alpha: Image, back: Image) -> Image:
    share = alpha[:, :, None] / np.float32(255)
    return stored(share * linear(front) + (1 - share) * linear(back))


WAYS = {"stored": mixed_stored, "linear": mixed_linear}


def measured(subject: Colour, old: Colour) -> list[float]:
    photo = seen(subject, old)
    mask = opinion(disc(SIZE, 128) > 0.5, SIZE[0], slope=0.15)
    picture = composite(np.ones(SIZE[::-1], np.float32), photo, photo)
    result = cut(picture, mask, matting="hair").picture
    assert result.alpha is not None
    edge = binary_dilation((result.alpha > 0) & (result.alpha < 255), iterations=2)
    front, alpha = result.pixels.astype(np.float32), result.alpha.astype(np.float32)
    return [
        float(np.abs(mix(front, alpha, np.array(new, np.float32)) - seen(subject, new))[edge].mean())
        for new in NEW.values()
        for mix in WAYS.values()
    ]


@cache
def coverage() -> Image:
    """Flat colours mix in linear light by area, so the area is all that has to be drawn large."""
    drawn = strands((SIZE[0] * FINER, SIZE[1] * FINER))
    return np.asarray(drawn.reshape(SIZE[1], FINER, SIZE[0], FINER).mean(axis=(1, 3)), np.float32)


def seen(subject: Colour, backdrop: Colour) -> Image:
    """The subject before `backdrop`, through a lens."""
    share = coverage()[:, :, None]
    small = share * linear(np.array(subject, np.float32)) + (1 - share) * linear(
        np.array(backdrop, np.float32)
    )
    noise = np.random.default_rng(0).normal(0, 2, (*small.shape[:2], 1))
    return np.clip(stored(small) + noise, 0, 255).astype(np.float32)


if __name__ == "__main__":
    main()
