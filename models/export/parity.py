"""Does an exported graph compute what its source computes? Asked with prompts of every kind."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from models.errors import ParityFailed
from models.sessions.base import Float, Tensors

TOLERANCE = 1e-3
"""Largest |difference| of logits allowed, in standard deviations of the reference's logits (issue D)."""

Run = Callable[[Tensors], Mapping[str, Float]]


@dataclass(frozen=True, slots=True)
class Parity:
    """How far two decoders are apart on one prompt."""

    prompt: str
    error: float
    """max |Δlogit| / standard deviation of the reference's logits."""
    disagreeing: int
    """Pixels with another sign although the reference's |logit| exceeds the tolerance."""


def compare(prompt: str, reference: Float, logits: Float, tolerance: float = TOLERANCE) -> Parity:
    """Logits of any equal shape, float32."""
    limit = tolerance * float(reference.std())
    difference = np.abs(reference - logits)
    flipped = (reference > 0) != (logits > 0)
    return Parity(
        prompt,
        float(difference.max()) / float(reference.std()),
        int((flipped & (np.abs(reference) > limit)).sum()),
    )


def equal(results: list[Parity], tolerance: float = TOLERANCE) -> bool:
    return all(one.error <= tolerance and one.disagreeing == 0 for one in results)


def check(results: list[Parity], tolerance: float = TOLERANCE) -> None:
    """Raises ParityFailed, naming the worst prompt."""
    if not equal(results, tolerance):
        worst = max(results, key=lambda one: one.error)
        raise ParityFailed(
            f"the exported decoder is {worst.error:.1e} standard deviations off ({worst.prompt}); "
            f"{tolerance:.0e} is allowed"
        )


def decoder_parity(embedding: Tensors, source: Run, exported: Run) -> list[Parity]:
    """Both decoders on the same inputs: one click, three, a box, a previous mask, several prompts at once."""
    previous = np.clip(source(dict(embedding) | _prompt([(500, 400, 1)]))["logits"][:, :1], -32, 32)
    results = []
    for name, inputs in _prompts(previous):
        given = dict(embedding) | inputs
        results.append(compare(name, source(given)["logits"], exported(given)["logits"]))
    return results


def _prompts(previous: Float) -> Iterator[tuple[str, dict[str, Float]]]:
    clicks = [(300.0, 420.0, 1), (520.0, 610.0, 1), (90.0, 880.0, 0)]
    yield "1 click", _prompt(clicks[:1])
    yield "3 clicks", _prompt(clicks)
    yield "box", _prompt([(180, 200, 2), (840, 790, 3)])
    yield "previous mask", _prompt(clicks[:2], previous)
    several = [_prompt([(x, y, 1)]) for x, y in ((200, 200), (512, 512), (800, 300))]
    names = ("point_coords", "point_labels")
    yield (
        "3 prompts at once",
        several[0] | {name: np.concatenate([one[name] for one in several]) for name in names},
    )


def _prompt(points: list[tuple[float, float, int]], mask: Float | None = None) -> dict[str, Float]:
    """ModelSpace points with their labels, then the one pad."""
    padded = np.array([[*points, (0, 0, -1)]], np.float32)
    return {
        "point_coords": padded[:, :, :2],
        "point_labels": padded[:, :, 2],
        "mask_input": np.zeros((1, 1, 256, 256), np.float32) if mask is None else mask,
        "has_mask_input": np.array([mask is not None], np.float32),
    }
