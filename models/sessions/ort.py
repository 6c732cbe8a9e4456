"""onnxruntime: one graph, its weights, its threads."""

from collections.abc import Sequence

import numpy as np

from models.errors import ModelCorrupt
from models.manifest import Manifest
from models.preprocess import encoder_input
from models.sessions.base import Float, RgbImage, Tensors

CPU = "CPUExecutionProvider"


class OrtSession:
    """A `Session`. Thread-safe: InferenceSession.run may be called from several threads at once."""

    def __init__(
        self, graph: bytes, name: str, *, threads: int | None = None, providers: Sequence[str] = (CPU,)
    ) -> None:
        """`threads` None: onnxruntime's choice, the physical cores. A provider that is not there is left out
        and said in `notes`. Raises ModelCorrupt."""
        import onnxruntime as ort  # noqa: PLC0415 - 30 MB: most jobs of a mask worker bring their mask

        here = [one for one in providers if one in ort.get_available_providers()] or [CPU]
        options = ort.SessionOptions()
        options.log_severity_level = 3  # errors; a person gets them as exceptions
        # waiting threads sleep, others share the cores: with 10 busy processes on 2 of them `lite` encodes in
        # 5.4 s and 1.5 s of CPU; spinning in 6.9 s and 2.1 s
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if threads is not None:
            options.intra_op_num_threads = threads
        try:
            self._session = ort.InferenceSession(graph, options, providers=here)
        except Exception as error:  # onnxruntime's own exceptions share no public base
            raise ModelCorrupt(f"{name}: onnxruntime cannot load it: {error}") from error
        missing = [one for one in providers if one not in self._session.get_providers()]
        self.notes = tuple(f"encoder on CPU: {one} is not available here" for one in missing)
        self.outputs = tuple(output.name for output in self._session.get_outputs())

    def run(self, inputs: Tensors) -> dict[str, Float]:
        values = self._session.run(None, dict(inputs))
        return {name: np.asarray(value, np.float32) for name, value in zip(self.outputs, values, strict=True)}


class OrtEncoder:
    """An `ImageEncoder` over one graph, an image a run: on CPU a batch of two takes twice the time."""

    max_batch = 1

    def __init__(self, manifest: Manifest, session: OrtSession) -> None:
        self.notes = session.notes
        self._manifest = manifest
        self._session = session

    def warmup(self) -> None:
        self.encode([np.zeros((64, 64, 3), np.uint8)])

    def encode(self, images: Sequence[RgbImage]) -> list[Tensors]:
        return [self._tensors(encoder_input(image, self._manifest)) for image in images]

    def _tensors(self, planes: Float) -> dict[str, Float]:
        spec = self._manifest.encoder
        outputs = self._session.run({spec.input: planes})
        names = (tensor.name for tensor in self._manifest.tensors)
        return {name: outputs[output] for name, output in zip(names, spec.outputs, strict=True)}
