import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from app.matting.upsample import is_binding
from app.segmentation.errors import MaskAspect, MaskUnreadable
from app.segmentation.maskio import check_mask, from_png, mask_png, to_logits, to_values
from app.segmentation.masks import SoftMask
from app.segmentation.spaces import Frame
from models.sessions.base import Fit


def png(values: np.ndarray, mode: str = "L") -> bytes:
    file = io.BytesIO()
    Image.fromarray(values).convert(mode).save(file, "PNG")
    return file.getvalue()


def test_values_are_the_rounded_sigmoid_with_the_edge_at_128() -> None:
    logits = np.array([-100, -1e-6, 0, 1e-6, 1, 100], np.float32)
    assert to_values(logits).tolist() == [0, 127, 128, 128, 186, 255]


def test_every_value_comes_back_and_keeps_its_side() -> None:
    values = np.arange(256, dtype=np.uint8)
    logits = to_logits(values)
    assert to_values(logits).tolist() == values.tolist()
    assert (np.diff(logits) > 0).all()
    assert ((logits > 0) == (values >= 128)).all()


@pytest.mark.parametrize("fit", Fit)
def test_a_mask_written_and_read_lies_where_it_lay(fit: Fit) -> None:
    frame = Frame.of((640, 427), fit)
    xs = (np.arange(256) + 0.5) / frame.mask_scale[0]
    logits = np.broadcast_to((xs - 200) / 10, (256, 256)).astype(np.float32)  # the edge at X = 200
    back = from_png(mask_png(SoftMask(logits, frame.mask_scale), frame), (640, 427))
    assert back.logits.shape == (683, 1024)
    edges = np.argmax(back.logits > 0, axis=1) / back.scale[0]
    np.testing.assert_allclose(edges, 200, atol=1 / back.scale[0])


def test_a_mask_may_have_any_size_of_the_image_s_shape() -> None:
    image = (4000, 3001)
    for size in ((4000, 3001), (400, 300), (40, 30), (1333, 1001), (8000, 6002)):
        assert from_png(png(np.zeros(size[::-1], np.uint8)), image).logits.shape == size[::-1]


def test_a_mask_may_be_asked_for_with_no_more_pixels_than_so_many() -> None:
    values = np.zeros((300, 400), np.uint8)
    values[:, 200:] = 255
    mask = from_png(png(values), (800, 600), 40)
    assert (mask.logits.shape, mask.scale) == ((30, 40), (0.05, 0.05))
    assert ((mask.logits > 0) == (np.arange(40) >= 20)).all()
    assert from_png(png(values), (800, 600), 400).logits.shape == (300, 400)


@pytest.mark.parametrize("decoded", [True, False])
def test_a_file_says_whether_a_decoder_made_it(decoded: bool) -> None:
    frame = Frame.of((640, 427), Fit.PAD)
    logits = np.where(np.arange(256) < 100, 30, -30) * np.ones((256, 1), np.float32)  # looks like a drawing
    back = from_png(mask_png(SoftMask(logits, frame.mask_scale, decoded), frame), (640, 427))
    assert back.decoded is decoded
    assert is_binding(back, (640, 427)) is not decoded


@pytest.mark.parametrize("size", [(300, 400), (400, 303), (400, 100), (405, 300)])
def test_another_shape_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(MaskAspect):
        from_png(png(np.zeros(size[::-1], np.uint8)), (4000, 3000))


def test_a_small_file_of_a_large_mask_is_checked_without_its_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """120 kB may stand for 100 MP; and the shape is known before any pixel."""

    def load(self: object) -> None:
        raise AssertionError(self)

    monkeypatch.setattr(PngImageFile, "load", load)
    data = png(np.zeros((2000, 2000), np.uint8))
    (tmp_path / "mask.png").write_bytes(data)
    check_mask(tmp_path / "mask.png", (100, 100))
    for check in (lambda: check_mask(tmp_path / "mask.png", (100, 80)), lambda: from_png(data, (100, 80))):
        with pytest.raises(MaskAspect):
            check()


def test_what_is_not_a_grey_png_is_refused(tmp_path: Path) -> None:
    grey = np.zeros((30, 40), np.uint8)
    jpeg = io.BytesIO()
    Image.fromarray(grey).save(jpeg, "JPEG")
    for data in (
        b"",
        b"not a mask",
        png(grey)[:-30],
        png(grey)[:33],
        jpeg.getvalue(),
        png(grey, "RGB"),
        png(grey, "LA"),
    ):
        with pytest.raises(MaskUnreadable):
            from_png(data, (40, 30))
        (tmp_path / "mask.png").write_bytes(data)
        with pytest.raises(MaskUnreadable):
            check_mask(tmp_path / "mask.png", (40, 30))
