"""Golden cases of whole replays in replays.json, for Python and the editor: marks in, prompts and mask out.

The decoder is scripted: `answers` are, for each decode, its four masks as unions of discs [cx, cy, radius]
of MaskSpace (logit = clip(radius - distance of the pixel centre, ±10)) and their predicted `iou`; `start` is
such a union, or null. Marks are ImageSpace, as the API takes them. `refine`: the start is made finer first.
What comes out: `asked`, each prompt's points in ModelSpace with their labels and whether logits were fed, and
the `pixels` and `sha256` of the mask, one byte a pixel of MaskSpace, 1 inside.
Made again by `python -m tests.golden.replays`, after a look at what changed.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from app.segmentation.decode import replay
from app.segmentation.marks import Mark
from app.segmentation.masks import SoftMask
from app.segmentation.refine import refined
from app.segmentation.spaces import MASK_SIDE, Frame
from models.sessions.base import DecoderOutput, Embedding, Fit, Prompts
from tests.golden.obeying import Logits, digest, discs

FILE = Path(__file__).with_name("replays.json")
CASES: list[dict[str, Any]] = json.loads(FILE.read_text())["cases"]


class Scripted:
    def __init__(self, case: dict[str, Any]) -> None:
        self._answers = iter(case["answers"])
        self.fit = Fit(case["fit"])
        dynamic = case["dynamic"]
        self.dynamic_multimask: tuple[float, float] | None = dynamic and (dynamic[0], dynamic[1])
        self.asked: list[dict[str, Any]] = []

    def decode(self, embedding: Embedding, prompts: Prompts) -> DecoderOutput:
        points = np.round(prompts.coords[0].astype(np.float64), 3).tolist()
        asked = {
            "points": points,
            "labels": prompts.labels[0].tolist(),
            "fed": prompts.mask_input is not None,
        }
        self.asked.append(asked)
        answer = next(self._answers)
        logits = np.stack([square(circles) for circles in answer["masks"]])
        return DecoderOutput(logits[None], np.array([answer["iou"]], np.float32))


def square(circles: list[list[float]]) -> Logits:
    """float32 [256, 256]"""
    return discs([MASK_SIDE, MASK_SIDE], circles)


def replayed(case: dict[str, Any]) -> dict[str, Any]:
    """`asked`, `pixels` and `sha256`."""
    width, height = case["image"]
    decoder, embedding = Scripted(case), Embedding("scripted", "1", (width, height), {})
    scale = Frame.of((width, height), decoder.fit).mask_scale
    start = None if case["start"] is None else SoftMask(square(case["start"]), scale)
    if case.get("refine") and start is not None:
        start = refined(decoder, embedding, start)
    marks = [Mark.model_validate(mark) for mark in case["marks"]]
    pixels, sha256 = digest(replay(decoder, embedding, marks, start).logits > 0)
    return {"asked": decoder.asked, "pixels": pixels, "sha256": sha256}


def main() -> None:
    for case in CASES:
        case.update(replayed(case))
    text = json.dumps({"version": 1, "cases": CASES}, indent=1)
    FILE.write_text(text + "\n")


if __name__ == "__main__":
    main()
