"""Few points that say much: deep inside a region and far from each other."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from app.segmentation.spaces import Points


def depth_of(region: NDArray[np.bool_]) -> NDArray[np.float64]:
    """[h, w]: distance of each pixel of a region to the nearest outside it; the array ends where it does."""
    depth = np.zeros(region.shape)
    rows, columns = np.flatnonzero(region.any(axis=1)), np.flatnonzero(region.any(axis=0))
    if len(rows):
        part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        depth[part] = ndimage.distance_transform_edt(np.pad(region[part], 1))[1:-1, 1:-1]
    return depth


def deepest_points(region: NDArray[np.bool_], count: int) -> Points:
    """[≤ count, 2] (x, y) pixel centres in a region [h, w]: the deepest, then deep ones far from it."""
    room = depth_of(region)
    rows, columns = np.ogrid[: region.shape[0], : region.shape[1]]
    points: list[tuple[float, float]] = []
    while room.max() > 0:
        y, x = np.unravel_index(int(room.argmax()), room.shape)
        points.append((x + 0.5, y + 0.5))
        if len(points) == count:
            break
        room = np.minimum(room, np.hypot(columns - x, rows - y) / 2)
    return np.array(points, np.float64).reshape(-1, 2)
