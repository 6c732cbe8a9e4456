"""Golden coordinates: `python -m tests.golden.coords` writes coords.json.

Computed in exact fractions, apart from the product's code; Python and the editor are both held to it.
"""

import json
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("coords.json")
WORKING_SIDE, MODEL_SIDE, MASK_STRIDE = 2048, 1024, 4
SIZES = (
    (1, 1),
    (640, 427),
    (512, 512),
    (1024, 683),
    (2048, 1365),
    (2049, 1537),
    (4032, 3024),
    (3024, 4032),
    (4096, 1001),  # 500.5 px at 2048: halves round up
    (3, 4000),
    (12000, 8000),
)
SPOTS = ((0, 0), (1, 1), (Fraction(1, 2), Fraction(1, 2)), (Fraction(1, 3), Fraction(7, 8)))
"""Shares of width and height."""


def fitted(size: tuple[int, int], side: int) -> tuple[int, int]:
    scale = Fraction(side, max(size))
    width, height = (max(1, floor(edge * scale + Fraction(1, 2))) for edge in size)
    return width, height


def case(fit: str, image: tuple[int, int]) -> dict[str, Any]:
    working = fitted(image, WORKING_SIDE) if max(image) > WORKING_SIDE else image
    content = (MODEL_SIDE, MODEL_SIDE) if fit == "stretch" else fitted(working, MODEL_SIDE)
    return {
        "fit": fit,
        "image": image,
        "working": working,
        "content": content,
        "mask_content": [-(-edge // MASK_STRIDE) for edge in content],
        "points": [point(image, working, content, spot) for spot in SPOTS],
    }


def point(
    image: tuple[int, int],
    working: tuple[int, int],
    content: tuple[int, int],
    spot: tuple[Fraction | int, Fraction | int],
) -> dict[str, list[float]]:
    at = [share * edge for share, edge in zip(spot, image, strict=True)]

    def scaled(there: tuple[int, int], over: int = 1) -> list[float]:
        return [float(Fraction(x) * to / here / over) for x, here, to in zip(at, image, there, strict=True)]

    return {
        "image": [float(x) for x in at],
        "working": scaled(working),
        "model": scaled(content),
        "mask": scaled(content, MASK_STRIDE),
    }


def golden() -> dict[str, Any]:
    return {"version": 1, "cases": [case(fit, size) for fit in ("pad", "stretch") for size in SIZES]}


if __name__ == "__main__":
    FILE.write_text(json.dumps(golden(), indent=1) + "\n")
