"""Few points that say much: deep inside a region and far from each other."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from app.segmentation.spaces import Points


def deepest_points(region: NDArray[np.bool_], count: int) -> Points:
    """[≤ count, 2] (x, y) pixel centres in a region [h, w]: the deepest, then what is deep and far from it.

    Depth is the distance to the region's edge and to the array's.
    """
    depth = ndimage.distance_transform_edt(np.pad(region, 1))[1:-1, 1:-1]
    rows, columns = np.ogrid[: region.shape[0], : region.shape[1]]
    points: list[tuple[float, float]] = []
    room = depth
    while len(points) < count and room.max() > 0:
        y, x = np.unravel_index(int(room.argmax()), room.shape)
        points.append((x + 0.5, y + 0.5))
        room = np.minimum(room, np.hypot(columns - x, rows - y) / 2)
    return np.array(points, np.float64).reshape(-1, 2)
