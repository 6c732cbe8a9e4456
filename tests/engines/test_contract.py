"""What every engine does. Another one joins by adding itself to the fixture."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.engines.base import Engine
from app.engines.clippingmagic import ClippingMagicEngine
from app.engines.clippingmagic_http import Account, ClippingMagicApi
from app.engines.names import EngineName
from app.engines.sam2 import Sam2Engine
from app.fakes.clippingmagic.server import API_ID, API_SECRET, running
from app.imaging.errors import NotAnImage
from app.imaging.types import Format
from app.matting.errors import Canceled
from app.matting.options import CutoutOptions
from models.model import Model
from tests.data.photos import COFFEE


@pytest.fixture(scope="module")
def legacy() -> Iterator[ClippingMagicEngine]:
    with running() as fake, ClippingMagicApi(Account(fake.url, API_ID, API_SECRET)) as api:
        yield ClippingMagicEngine(api)


@pytest.fixture(params=list(EngineName))
def engine(request: pytest.FixtureRequest, lite_model: Model, legacy: ClippingMagicEngine) -> Engine:
    engines: dict[EngineName, Engine] = {
        EngineName.SAM2: Sam2Engine(lite_model),
        EngineName.CLIPPINGMAGIC: legacy,
    }
    engine = engines[request.param]
    assert engine.name is request.param
    return engine


def test_an_image_becomes_a_cutout(engine: Engine, tmp_path: Path) -> None:
    seen: list[float] = []
    out = tmp_path / "out.png"
    result = engine.remove(COFFEE.path, CutoutOptions(), out, progress=lambda share, _: seen.append(share))
    with Image.open(out) as file:
        assert file.size == (result.file.width, result.file.height)
        assert file.info["dpi"] == pytest.approx((300, 300), abs=0.1)
        alpha = np.asarray(file.getchannel("A"))
    x0, y0, x1, y1 = result.trim_box
    assert (x1 - x0, y1 - y0) == (result.file.width, result.file.height)
    assert 0 <= x0 < x1 <= 600 and 0 <= y0 < y1 <= 400
    assert alpha.max() == 255
    assert result.file.sha256 == hashlib.sha256(out.read_bytes()).hexdigest()
    assert seen[-1] == 1


def test_options_mean_the_same(engine: Engine, tmp_path: Path) -> None:
    out = tmp_path / "out.jpg"
    options = CutoutOptions(background="#00ff00", canvas="300x300", margin="10px", format=Format.JPG)
    result = engine.remove(COFFEE.path, options, out)
    assert (result.file.width, result.file.height, result.format) == (300, 300, "jpg")
    with Image.open(out) as file:
        red, green, blue = file.getpixel((1, 1))  # type: ignore[misc]
    assert (red < 30, green > 225, blue < 30) == (True, True, True)


def test_a_canceled_job_stops(engine: Engine, tmp_path: Path) -> None:
    def cancel(share: float, _step: str) -> None:
        raise Canceled("canceled")

    with pytest.raises(Canceled):
        engine.remove(COFFEE.path, CutoutOptions(), tmp_path / "out.png", progress=cancel)
    assert not list(tmp_path.iterdir())


def test_what_is_no_image_is_refused(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no image")
    with pytest.raises(NotAnImage):
        engine.remove(tmp_path / "notes.txt", CutoutOptions(), tmp_path / "out.png")
