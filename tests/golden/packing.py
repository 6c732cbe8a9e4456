"""Golden vectors of the small form: `python -m tests.golden.packing` writes packing/.

Python and the editor are both held to it. A basis of 8 channels and three embeddings of 8 x 8 cells, wide,
tall and square, with values from nothing to far outside the usual, so that every branch of the range coder
is taken; expected.json holds what they unpack to.
"""

import json
from pathlib import Path

import numpy as np

from app.segmentation.basis import Area, Basis, TensorBasis
from app.segmentation.codec import Codec
from models.sessions.base import Embedding, Fit

FOLDER = Path(__file__).with_name("packing")
CHANNELS, SIDE = 8, 8
SIZES = {"wide": (640, 427), "tall": (300, 800), "square": (500, 500)}


def basis() -> Basis:
    random = np.random.default_rng(7)
    inverse = np.linalg.qr(random.normal(size=(CHANNELS, CHANNELS)))[0].astype(np.float16).astype(np.float32)
    predictor = np.rint(random.normal(90, 60, (CHANNELS, 4))).astype(np.int32)
    spreads = [400_000, 150_000, 60_000, 20_000, 9_000, 4_000, 1_000, 100]

    def area(by: int) -> Area:
        mean = random.normal(size=CHANNELS).astype(np.float32)
        return Area(mean, np.array([spread // by for spread in spreads], np.int32))

    tensor = TensorBasis("image_embed", inverse, predictor, area(1), area(5))
    return Basis("golden", "golden", "1", 15_000, 60_000, (tensor,))


def embeddings() -> dict[str, Embedding]:
    random = np.random.default_rng(11)
    (tensor,) = basis().tensors
    sizes = np.maximum(tensor.image.spread, 1)[:, None] / 1e6
    found = {}
    for name, size in SIZES.items():
        coefficients = random.laplace(size=(CHANNELS, SIDE * SIDE)) * sizes
        coefficients[2, 5] = 40.0  # far outside: the escape code
        coefficients[6] = 0.0  # a plane without anything
        values = (tensor.inverse.T @ coefficients + tensor.image.mean[:, None]).astype(np.float32)
        tensors = {"image_embed": values.reshape(1, CHANNELS, SIDE, SIDE)}
        found[name] = Embedding("golden", "1", size, tensors)
    return found


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    packing = Codec(basis(), Fit.PAD)
    (FOLDER / "basis.bin").write_bytes(basis().to_bytes())
    expected = {}
    for name, embedding in embeddings().items():
        packed = packing.pack(embedding)
        (FOLDER / f"{name}.bin").write_bytes(packed)
        values = packing.unpack(packed).tensors["image_embed"]
        expected[name] = [round(float(value), 6) for value in values.ravel()]
    (FOLDER / "expected.json").write_text(json.dumps(expected) + "\n")


if __name__ == "__main__":
    main()
