"""Writes what the browser's parity test needs: `python -m tests.models.browser_case FOLDER`.

decoder.onnx, and cases.json: for each prompt the graph's inputs (shape and file of little-endian float32)
and the file of the logits [4, 256, 256] that Meta's predictor gives for it.
"""

import json
import sys
from pathlib import Path

import numpy as np

from models.export.export import export
from models.export.fake import fake
from models.model import decoder_inputs
from models.registry import Registry
from models.sam2.build import load
from models.sessions.base import Float
from tests.data.photos import ASTRONAUT
from tests.models.predictor import PROMPTS, model_space, predictor, seen_by_meta


def main(folder: Path) -> None:
    registry = Registry(folder / "models")
    name = fake(registry, "sam2.1-hiera-tiny", 0, folder / "fake.pt").name
    registry.pull(name)
    export(registry, name)
    model = registry.open(name, device="cpu")
    sam = load(registry.read(name, "checkpoint"), str(model.manifest.encoder.config), name)
    subject = seen_by_meta(predictor(sam), ASTRONAUT)
    (embedding,) = model.encode([subject.image], [subject.image.shape[1::-1]])

    def saved(file: str, values: Float) -> dict[str, object]:
        np.ascontiguousarray(values, "<f4").tofile(folder / file)
        return {"file": file, "shape": values.shape}

    cases = []
    for index, (prompt, given) in enumerate(PROMPTS.items()):
        inputs = decoder_inputs(embedding, model_space(given, subject.image, subject.previous))
        files = {key: saved(f"{index}.{key}.f32", values) for key, values in inputs.items()}
        logits = saved(f"{index}.f32", subject.reference[prompt])
        cases.append({"prompt": prompt, "inputs": files, "logits": logits})
    (folder / "decoder.onnx").write_bytes(registry.read(name, "decoder"))
    (folder / "cases.json").write_text(json.dumps(cases))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
