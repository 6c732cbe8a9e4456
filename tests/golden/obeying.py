"""Golden cases of "what of the decoder's answers a mark takes" in obeying.json, for Python and the editor.

`before`, `after` and each of `answers` are unions of discs [cx, cy, radius] of a w x h mask, logit =
clip(radius - distance of the pixel centre, ±10); `at` is a disc of the mark's pixels. `sha256` is of one byte
a pixel, 1 inside.
Made again by `python -m tests.golden.obeying`, after a look at what changed.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.segmentation.choose import Asked, meant
from app.segmentation.obey import local_change

FILE = Path(__file__).with_name("obeying.json")
GOLDEN = json.loads(FILE.read_text())
CASES: list[dict[str, Any]] = GOLDEN["cases"]
MEANT: list[dict[str, Any]] = GOLDEN["meant"]

Logits = NDArray[np.float32]


def discs(size: list[int], circles: list[list[float]]) -> Logits:
    """float32 [h, w]"""
    ys, xs = np.mgrid[: size[1], : size[0]] + 0.5
    masks = [np.clip(r - np.hypot(xs - cx, ys - cy), -10, 10) for cx, cy, r in circles]
    return np.asarray(np.max(np.stack(masks), axis=0), np.float32)


def inputs(case: dict[str, Any]) -> tuple[Logits, NDArray[np.bool_]]:
    """before, and the pixels of the mark that are wrong."""
    before = discs(case["size"], case["before"])
    wrong = before <= 0 if case["keep"] else before > 0
    return before, (discs(case["size"], [case["at"]]) > 0) & wrong


def taken(case: dict[str, Any]) -> NDArray[np.bool_]:
    """What is taken of the one answer `after`."""
    before, at = inputs(case)
    return local_change(before, discs(case["size"], case["after"]), at, keep=case["keep"]) > 0


def understood(case: dict[str, Any]) -> NDArray[np.bool_]:
    """What is made of four `answers` with their predicted `iou`."""
    before, at = inputs(case)
    answers = np.stack([discs(case["size"], answer) for answer in case["answers"]])
    asked = [Asked(before > 0, at, case["keep"])]
    return meant(answers, np.array(case["iou"], np.float32), before, asked, local=case["local"]) > 0


def digest(mask: NDArray[np.bool_]) -> tuple[int, str]:
    return int(mask.sum()), hashlib.sha256(mask.astype(np.uint8).tobytes()).hexdigest()


def main() -> None:
    for case in CASES:
        case["pixels"], case["sha256"] = digest(taken(case))
    for case in MEANT:
        case["pixels"], case["sha256"] = digest(understood(case))
    FILE.write_text(json.dumps(GOLDEN, indent=2) + "\n")


if __name__ == "__main__":
    main()
