"""The way of a photo through the whole product."""

import io
import json
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import binary_dilation

from app.engines.sam2 import Sam2Engine
from app.segmentation.marks import Mark
from app.segmentation.maskio import from_png
from models.model import Model
from tests.data.photos import CAT, COFFEE, iou
from tests.stack import Stack, finished, succeeded

CAT_CLICK = {"kind": "point", "points": [CAT.click]}


def opened(content: bytes) -> Image.Image:
    return Image.open(io.BytesIO(content))


def png(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(array).save(out, "PNG")
    return out.getvalue()


def test_remove_gives_the_subject_at_full_resolution(client: httpx.Client) -> None:
    response = client.post("/api/segment/remove", files={"image": ("my cat.jpg", CAT.path.read_bytes())})
    assert response.headers["location"] == response.json()["urls"]["self"]
    job = succeeded(client, response)
    assert job["kind"] == "remove"
    assert job["progress"] == 1
    assert job["image"]["width"], job["image"]["height"] == (451, 300)
    assert job["result"]["url"] == job["urls"]["result"]

    file = client.get(job["urls"]["result"])
    assert file.headers["content-disposition"].startswith('attachment; filename="my cat-cutout.png"')
    cutout = opened(file.content)
    assert (cutout.mode, cutout.info["dpi"][0]) == ("RGBA", pytest.approx(300, abs=0.1))
    assert cutout.size == (job["result"]["width"], job["result"]["height"])
    x0, y0, x1, y1 = job["result"]["trim_box"]
    alpha = np.zeros(CAT.truth.shape, bool)
    alpha[y0:y1, x0:x1] = np.asarray(cutout)[..., 3] > 127
    assert (alpha & CAT.truth).sum() / (alpha | CAT.truth).sum() > 0.85
    values = np.asarray(cutout)[..., 3]
    assert ((values > 20) & (values < 235)).mean() < 0.1  # an edge is soft, a subject is not


def test_encode_tells_where_embedding_and_proposal_are(client: httpx.Client, stack: Stack) -> None:
    with COFFEE.path.open("rb") as photo:
        job = succeeded(client, client.post("/api/segment/encode", files={"image": photo}))
    result = job["result"]
    embedding = client.get(result["embedding"]["url"])
    assert len(embedding.content) == result["embedding"]["bytes"]
    assert embedding.headers["x-embedding-codec"] == result["embedding"]["codec"]
    assert "immutable" in embedding.headers["cache-control"]
    mask = from_png(client.get(result["auto"]["mask_url"]).content, (600, 400))
    assert iou(mask, COFFEE.truth) > 0.85
    x0, y0, x1, y1 = result["auto"]["box"]
    assert 0 <= x0 < x1 <= 600
    assert 0 <= y0 < y1 <= 400
    assert 0 < result["auto"]["score"] <= 1
    shown = client.get(result["auto"]["mask_url"])
    assert float(shown.headers["x-uncertainty-score"]) == pytest.approx(1 - result["auto"]["score"], abs=1e-3)
    again = client.get(result["embedding"]["url"], headers={"If-None-Match": embedding.headers["etag"]})
    assert again.status_code == 304


def test_encode_without_auto_proposes_nothing(client: httpx.Client) -> None:
    files = {"image": CAT.path.read_bytes()}
    job = succeeded(client, client.post("/api/segment/encode", files=files, data={"auto": "false"}))
    assert job["result"]["auto"] is None
    image = job["image"]["id"]
    for path in (f"/api/images/{image}/auto-mask",):
        assert client.get(path).json()["code"] == "auto_mask_not_found"
    asked = {"image_id": image, "marks": [CAT_CLICK]}
    assert client.post("/api/segment/decode", json=asked).json()["code"] == "auto_mask_not_found"
    assert client.post("/api/segment/decode", json={**asked, "start": "empty"}).status_code == 200


def test_decode_answers_at_once(client: httpx.Client, encoded: str) -> None:
    asked = {"image_id": encoded, "marks": [CAT_CLICK], "start": "empty"}
    mask = client.post("/api/segment/decode", json=asked)
    assert mask.headers["content-type"] == "image/png"
    assert iou(from_png(mask.content, (451, 300)), CAT.truth) > 0.9


def test_apply_with_marks_and_with_their_mask_agree(client: httpx.Client, encoded: str) -> None:
    marks = [CAT_CLICK, {"kind": "stroke", "label": "remove", "points": [[5, 5], [60, 5]], "radius": 4}]
    asked = {"image_id": encoded, "marks": marks, "start": "empty"}
    mask = client.post("/api/segment/decode", json=asked).content
    whole = {"trim": False, "channels": "alpha", "matting": "off"}
    by_marks = succeeded(client, client.post("/api/segment/apply-mask", json={**asked, "options": whole}))
    form = {"image_id": encoded, "marks": json.dumps(marks), "options": json.dumps(whole)}
    files = {"mask": ("mask.png", mask)}
    by_mask = succeeded(client, client.post("/api/segment/apply-mask", data=form, files=files))
    one, other = (
        np.asarray(opened(client.get(job["urls"]["result"]).content)).astype(int)
        for job in (by_marks, by_mask)
    )
    # the mask file has 8 bits at four times the resolution of the decoder's 32-bit logits
    assert ((one > 127) != (other > 127)).mean() < 0.01
    assert not one[2:8, 8:56].any()
    assert not other[2:8, 8:56].any()


def test_marks_are_drawn_over_a_mask_that_is_sent(client: httpx.Client, encoded: str) -> None:
    square = np.zeros((300, 451), np.uint8)
    square[100:200, 50:250] = 255
    files = {"mask": ("mask.png", png(square))}
    plain = client.post("/api/segment/decode", data={"image_id": encoded}, files=files)
    assert iou(from_png(plain.content, (451, 300)), square > 0) > 0.97


def test_a_mask_that_is_sent_is_made_finer_as_the_engine_does_it(
    client: httpx.Client, encoded: str, lite_model: Model
) -> None:
    engine = Sam2Engine(lite_model)
    embedding = engine.unpack(client.get(f"/api/images/{encoded}/embedding").content)
    rough = png(binary_dilation(CAT.truth, iterations=12).astype(np.uint8) * 255)
    start, marks = from_png(rough, (451, 300)), [Mark.model_validate(CAT_CLICK)]
    plain, finer = (
        engine.mask_png(engine.segment(embedding, marks, start, refine=refine), (451, 300))
        for refine in (False, True)
    )
    assert plain != finer
    form = {"image_id": encoded, "marks": json.dumps([CAT_CLICK])}
    for refine, expected in (("false", plain), ("true", finer)):
        files = {"mask": ("mask.png", rough)}
        answer = client.post("/api/segment/decode", data=form | {"refine": refine}, files=files)
        assert answer.content == expected


def test_masks_to_start_from_that_are_refused(client: httpx.Client, encoded: str) -> None:
    wide = {"mask": ("mask.png", png(np.zeros((100, 451), np.uint8)))}
    grey, empty = ({"mask": ("mask.png", content)} for content in (b"grey", b""))
    for files, code in ((wide, "mask_aspect"), (grey, "mask_unreadable"), (empty, "mask_unreadable")):
        answer = client.post("/api/segment/decode", data={"image_id": encoded}, files=files)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
    nothing = {"image_id": encoded, "start": "empty", "refine": True}
    answer = client.post("/api/segment/decode", json=nothing)
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_parameter")


def test_where_a_mask_was_decoded_from_a_crop_it_is_finer(client: httpx.Client, encoded: str) -> None:
    mask = client.post("/api/segment/decode", json={"image_id": encoded}).content
    form = {"image_id": encoded, "options": json.dumps({"matting": "off", "trim": False})}

    def alpha(**more: str) -> np.ndarray:
        files = {"mask": ("mask.png", mask)}
        job = succeeded(client, client.post("/api/segment/apply-mask", data=form | more, files=files))
        return np.asarray(opened(client.get(job["result"]["url"]).content))[..., 3]

    changed = alpha(crops="[[250, 60, 440, 260]]") != alpha()
    assert changed[60:260, 250:440].any()
    changed[60:260, 250:440] = False
    assert not changed.any()


def test_crops_that_are_refused(client: httpx.Client, encoded: str) -> None:
    whole = {"mask": ("mask.png", png(np.full((300, 451), 255, np.uint8)))}
    crop = [0, 0, 40, 40]
    refusals = [
        ([[0, 0, 40, 301]], whole, "crop_invalid"),
        ([[0, 0, 20, 40]], whole, "crop_invalid"),
        ([[0, 0, 40.5, 40]], whole, "bad_parameter"),
        ([crop] * 65, whole, "bad_parameter"),
    ]
    for crops, files, code in refusals:
        form = {"image_id": encoded, "crops": json.dumps(crops)}
        answer = client.post("/api/segment/apply-mask", data=form, files=files)
        assert answer.json()["code"] == code, crops
    alone = client.post("/api/segment/apply-mask", json={"image_id": encoded, "crops": [crop]})
    assert (alone.status_code, alone.json()["code"]) == (422, "bad_parameter")
    assert "mask" in alone.json()["detail"]


def test_a_mask_is_taken_as_it_is(client: httpx.Client, encoded: str) -> None:
    mask = np.zeros((300, 451), np.uint8)
    mask[100:200, 50:250] = 255
    files = {"mask": ("mask.png", png(mask))}
    options = {"matting": "off", "margin": "10", "background": "#ff0000", "format": "jpg", "dpi": 72}
    form = {"image_id": encoded, "options": json.dumps(options)}
    job = succeeded(client, client.post("/api/segment/apply-mask", data=form, files=files))
    assert job["result"]["trim_box"] == [40, 90, 260, 210]
    file = client.get(job["urls"]["result"])
    assert file.headers["content-type"] == "image/jpeg"
    cutout = opened(file.content)
    assert (cutout.size, cutout.info["dpi"]) == ((220, 120), (72, 72))
    red = cutout.getpixel((2, 2))
    assert isinstance(red, tuple)
    assert red[0] > 240
    assert max(red[1:]) < 15


def test_preview_is_small(client: httpx.Client, stack: Stack, tmp_path: Path) -> None:
    large = Image.open(CAT.path).resize((2255, 1500))
    large.save(tmp_path / "large.jpg")
    with (tmp_path / "large.jpg").open("rb") as photo:
        image = succeeded(client, client.post("/api/segment/encode", files={"image": photo}))["image"]["id"]
    asked = {"image_id": image, "preview": True, "options": {"trim": False}}
    job = succeeded(client, client.post("/api/segment/apply-mask", json=asked))
    assert (job["result"]["width"], job["result"]["height"]) == (1024, 681)


def test_prefer_wait_holds_the_answer(client: httpx.Client, encoded: str) -> None:
    response = client.post(
        "/api/segment/apply-mask", json={"image_id": encoded}, headers={"Prefer": "wait=30, respond-async"}
    )
    assert response.status_code == 200
    assert response.headers["preference-applied"] == "wait=30"
    assert response.json()["status"] == "succeeded"


def test_an_image_that_is_here_needs_no_second_upload(client: httpx.Client, encoded: str) -> None:
    job = succeeded(client, client.post("/api/segment/remove", json={"image_id": encoded}))
    assert job["image"]["id"] == encoded


def test_a_broken_worker_input_fails_the_job_alone(client: httpx.Client, encoded: str) -> None:
    empty = {"mask": ("mask.png", png(np.zeros((300, 451), np.uint8)))}
    response = client.post("/api/segment/apply-mask", data={"image_id": encoded}, files=empty)
    job = finished(client, response.json())
    assert (job["status"], job["error"]["code"]) == ("failed", "cutout_empty")
    assert client.get(job["urls"]["result"]).json()["code"] == "no_result"
    assert client.post("/api/segment/decode", json={"image_id": encoded}).status_code == 200
