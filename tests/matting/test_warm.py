"""After `warm`, no job waits for a compiler."""

import importlib
import pkgutil
from pathlib import Path

import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher
from PIL import Image

import app.matting
from app.imaging.sandbox import decode, probe
from app.matting.options import CutoutOptions
from app.matting.pipeline import make_cutout
from app.matting.warm import warm
from tests.data.photos import COFFEE
from tests.matting.samples import opinion


def compiled() -> dict[str, int]:
    """Versions of every kernel that this process holds."""
    return {
        f"{module.name}.{name}": len(value.signatures)
        for module in pkgutil.iter_modules(app.matting.__path__, "app.matting.")
        for name, value in vars(importlib.import_module(module.name)).items()
        if isinstance(value, Dispatcher)
    }


@pytest.mark.parametrize("matting", ["auto", "off", "hair"])
@pytest.mark.parametrize("width", [600, 1600])
def test_a_job_compiles_nothing(tmp_path: Path, width: int, matting: str) -> None:
    warm()
    before = compiled()
    path = tmp_path / "photo.png"
    with Image.open(COFFEE.path) as photo:
        photo.resize((width, width * 2 // 3)).save(path)
    picture = decode(path, probe(path))
    options = CutoutOptions.model_validate({"matting": matting, "smooth": 4, "offset": -2, "feather": 3})
    make_cutout(picture, opinion(COFFEE.truth, picture.width), (), options)
    assert compiled() == before
    assert np.sum(list(before.values())) > 0
