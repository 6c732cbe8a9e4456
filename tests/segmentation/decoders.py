import numpy as np
from numpy.typing import NDArray

from models.model import Model
from models.sessions.base import DecoderOutput, Embedding, Fit, Prompts


class Overheard:
    """The real decoder, what it was asked and what it answered."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.asked: list[Prompts] = []
        self.said: list[DecoderOutput] = []

    @property
    def fit(self) -> Fit:
        return self._model.fit

    @property
    def dynamic_multimask(self) -> tuple[float, float] | None:
        return self._model.dynamic_multimask

    def decode(self, embedding: Embedding, prompts: Prompts) -> DecoderOutput:
        self.asked.append(prompts)
        self.said.append(self._model.decode(embedding, prompts))
        return self.said[-1]


class Answering:
    """A decoder whose four masks [4, 256, 256] are given, whatever it is asked."""

    fit = Fit.PAD
    dynamic_multimask = None

    def __init__(self, masks: NDArray[np.float32]) -> None:
        self._output = DecoderOutput(masks[None], np.linspace(0.6, 0.9, 4, dtype=np.float32)[None])
        self.asked: list[Prompts] = []

    def decode(self, embedding: Embedding, prompts: Prompts) -> DecoderOutput:
        self.asked.append(prompts)
        return self._output
