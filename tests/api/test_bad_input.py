"""Everything that issue A lists as bad input: a coded problem, nothing half-written, the service still up."""

import io
import json
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.data.photos import CAT
from tests.stack import Stack


def png(size: tuple[int, int], mode: str = "L") -> bytes:
    out = io.BytesIO()
    Image.new(mode, size).save(out, "PNG")
    return out.getvalue()


def gif() -> bytes:
    out = io.BytesIO()
    frames = [Image.fromarray(np.full((8, 8), value, np.uint8)) for value in (0, 128, 255)]
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    return out.getvalue()


def refused(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a problem document that is complete."""
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert problem["title"]
    assert problem["detail"]
    return answer.status_code, problem["code"]


@pytest.fixture(autouse=True)
def _nothing_half_written(client: httpx.Client, stack: Stack) -> Iterator[None]:
    images = client.get("/api/images").json()
    jobs = client.get("/api/jobs").json()
    yield
    assert client.get("/api/images").json() == images
    assert [job["id"] for job in client.get("/api/jobs").json()["items"]] == [
        job["id"] for job in jobs["items"]
    ]
    assert list((stack.settings.data_dir / "uploads").iterdir()) == []
    assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize("call", ["encode", "remove"])
@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"hello, I am a text", (422, "not_an_image")),
        (b"", (400, "empty_file")),
        (b"%PDF-1.7\n%\xe2\xe3", (415, "unsupported_type")),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', (415, "unsupported_type")),
        (gif(), (422, "animated")),
        (png((20_000, 5_001), "1"), (413, "too_many_pixels")),
    ],
    ids=["text", "empty", "pdf", "svg", "animated", "100MP"],
)
def test_files(client: httpx.Client, call: str, content: bytes, expected: tuple[int, str]) -> None:
    answer = client.post(f"/api/segment/{call}", files={"image": ("photo.jpg", content)})
    assert refused(answer) == expected


def test_a_full_disk_is_said_so_and_passes(client: httpx.Client) -> None:
    photo = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (1600, 1600), np.uint8)
    Image.fromarray(noise).save(photo, "PNG")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, limits[1]))  # of this process, where the API is
    try:
        answer = client.post("/api/segment/encode", files={"image": photo.getvalue()})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert refused(answer) == (503, "storage_unavailable")
    assert int(answer.headers["retry-after"]) > 0


def test_a_file_over_the_limit_is_refused_before_it_is_sent(client: httpx.Client, tmp_path: Path) -> None:
    large = tmp_path / "large.jpg"
    with large.open("wb") as file:
        file.truncate(60_000_000)
    with large.open("rb") as file:
        answer = client.post("/api/segment/encode", files={"image": file})
    assert refused(answer) == (413, "too_large_bytes")


def test_a_file_over_the_limit_is_refused_without_a_length_too(client: httpx.Client) -> None:
    def chunks() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
        for _ in range(51):
            yield bytes(1_000_000)
        yield b"\r\n--x--\r\n"

    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = client.post("/api/segment/encode", content=chunks(), headers=headers)
    assert refused(answer) == (413, "too_large_bytes")


@pytest.mark.parametrize("url", ["http://10.0.0.1/x.jpg", "https://169.254.169.254/", "file:///etc/passwd"])
@pytest.mark.parametrize("name", ["image_url", "webhook_url"])
@pytest.mark.parametrize("call", ["encode", "remove"])
def test_a_private_url_is_refused(client: httpx.Client, call: str, name: str, url: str) -> None:
    image = {} if name == "image_url" else {"image_id": str(uuid4())}
    answer = client.post(f"/api/segment/{call}", json={**image, name: url})
    assert refused(answer) == (422, "url_refused")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"sise": "2"}, (400, "unknown_parameter")),
        ({"model": "nope"}, (422, "model_unknown")),
        ({"model": "sam2.1-hiera-small"}, (503, "model_missing")),
        ({"options": "{"}, (400, "malformed_body")),
        ({"options": "[1]"}, (422, "bad_parameter")),
        ({"options": json.dumps({"fether": 1})}, (400, "unknown_parameter")),
        ({"options": json.dumps({"feather": 101})}, (422, "bad_parameter")),
        ({"options": json.dumps({"feather": None})}, (422, "bad_parameter")),
        ({"options": json.dumps({"margin": "-1"})}, (422, "bad_parameter")),
        ({"image_id": str(uuid4())}, (422, "bad_parameter")),
    ],
)
def test_parameters(client: httpx.Client, data: dict[str, str], expected: tuple[int, str]) -> None:
    answer = client.post("/api/segment/remove", files={"image": CAT.path.read_bytes()}, data=data)
    assert refused(answer) == expected


def test_no_file_at_all(client: httpx.Client) -> None:
    assert refused(client.post("/api/segment/remove", json={})) == (422, "bad_parameter")
    assert refused(client.post("/api/segment/remove")) == (415, "unsupported_body")
    assert refused(client.post("/api/segment/remove", data={"model": "lite"})) == (415, "unsupported_body")
    assert refused(client.post("/api/segment/remove", content=b"[", headers=_JSON)) == (400, "malformed_body")
    assert refused(client.post("/api/segment/remove", content=b"[]", headers=_JSON)) == (
        400,
        "malformed_body",
    )


@pytest.mark.parametrize("call", ["apply-mask", "decode"])
@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ([{"kind": "point", "points": [[1000, 10]]}], (422, "mark_outside_image")),
        ([{"kind": "point", "points": [[-5, 10]]}], (422, "mark_outside_image")),
        ([{"kind": "box", "points": [[0, 0]]}], (422, "bad_parameter")),
        ([{"kind": "lasso", "points": [[0, 0]]}], (422, "bad_parameter")),
        ([{"kind": "point", "points": [["NaN", 0]]}], (422, "bad_parameter")),
        ([{"kind": "point", "points": [[1, 1]], "colour": "red"}], (400, "unknown_parameter")),
        ("all", (422, "bad_parameter")),
    ],
)
def test_marks(client: httpx.Client, encoded: str, call: str, marks: Any, expected: tuple[int, str]) -> None:
    assert (
        refused(client.post(f"/api/segment/{call}", json={"image_id": encoded, "marks": marks})) == expected
    )


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (png((451, 200)), (422, "mask_aspect")),
        (png((451, 300), "RGB"), (422, "mask_unreadable")),
        (png((451, 300))[:60], (422, "mask_unreadable")),
        (b"mask", (422, "mask_unreadable")),
        (b"", (422, "mask_unreadable")),
    ],
)
def test_masks(client: httpx.Client, encoded: str, mask: bytes, expected: tuple[int, str]) -> None:
    files = {"mask": ("mask.png", mask)}
    answer = client.post("/api/segment/apply-mask", data={"image_id": encoded}, files=files)
    assert refused(answer) == expected


def test_unknown_image(client: httpx.Client) -> None:
    for call in ("apply-mask", "decode", "encode", "remove"):
        answer = client.post(f"/api/segment/{call}", json={"image_id": str(uuid4())})
        assert refused(answer) == (404, "image_not_found")
    assert refused(client.get("/api/images/nope")) == (404, "not_found")


def test_paths_and_methods(client: httpx.Client) -> None:
    assert refused(client.get("/nope")) == (404, "not_found")
    wrong = client.get("/api/segment/remove")
    assert refused(wrong) == (405, "method_not_allowed")
    assert wrong.headers["allow"] == "POST"
    put = client.put(f"/api/images/{uuid4()}")
    assert refused(put) == (405, "method_not_allowed")
    assert set(put.headers["allow"].split(", ")) >= {"GET", "DELETE"}


_JSON = {"Content-Type": "application/json"}
