"""TIFF's many uses: pages, copies, camera raws, odd depths."""

from pathlib import Path
from struct import pack

import numpy as np
import pytest

from app.imaging.decode import decode
from app.imaging.errors import UnsupportedType
from app.imaging.probe import probe
from tests.imaging.samples import image, scene, write


def tiff_fields(path: Path, **fields: int) -> Path:
    """A TIFF whose first directory carries further tags."""
    picture = image()
    tags = {254: fields.get("subfile", 0)}
    if "dng" in fields:
        tags[50_706] = fields["dng"]
    return write(picture, path, format="TIFF", tiffinfo=tags)


@pytest.mark.parametrize("fields", [{"dng": 1}, {"subfile": 1}])
def test_a_camera_raw_is_not_its_thumbnail(fields: dict[str, int], tmp_path: Path) -> None:
    with pytest.raises(UnsupportedType):
        probe(tiff_fields(tmp_path / "raw.tif", **fields))


@pytest.mark.parametrize("subfile", [1, 4])
def test_smaller_copies_and_masks_are_no_further_pages(subfile: int, tmp_path: Path) -> None:
    path = tmp_path / "overviews.tif"
    small = image(scene(30, 20))
    small.encoderinfo = {"tiffinfo": {254: subfile}}
    image().save(path, save_all=True, append_images=[small])
    assert (probe(path).width, probe(path).height) == (60, 40)


def test_a_tiff_of_12_bits_uses_the_whole_range(tmp_path: Path) -> None:
    levels = np.linspace(0, 4095, 16).astype(int).tolist()
    pairs = zip(levels[::2], levels[1::2], strict=True)
    strip = b"".join((left << 12 | right).to_bytes(3, "big") for left, right in pairs)
    fields = {256: 16, 257: 1, 258: 12, 259: 1, 262: 1, 273: 8, 277: 1, 278: 1, 279: len(strip)}
    directory = b"".join(pack("<HHII", tag, 4, 1, value) for tag, value in fields.items())
    path = tmp_path / "scan.tif"
    path.write_bytes(
        b"II*\0" + pack("<I", 8 + len(strip)) + strip + pack("<H", len(fields)) + directory + bytes(4)
    )
    assert decode(path, probe(path)).pixels[0, :, 0].tolist() == [level >> 4 for level in levels]
