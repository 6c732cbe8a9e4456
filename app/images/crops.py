"""Crops: a part of an image as an image of its own, so that the encoder sees the small as large.

A crop is encoded, decoded and shown like any image; it is listed nowhere, and deleted with the image that it
is a part of. There is one of each box: who asks again, after a reload or an undo, encodes nothing again.
"""

import asyncio
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import uuid_utils

from app.db.pool import Connection, Pool, transaction
from app.errors import Unavailable
from app.images import repository
from app.images.errors import CropInvalid, CropOfCrop, ImageNotFound, TooManyCrops
from app.images.types import MAX_CROPS, Image
from app.imaging.encode import encode
from app.imaging.png import Effort
from app.imaging.sandbox import crop, probe
from app.imaging.types import Box, EncodedFile, Format
from app.storage import keys
from app.storage.base import ObjectStore

MIN_SIDE = 32
"""px, ImageSpace: below it 8 px of the encoder's input show one pixel, and nothing is left to see."""
MAX_PIXELS = 12_000_000
"""Four bytes of each, which no PNG exceeds by 4 %, are a file that is taken (MAX_BYTES)."""

MAX_ALL_PIXELS = 200_000_000
"""Of the crops that one cutout is made finer by: 0.1 s each million on two cores."""


def check_crop(box: Box, image: Image) -> None:
    """Raises CropInvalid, CropOfCrop unless `box` (ImageSpace) may be a crop of the image."""
    if image.crop_of is not None:
        raise CropOfCrop(
            f"the image is a crop itself: crop image {image.crop_of}, which it is a part of",
            image_id=str(image.crop_of),
        )
    check_box(box, image.size)


def check_box(box: Box, size: tuple[int, int]) -> None:
    """Raises CropInvalid unless `box` is a crop's of an image of `size` = (width, height)."""
    (x0, y0, x1, y1), (width, height) = box, size
    if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
        raise CropInvalid(f"the box {list(box)} is not within the image of {width}x{height} px")
    if min(x1 - x0, y1 - y0) < MIN_SIDE:
        raise CropInvalid(f"the box {list(box)} is smaller than {MIN_SIDE} px: choose a larger one")
    if (x1 - x0, y1 - y0) == size:
        raise CropInvalid("the box is the whole image, which shows nothing larger: choose a part")
    if (x1 - x0) * (y1 - y0) > MAX_PIXELS:
        raise CropInvalid(f"the box {list(box)} has more than {MAX_PIXELS:,} pixels: choose a smaller one")


def check_boxes(boxes: Sequence[Box], size: tuple[int, int]) -> tuple[Box, ...]:
    """Each of them once, in its last place: later ones lie over earlier ones. Raises CropInvalid."""
    for box in boxes:
        check_box(box, size)
    once = tuple(dict.fromkeys(reversed(boxes)))[::-1]
    if sum((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in once) > MAX_ALL_PIXELS:
        raise CropInvalid(f"the boxes have more than {MAX_ALL_PIXELS:,} pixels together: leave some out")
    return once


async def standing_crop(conn: Connection, image: Image, box: Box) -> Image | None:
    """The crop that is there. Raises TooManyCrops where there is none, and none can be added."""
    crops = await repository.crops(conn, image.id)
    found = next((each for each in crops if each.box == box), None)
    if found is None and len(crops) >= MAX_CROPS:
        raise TooManyCrops(f"the image has {MAX_CROPS} crops already: delete one that is no longer needed")
    return found


async def add_crop(pool: Pool, store: ObjectStore, image: Image, box: Box) -> tuple[Image, bool]:
    """The crop of `box`, which `check_crop` has passed, and whether it was made here: of two at once one is.

    Raises ImageNotFound where the image is deleted meanwhile, TooManyCrops, StorageUnavailable, and what
    app.imaging raises for a file that cannot be decoded.
    """
    crop_id = UUID(bytes=uuid_utils.uuid7().bytes)
    key = keys.image(image.user_id, crop_id, Format.PNG.value)
    with tempfile.TemporaryDirectory(prefix="cutout-") as folder:
        out = Path(folder) / "crop.png"
        async with store.local(image.storage_key) as original:
            file = await asyncio.to_thread(write_crop, original, box, out)
        try:
            await store.put(key, out, file.content_type)
            standing = await _stand(pool, image, box, _row(crop_id, key, file))
        except BaseException:
            await asyncio.shield(store.delete([key]))
            raise
    if standing.id != crop_id:
        with suppress(Unavailable):  # the crop stands
            await store.delete([key])
    return standing, standing.id == crop_id


async def _stand(pool: Pool, image: Image, box: Box, row: dict[str, object]) -> Image:
    """The crop that was first."""
    async with transaction(pool) as conn:
        if not await repository.lock_image(conn, image.id):
            raise ImageNotFound("no such image")
        standing = await standing_crop(conn, image, box)
        return standing or await repository.insert_crop(conn, row | {"crop_of": image.id, "box": list(box)})


def _row(crop_id: UUID, key: str, file: EncodedFile) -> dict[str, object]:
    return {
        "id": crop_id,
        "storage_key": key,
        "sha256": file.sha256,
        "width": file.width,
        "height": file.height,
        "bytes": file.bytes,
    }


def write_crop(original: Path, box: Box, out: Path) -> EncodedFile:
    """PNG, lossless: the encoder is to see what the photo holds. Raises the errors of app.imaging."""
    return encode(crop(original, probe(original), box), out, Format.PNG, dpi=None, effort=Effort.FAST)
