"""Step `decontaminate`: no halo. The edge keeps the subject's colour; what was removed is gone from the
file."""

from dataclasses import replace

import numpy as np

from app.imaging.types import Box
from app.matting.foreground import CELL, Layers, coarse_layers, foreground
from app.matting.jit import kernel
from app.matting.threads import on_all_cores, strips
from app.matting.tiles import area, edge_tiles, grown, inner
from app.matting.types import Draft, Matte, Pixels, Request

CONTEXT = 2 * CELL  # px around a tile: what FINE_TURNS on each level can carry
TILE = 256


def decontaminate(request: Request, draft: Draft) -> Draft:
    """Colours of the band by foreground.py unless the option is off; colours under alpha 0 are black either
    way."""
    if not request.options.decontaminate:
        return replace(draft, pixels=hidden_removed(draft.pixels, draft.matte))
    mixture = draft.matte if draft.mixture is None else draft.mixture
    return replace(draft, pixels=cleaned(draft.pixels, draft.matte, mixture))


def hidden_removed(pixels: Pixels, matte: Matte) -> Pixels:
    """A copy without the colours that nobody shall see: smaller files, and no way back to the background."""
    out = np.empty_like(pixels)

    def copy(rows: tuple[int, int]) -> None:
        _shown(pixels, matte, rows[0], rows[1], out)

    on_all_cores(copy, strips(pixels.shape[0]))
    return out


@kernel
def _shown(pixels, matte, start, end, out):  # type: ignore[no-untyped-def]
    for y in range(start, end):
        for x in range(matte.shape[1]):
            share = np.uint8(matte[y, x] > 0)
            for c in range(3):
                out[y, x, c] = pixels[y, x, c] * share


def cleaned(pixels: Pixels, matte: Matte, mixture: Matte) -> Pixels:
    """Colours for `matte`; `mixture` is how the photo mixes: before feather, roi and its own alpha."""
    out = hidden_removed(pixels, matte)
    tiles = edge_tiles(mixture, 0, TILE)
    if not tiles:
        return out
    layers = coarse_layers(pixels, mixture)

    def clean(box: Box) -> None:
        window = grown(box, CONTEXT, matte.shape)
        rows = slice(window[1] // CELL, -(-window[3] // CELL))
        columns = slice(window[0] // CELL, -(-window[2] // CELL))
        part = Layers(layers.front[rows, columns], layers.back[rows, columns])
        colours, band = foreground(pixels[area(window)], mixture[area(window)], part)
        place = inner(box, window)
        np.copyto(out[area(box)], colours[place], where=band[place][:, :, None] > 0)

    on_all_cores(clean, tiles)
    return out
