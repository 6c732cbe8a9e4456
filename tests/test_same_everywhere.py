"""One photo and its marks over HTTP, on the command line and by a direct call: one mask, one file."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from app.engines.sam2 import Sam2Engine
from app.matting.options import CutoutOptions
from app.segmentation.marks import Mark
from models.model import Model
from tests.data.photos import COFFEE
from tests.stack import Stack, succeeded

X, Y = COFFEE.click
MARKS = [
    {"kind": "point", "points": [[X, Y]]},
    {"kind": "point", "label": "remove", "points": [[15, 15]]},
]
FLAGS = [f"--point={X},{Y}", "--point=15,15,remove"]


@pytest.mark.parametrize("start", ["auto", "empty"])
def test_a_cutout_by_marks(stack: Stack, lite_model: Model, tmp_path: Path, start: str) -> None:
    engine = Sam2Engine(lite_model)
    encoded = engine.encode(COFFEE.path)
    proposal = encoded.proposal.mask if encoded.proposal and start == "auto" else None
    marks = [Mark.model_validate(mark) for mark in MARKS]
    mask = engine.segment(encoded.embedding, marks, proposal)
    engine.cutout(COFFEE.path, mask, marks, CutoutOptions(), tmp_path / "direct.png")
    direct = (tmp_path / "direct.png").read_bytes()

    with stack.client() as client:
        asked = {"image_id": _encoded(client), "marks": MARKS, "start": start}
        decoded = client.post("/api/segment/decode", json=asked)
        assert decoded.content == engine.mask_png(mask, (600, 400))
        job = succeeded(client, client.post("/api/segment/apply-mask", json=asked))
        assert client.get(job["urls"]["result"]).content == direct

    command = [sys.executable, "-m", "app.cli", "remove", str(COFFEE.path), "-o", str(tmp_path / "cli.png")]
    environment = {"CUTOUT_MODELS_DIR": str(stack.settings.models_dir), "CUTOUT_MODEL": "lite"}
    subprocess.run([*command, *FLAGS, f"--start={start}"], check=True, env=environment, capture_output=True)
    assert (tmp_path / "cli.png").read_bytes() == direct


def _encoded(client: httpx.Client) -> str:
    with COFFEE.path.open("rb") as photo:
        job = succeeded(client, client.post("/api/segment/encode", files={"image": photo}))
    image_id: str = job["image"]["id"]
    return image_id
