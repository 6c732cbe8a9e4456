"""Golden cases of "which of the four masks answers" in choices.json, for Python and the editor.

Masks are discs [cx, cy, radius, slope] in MaskSpace: logit = slope · (radius - distance of the pixel centre),
clipped to ±10. Clicks [x, y, keep] and box are ImageSpace.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.segmentation.prompts import Clicks
from app.segmentation.spaces import ImagePoints

CASES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("choices.json").read_text())["cases"]


def clicks(case: dict[str, Any]) -> Clicks:
    points = np.array([click[:2] for click in case["clicks"]], np.float64).reshape(-1, 2)
    box = case["box"]
    keep = tuple(bool(click[2]) for click in case["clicks"])
    asked = None if box is None else (box[0], box[1], box[2], box[3])
    return Clicks(ImagePoints(points), keep, asked, case.get("scale", 0))


def logits(discs: list[list[float]]) -> NDArray[np.float32]:
    """float32 [n, 256, 256]"""
    ys, xs = np.mgrid[:256, :256] + 0.5
    masks = [np.clip(k * (r - np.hypot(xs - cx, ys - cy)), -10, 10) for cx, cy, r, k in discs]
    return np.stack(masks).astype(np.float32)
