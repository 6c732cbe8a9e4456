import io
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from PIL import Image

from app.segmentation.codec import unpack
from tests.data.photos import CAT
from tests.stack import Stack, finished, succeeded


def test_metadata(client: httpx.Client, encoded: str) -> None:
    image = client.get(f"/api/images/{encoded}").json()
    assert (image["width"], image["height"], image["format"], image["filename"]) == (
        451,
        300,
        "jpeg",
        "cat.jpg",
    )
    assert image["bytes"] == CAT.path.stat().st_size
    for name in ("working", "embedding", "auto_mask"):
        assert client.get(image["urls"][name]).status_code == 200


def test_the_working_image_is_upright_and_at_most_2048(client: httpx.Client, tmp_path: Path) -> None:
    photo = Image.new("RGB", (3000, 1500), "teal")
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: 90° clockwise
    photo.save(tmp_path / "upright.jpg", exif=exif)
    job = client.post("/api/segment/encode", files={"image": (tmp_path / "upright.jpg").read_bytes()}).json()
    assert (job["image"]["width"], job["image"]["height"]) == (1500, 3000)
    working = client.get(f"/api/images/{job['image']['id']}/working")
    assert working.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(working.content)).size == (1024, 2048)
    finished(client, job)


def test_a_name_that_no_database_takes_is_mended(client: httpx.Client) -> None:
    head = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a\0b.jpg"\r\n\r\n'
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    body = head + CAT.path.read_bytes() + b"\r\n--x--\r\n"
    made = client.post("/api/images", content=body, headers=form)
    assert (made.status_code, made.json()["filename"]) == (201, "ab.jpg")


def test_lists_are_paged(client: httpx.Client) -> None:
    jobs = [
        client.post("/api/segment/encode", files={"image": CAT.path.read_bytes()}).json() for _ in range(3)
    ]
    first = client.get("/api/images", params={"limit": 2}).json()
    second = client.get("/api/images", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    ids = [item["id"] for item in first["items"] + second["items"]]
    assert ids[:3] == [job["image"]["id"] for job in reversed(jobs)]
    for job in jobs:
        finished(client, job)


def test_delete_takes_everything_along(client: httpx.Client, stack: Stack) -> None:
    job = succeeded(client, client.post("/api/segment/remove", files={"image": CAT.path.read_bytes()}))
    here = f"/api/images/{job['image']['id']}"
    assert list(stack.settings.storage_dir.rglob(f"*{job['image']['id']}*/*"))
    assert client.delete(here).status_code == 204
    assert client.delete(here).json()["code"] == "image_not_found"
    for path in (here, f"{here}/working", f"{here}/embedding", f"{here}/auto-mask"):
        assert client.get(path).json()["code"] == "image_not_found"
    assert client.get(job["urls"]["result"]).status_code == 404
    left: dict[str, Any] = client.get(job["urls"]["self"]).json()
    assert (left["status"], left["result"]["url"]) == ("succeeded", None)
    assert not list(stack.settings.storage_dir.rglob(f"*{job['image']['id']}*"))


def test_the_embedding_comes_small_and_on_request_whole(client: httpx.Client, encoded: str) -> None:
    here = f"/api/images/{encoded}/embedding"
    small, whole = client.get(here), client.get(here, params={"precision": "fp16"})
    for answer, name in ((small, "kl1"), (whole, "fp16")):
        assert answer.headers["x-embedding-codec"] == name
        assert json.loads(answer.content[12:].split(b'"tensors"')[0].rstrip(b",") + b"}")["codec"] == name
        assert len(answer.content) == int(answer.headers["content-length"])
    assert len(small.content) < 200_000 < len(whole.content)
    assert unpack(whole.content).image_size == (451, 300)
    assert small.headers["etag"] != whole.headers["etag"]
    part = client.get(here, params={"precision": "fp16"}, headers={"Range": "bytes=4-11"})
    assert (part.status_code, part.content) == (206, whole.content[4:12])
    unknown = client.get(here, params={"precision": "fp64"})
    assert (unknown.status_code, unknown.json()["code"]) == (422, "bad_parameter")


def test_not_encoded_is_another_answer_than_not_there(client: httpx.Client, encoded: str) -> None:
    missing = client.get(f"/api/images/{uuid4()}/embedding")
    assert (missing.status_code, missing.json()["code"]) == (404, "image_not_found")
    other = client.get(f"/api/images/{encoded}/embedding", params={"model": "sam2.1-hiera-tiny"})
    assert (other.status_code, other.json()["code"]) == (404, "embedding_not_found")
    unknown = client.get(f"/api/images/{encoded}/embedding", params={"model": "nope"})
    assert (unknown.status_code, unknown.json()["code"]) == (422, "model_unknown")


def test_a_picture_is_stored_without_being_encoded_and_lies_under_a_cutout(
    client: httpx.Client, encoded: str
) -> None:
    ground = io.BytesIO()
    Image.new("RGB", (640, 480), (10, 120, 240)).save(ground, "PNG")
    answer = client.post("/api/images", files={"image": ("sea.png", ground.getvalue())})
    assert answer.status_code == 201
    picture = answer.json()
    assert answer.headers["location"] == picture["urls"]["self"]
    assert picture["filename"] == "sea.png"
    assert client.get(picture["urls"]["embedding"]).status_code == 404
    options = {"background": picture["id"], "trim": False}
    job = succeeded(
        client, client.post("/api/segment/apply-mask", json={"image_id": encoded, "options": options})
    )
    cutout = Image.open(io.BytesIO(client.get(job["result"]["url"]).content)).convert("RGB")
    assert cutout.getpixel((2, 2)) == (10, 120, 240)


def test_storing_takes_an_image_and_nothing_else(client: httpx.Client, encoded: str) -> None:
    for body, status in (({"image_id": encoded}, 400), ({"model": "lite"}, 400), ({}, 422)):
        assert client.post("/api/images", json=body).status_code == status
    answer = client.post("/api/images", files={"image": ("notes.txt", b"hello")})
    assert (answer.status_code, answer.json()["code"]) == (422, "not_an_image")


def test_a_crop_is_an_image_that_lives_and_goes_with_its_own(client: httpx.Client) -> None:
    photo = client.post("/api/images", files={"image": CAT.path.read_bytes()}).json()
    assert (photo["crop_of"], photo["box"]) == (None, None)
    ask = f"{photo['urls']['self']}/crops"
    made = client.post(ask, json={"box": [100, 40, 300, 200]})
    crop = made.json()
    assert (made.status_code, made.headers["location"]) == (201, crop["urls"]["self"])
    assert (crop["crop_of"], crop["box"]) == (photo["id"], [100, 40, 300, 200])
    assert (crop["width"], crop["height"], crop["format"], crop["filename"]) == (200, 160, "png", None)
    again = client.post(ask, json={"box": [100, 40, 300, 200]})
    assert (again.status_code, again.json()) == (200, crop)

    encoded = succeeded(
        client, client.post("/api/segment/encode", json={"image_id": crop["id"], "auto": False})
    )
    assert (encoded["credits"], encoded["result"]["auto"]) == (0, None)
    assert unpack(client.get(crop["urls"]["embedding"] + "?precision=fp16").content).image_size == (200, 160)
    assert Image.open(io.BytesIO(client.get(crop["urls"]["working"]).content)).size == (200, 160)
    marks = [{"kind": "point", "label": "keep", "points": [[100, 80]]}]
    asked = {"image_id": crop["id"], "marks": marks, "start": "empty"}
    mask = client.post("/api/segment/decode", json=asked)
    assert Image.open(io.BytesIO(mask.content)).size == (1024, 819)
    form, files = {"image_id": crop["id"], "refine": "true"}, {"mask": ("mask.png", mask.content)}
    finer = client.post("/api/segment/decode", data=form, files=files)
    assert finer.status_code == 200  # though nobody looked for a subject there

    assert crop["id"] not in {item["id"] for item in client.get("/api/images").json()["items"]}
    assert client.delete(photo["urls"]["self"]).status_code == 204
    for path in crop["urls"].values():
        assert client.get(path).json()["code"] == "image_not_found"
    assert client.post(ask, json={"box": [0, 0, 50, 50]}).json()["code"] == "image_not_found"


def test_crops_that_are_refused(client: httpx.Client, encoded: str) -> None:
    ask = f"/api/images/{encoded}/crops"
    crop = client.post(ask, json={"box": [0, 0, 40, 40]}).json()
    refusals: list[tuple[str, dict[str, Any], int, str]] = [
        (ask, {"box": [0, 0, 452, 40]}, 422, "crop_invalid"),
        (ask, {"box": [0, 0, 451, 300]}, 422, "crop_invalid"),
        (ask, {"box": [0, 0, 40.5, 40]}, 422, "bad_parameter"),
        (ask, {"box": [0, 0, 40]}, 422, "bad_parameter"),
        (ask, {}, 422, "bad_parameter"),
        (ask, {"box": [0, 0, 40, 40], "auto": True}, 400, "unknown_parameter"),
        (f"{crop['urls']['self']}/crops", {"box": [0, 0, 35, 35]}, 422, "crop_of_crop"),
        (f"/api/images/{uuid4()}/crops", {"box": [0, 0, 40, 40]}, 404, "image_not_found"),
    ]
    for path, body, status, code in refusals:
        answer = client.post(path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), body
    assert client.delete(crop["urls"]["self"]).status_code == 204
