"""U²-Net-P: which pixels stand out (Qin et al., U²-Net, Pattern Recognition 2020)."""

import numpy as np
from PIL import Image

from models.errors import ModelCorrupt
from models.sessions.base import Float, RgbImage, Session, View

SIDE = 320
MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)
INPUT = "input.1"
OUTPUT = "1959"
"""The fused map; the six others are its parts (the published export's names)."""


class SalientObjects:
    """Thread-safe, as its session is."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def look(self, image: RgbImage, view: View) -> Float:
        """uint8 [h, w, 3] → float32 [320, 320], stretched over the image: 0..1 how salient.

        What a mirrored view says is turned back. Raises ModelCorrupt.
        """
        small = Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        pixels = 255 * (np.asarray(small, np.float32) / 255) ** view.gamma
        # by the brightest value, not by 255: so it was trained (its RescaleT and ToTensorLab)
        planes = ((pixels / max(float(pixels.max()), 1.0) - MEAN) / STD).transpose(2, 0, 1)[None]
        turned = planes[..., ::-1] if view.mirrored else planes
        outputs = self._session.run({INPUT: np.ascontiguousarray(turned)})
        if OUTPUT not in outputs:
            raise ModelCorrupt(f"the prior's graph has no output {OUTPUT}; it has {', '.join(outputs)}")
        found: Float = outputs[OUTPUT][0, 0]
        return found[:, ::-1] if view.mirrored else found
