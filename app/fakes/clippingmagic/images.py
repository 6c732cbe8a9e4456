"""What the stand-in keeps, and what it takes for a subject: whatever differs from the picture's border."""

import io
import secrets
import threading
import time
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

_NEAR, _FAR = 24.0, 64.0
"""Colour distance from the border at which alpha begins, and is whole."""


class Unreadable(ValueError):
    pass


@dataclass(slots=True)
class Kept:
    id: int
    secret: str
    bytes: bytes
    test: bool
    downloads: int = 0


@dataclass(slots=True)
class Album:
    """Thread-safe."""

    kept: dict[int, Kept] = field(default_factory=dict)
    first: int = field(default_factory=lambda: time.time_ns() // 1_000_000)
    """Ids go up from here: a database that was kept knows those of an earlier stand-in."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, content: bytes, *, test: bool) -> Kept:
        """Raises Unreadable."""
        try:
            with Image.open(io.BytesIO(content)) as image:
                image.load()
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise Unreadable from error
        with self.lock:
            kept = Kept(self.first + len(self.kept), secrets.token_hex(8), content, test)
            self.kept[kept.id] = kept
        return kept

    def result(self, image_id: int) -> bytes | None:
        """PNG with alpha; None: no such image."""
        kept = self.kept.get(image_id)
        if kept is None:
            return None
        with self.lock:
            kept.downloads += 1
        return cut_out(kept.bytes)

    def stats(self) -> dict[str, int]:
        """`billed`: images fetched at least once that are no tests."""
        kept = list(self.kept.values())
        return {
            "uploads": len(kept),
            "downloads": sum(one.downloads for one in kept),
            "billed": sum(one.downloads > 0 and not one.test for one in kept),
        }


def cut_out(content: bytes) -> bytes:
    with Image.open(io.BytesIO(content)) as image:
        pixels = np.asarray(image.convert("RGB")).astype(np.float32)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    distance = np.linalg.norm(pixels - np.median(border, axis=0), axis=2)
    alpha = np.clip((distance - _NEAR) / (_FAR - _NEAR), 0, 1) * 255
    height, width = alpha.shape
    # the middle always is subject: an image of one colour has a result too
    alpha[height // 3 : height - height // 3, width // 3 : width - width // 3] = 255
    rgba = np.dstack([pixels, alpha]).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(rgba).save(out, "PNG", compress_level=1)
    return out.getvalue()
