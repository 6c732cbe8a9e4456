"""Golden cases of "what of the decoder's answer a mark takes" in obeying.json, for Python and the editor.

`before` and `after` are unions of discs [cx, cy, radius] of a w x h mask, logit = clip(radius - distance of
the pixel centre, ±10); `at` is a disc of the mark's pixels. `sha256` is of one byte a pixel, 1 inside.
Made again by `python -m tests.golden.obeying`, after a look at what changed.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.segmentation.obey import local_change

FILE = Path(__file__).with_name("obeying.json")
CASES: list[dict[str, Any]] = json.loads(FILE.read_text())["cases"]

Logits = NDArray[np.float32]


def discs(size: list[int], circles: list[list[float]]) -> Logits:
    """float32 [h, w]"""
    ys, xs = np.mgrid[: size[1], : size[0]] + 0.5
    masks = [np.clip(r - np.hypot(xs - cx, ys - cy), -10, 10) for cx, cy, r in circles]
    return np.asarray(np.max(np.stack(masks), axis=0), np.float32)


def inputs(case: dict[str, Any]) -> tuple[Logits, Logits, NDArray[np.bool_]]:
    """before, after, and the pixels of the mark that are wrong."""
    before, after = discs(case["size"], case["before"]), discs(case["size"], case["after"])
    wrong = before <= 0 if case["keep"] else before > 0
    return before, after, (discs(case["size"], [case["at"]]) > 0) & wrong


def digest(mask: NDArray[np.bool_]) -> tuple[int, str]:
    return int(mask.sum()), hashlib.sha256(mask.astype(np.uint8).tobytes()).hexdigest()


def main() -> None:
    for case in CASES:
        before, after, at = inputs(case)
        found = local_change(before, after, at, keep=case["keep"]) > 0
        case["pixels"], case["sha256"] = digest(found)
    FILE.write_text(json.dumps({"version": 1, "cases": CASES}, indent=2) + "\n")


if __name__ == "__main__":
    main()
