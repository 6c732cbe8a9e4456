"""Reference masks of the photos, drawn by hand: `python -m tests.data.draw` renders masks/.

polygons.json holds what was outlined by eye, in the photo's own pixels: unions of polygons [[x, y], …] and
ellipses [cx, cy, rx, ry]. No model had a part in it.
"""

import json
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw

HERE = Path(__file__).parent
SUPERSAMPLING = 4


def draw(shapes: dict[str, Any], size: tuple[int, int]) -> Image.Image:
    """8-bit grey, 255 inside, 0 outside, of `size` (width, height)."""
    width, height = size
    canvas = Image.new("L", (width * SUPERSAMPLING, height * SUPERSAMPLING))
    pen = ImageDraw.Draw(canvas)
    for polygon in shapes["polygons"]:
        pen.polygon([(x * SUPERSAMPLING, y * SUPERSAMPLING) for x, y in polygon], fill=255)
    for cx, cy, rx, ry in shapes.get("ellipses", []):
        box = (cx - rx, cy - ry, cx + rx, cy + ry)
        pen.ellipse([edge * SUPERSAMPLING for edge in box], fill=255)
    return canvas.resize(size, Image.Resampling.BOX).point(lambda value: 255 if value >= 128 else 0)


def main() -> None:
    for name, shapes in json.loads((HERE / "polygons.json").read_text()).items():
        with Image.open(HERE / "photos" / f"{name}.jpg") as photo:
            draw(shapes, photo.size).save(HERE / "masks" / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
