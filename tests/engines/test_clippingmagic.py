"""The legacy client against the stand-in: what it waits for, what it gives up on, what it never says."""

import io
import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from app.engines.clippingmagic import ClippingMagicEngine
from app.engines.clippingmagic_http import BACKOFF_S, Account, ClippingMagicApi
from app.engines.errors import (
    LegacyBusy,
    LegacyDenied,
    LegacyImageRefused,
    LegacyResultGone,
    LegacyResultNotReady,
    LegacyUnavailable,
    LegacyUnpaid,
)
from app.errors import AppError
from app.fakes.clippingmagic.server import API_ID, API_SECRET, FakeClippingMagic, running
from app.matting.options import CutoutOptions
from tests.data.photos import CAT, COFFEE

BRIEF = httpx.Timeout(2.0)


@pytest.fixture
def fake() -> Iterator[FakeClippingMagic]:
    with running() as server:
        yield server


EngineAt = Callable[..., ClippingMagicEngine]


@pytest.fixture
def engine_at() -> Iterator[EngineAt]:
    """Of a URL, with other credentials than the stand-in's where they are given."""
    with ExitStack() as opened:

        def make(url: str, secret: str = API_SECRET, test: bool = False) -> ClippingMagicEngine:
            account = Account(url, API_ID, secret, test)
            return ClippingMagicEngine(opened.enter_context(ClippingMagicApi(account, timeout=BRIEF)))

        yield make


@pytest.fixture
def engine(fake: FakeClippingMagic, engine_at: EngineAt) -> ClippingMagicEngine:
    return engine_at(fake.url)


class Waits(list[float]):
    """Sleeps nothing and remembers."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def test_after_429_it_waits_5_10_15_seconds(fake: FakeClippingMagic, engine: ClippingMagicEngine) -> None:
    waits = Waits()
    fake.mood.set({"busy": 3})
    uploaded = engine.upload(CAT.path, waits)
    assert (waits, uploaded.id > 0) == ([5, 10, 15], True)
    waits.clear()
    fake.mood.set({"busy": 4})
    with pytest.raises(LegacyBusy):
        engine.upload(CAT.path, waits)
    assert waits == list(BACKOFF_S)


def test_a_result_that_is_not_ready_is_looked_for_again(
    fake: FakeClippingMagic, engine: ClippingMagicEngine, tmp_path: Path
) -> None:
    uploaded, waits = engine.upload(CAT.path), Waits()
    fake.mood.set({"not_ready": 4, "busy": 1})
    engine.fetch(uploaded.id, tmp_path / "out", waits)
    assert waits == [5, 1, 2, 4, 8]
    fake.mood.set({"not_ready": 5})
    with pytest.raises(LegacyResultNotReady):
        engine.fetch(uploaded.id, tmp_path / "out", Waits())


FAULTS: list[tuple[dict[str, object], type[AppError], bool, bool]] = [
    ({"broken": 1}, LegacyUnavailable, True, False),
    ({"garbage": True}, LegacyUnavailable, True, False),
    ({"slow_s": 3}, LegacyUnavailable, True, False),
    ({"unpaid": True}, LegacyUnpaid, False, True),
    ({"refuse": True}, LegacyImageRefused, False, False),
]


@pytest.mark.parametrize(("fault", "error", "retryable", "reported"), FAULTS)
def test_faults_of_an_upload(
    fake: FakeClippingMagic,
    engine: ClippingMagicEngine,
    fault: dict[str, object],
    error: type[AppError],
    retryable: bool,
    reported: bool,
) -> None:
    fake.mood.set(fault)
    with pytest.raises(error) as raised:
        engine.upload(CAT.path, Waits())
    assert (raised.value.retryable, raised.value.report) == (retryable, reported)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"expired": True}, LegacyResultGone),
        ({"unpaid": True}, LegacyUnpaid),
        ({"broken": 1}, LegacyUnavailable),
        ({"garbage": True}, LegacyUnavailable),
    ],
)
def test_faults_of_a_result(
    fake: FakeClippingMagic,
    engine: ClippingMagicEngine,
    fault: dict[str, object],
    error: type[AppError],
    tmp_path: Path,
) -> None:
    uploaded = engine.upload(CAT.path)
    fake.mood.set(fault)
    with pytest.raises(error):
        engine.fetch(uploaded.id, tmp_path / "out", Waits())


def test_nobody_listens(engine_at: EngineAt) -> None:
    with running() as gone:
        url = gone.url
    with pytest.raises(LegacyUnavailable):
        engine_at(url).upload(CAT.path, Waits())


def test_credentials_are_refused_and_never_said(
    fake: FakeClippingMagic, engine_at: EngineAt, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "s3cret-that-nobody-must-see"
    engine = engine_at(fake.url, secret=secret)
    with pytest.raises(LegacyDenied) as raised:
        engine.upload(CAT.path, Waits())
    shown = f"{raised.value} {raised.value.extra} {engine.account!r} {caplog.text}"
    assert secret not in shown
    assert "Basic " not in shown


def test_a_secret_of_an_image_is_not_in_its_repr(engine: ClippingMagicEngine) -> None:
    uploaded = engine.upload(CAT.path)
    assert uploaded.secret not in repr(uploaded)


@pytest.mark.parametrize(("test", "billed"), [(False, 1), (True, 0)])
def test_test_mode_costs_nothing(
    fake: FakeClippingMagic, engine_at: EngineAt, tmp_path: Path, test: bool, billed: int
) -> None:
    engine = engine_at(fake.url, test=test)
    engine.remove(CAT.path, CutoutOptions(), tmp_path / "out.png")
    assert fake.album.stats() == {"uploads": 1, "downloads": 1, "billed": billed}


def test_formats_that_it_does_not_read_are_sent_as_png_and_upright(
    fake: FakeClippingMagic, engine: ClippingMagicEngine, tmp_path: Path
) -> None:
    turned = tmp_path / "turned.webp"
    with Image.open(COFFEE.path) as photo:
        exif = Image.Exif()
        exif[274] = 6
        photo.save(turned, exif=exif, lossless=True)
        pixels = np.asarray(photo.transpose(Image.Transpose.ROTATE_270))
    kept = fake.album.kept[engine.upload(turned).id]
    with Image.open(io.BytesIO(kept.bytes)) as sent:
        assert (sent.format, sent.size) == ("PNG", (400, 600))
        np.testing.assert_array_equal(np.asarray(sent.convert("RGB")), pixels)


def test_what_it_does_not_do_is_noted(engine: ClippingMagicEngine, tmp_path: Path) -> None:
    options = CutoutOptions(matting="hair", decontaminate=False)
    notes = engine.remove(COFFEE.path, options, tmp_path / "out.png").notes
    assert [note.partition(":")[0] for note in notes] == ["matting", "decontaminate"]


def test_a_result_of_its_own_size_is_noted(engine: ClippingMagicEngine, tmp_path: Path) -> None:
    small = tmp_path / "small.png"
    Image.new("RGBA", (60, 40), (10, 20, 30, 255)).save(small)
    result = engine.finish(COFFEE.path, small, CutoutOptions(), tmp_path / "out.png")
    assert "60 x 40" in result.notes[0]
