"""Callers of remove.bg, against the real service."""

import base64
import io
import zipfile
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import removebg.removebg
from PIL import Image

from tests.data.photos import CAT
from tests.stack import Stack

PHOTO = CAT.path.read_bytes()
URL = "/v1.0/removebg"


def picture(response: httpx.Response) -> Image.Image:
    assert response.status_code == 200, response.text
    return Image.open(io.BytesIO(response.content))


def refusal(response: httpx.Response) -> tuple[int, str]:
    (error,) = response.json()["errors"]
    assert set(error) == {"title", "code", "detail"}
    return response.status_code, error["code"]


def overlap(shown: Image.Image) -> float:
    """IoU of the cutout's alpha with the reference."""
    truth = np.asarray(Image.fromarray(CAT.truth).resize(shown.size))
    alpha = np.asarray(shown.getchannel("A")) > 127
    return float((alpha & truth).sum() / (alpha | truth).sum())


def test_a_file_comes_back_without_its_background(client: httpx.Client) -> None:
    answer = client.post(URL, files={"image_file": ("cat.jpg", PHOTO)}, data={"size": "full"})
    shown = picture(answer)
    with Image.open(CAT.path) as photo:
        assert shown.size == photo.size
    assert (shown.format, shown.mode) == ("PNG", "RGBA")
    assert overlap(shown) > 0.9
    headers = answer.headers
    assert (headers["X-Width"], headers["X-Height"]) == tuple(map(str, shown.size))
    assert headers["X-Type"] == "other"
    assert headers["X-Credits-Charged"] == "0.5"
    assert 0 <= float(headers["X-Uncertainty-Score"]) <= 1
    left, top, right, bottom = shown.getchannel("A").point(lambda a: 255 * (a >= 8)).getbbox() or (0, 0, 0, 0)
    box = [int(headers[f"X-Foreground-{name}"]) for name in ("Left", "Top", "Width", "Height")]
    assert box == [left, top, right - left, bottom - top]


def test_the_preview_is_a_quarter_of_a_megapixel_and_json_carries_it(client: httpx.Client) -> None:
    body = {"image_file_b64": base64.b64encode(PHOTO).decode(), "bg_color": "81d4fa"}
    answer = client.post(URL, json=body, headers={"Accept": "application/json"})
    assert answer.status_code == 200, answer.text
    data = answer.json()["data"]
    shown = Image.open(io.BytesIO(base64.b64decode(data["result_b64"])))
    assert shown.format == "JPEG"
    assert shown.width * shown.height <= 250_000
    corner = shown.convert("RGB").getpixel((0, 0))
    assert np.abs(np.array(corner) - (0x81, 0xD4, 0xFA)).max() < 8
    assert data["foreground_width"] == int(answer.headers["X-Foreground-Width"])


def test_a_zip_holds_colour_and_alpha(client: httpx.Client) -> None:
    body = {
        "image_file_b64": base64.b64encode(PHOTO).decode(),
        "format": "zip",
        "crop": "true",
        "crop_margin": "5px",
    }
    answer = client.post(URL, data=body)
    assert answer.headers["Content-Type"] == "application/zip", answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert sorted(archive.namelist()) == ["alpha.png", "color.jpg"]
        alpha = np.asarray(Image.open(archive.open("alpha.png")))
    assert (alpha[:5] == 0).all()
    assert (alpha[:, -5:] == 0).all()
    assert alpha[:, 6:-6].max() == 255


def test_the_subject_is_placed_on_the_images_own_canvas(client: httpx.Client) -> None:
    wanted = {"scale": "50%", "position": "0% 100%", "channels": "alpha", "size": "full"}
    answer = client.post(URL, files={"image_file": ("cat.jpg", PHOTO)}, data=wanted)
    shown = picture(answer)
    left, top, right, bottom = shown.point(lambda a: 255 * (a >= 8)).getbbox() or (0, 0, 0, 0)
    assert shown.mode == "L"
    assert left <= 2
    assert bottom >= shown.height - 2
    assert max((right - left) / shown.width, (bottom - top) / shown.height) == pytest.approx(0.5, abs=0.02)


def test_a_picture_as_background(client: httpx.Client) -> None:
    beach = io.BytesIO()
    Image.new("RGB", (64, 48), (10, 200, 90)).save(beach, "PNG")
    files = {"image_file": ("cat.jpg", PHOTO), "bg_image_file": ("beach.png", beach.getvalue())}
    shown = picture(client.post(URL, files=files))
    assert np.abs(np.array(shown.convert("RGB").getpixel((0, 0))) - (10, 200, 90)).max() < 8


def test_their_client_runs_unchanged(
    stack: Stack, api_key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removebg.removebg, "API_ENDPOINT", f"{stack.url}{URL}")
    theirs = removebg.RemoveBg(api_key, str(tmp_path / "errors.log"))
    photo = tmp_path / "cat.jpg"
    photo.write_bytes(PHOTO)
    theirs.remove_background_from_img_file(str(photo), bg_color="ff0000")
    theirs.remove_background_from_base64_img(
        base64.b64encode(PHOTO), size="auto", new_file_name=str(tmp_path / "b64.png")
    )
    with Image.open(f"{photo}_no_bg.png") as red, Image.open(tmp_path / "b64.png") as clear:
        assert np.asarray(red.convert("RGB"))[0, 0, 0] > 240
        assert overlap(clear) > 0.9


@pytest.mark.parametrize(
    ("files", "data", "told"),
    [
        ({}, {}, (400, "missing_source")),
        ({"image_file": b""}, {}, (400, "missing_source")),
        ({"image_file": PHOTO}, {"image_url": "https://example.com/a.jpg"}, (400, "multiple_sources")),
        ({}, {"image_url": "http://127.0.0.1/a.jpg"}, (400, "failed_image_download")),
        ({}, {"image_file_b64": "%%%"}, (400, "invalid_image_file_b64")),
        ({"image_file": b"<svg xmlns='http://www.w3.org/2000/svg'/>"}, {}, (400, "invalid_file_type")),
        ({"image_file": b"no picture at all"}, {}, (400, "failed_to_read_image")),
        ({"image_file": PHOTO[:5000]}, {}, (400, "failed_to_read_image")),
        ({"image_file": PHOTO}, {"roi": "0px 0px 9000px 10px"}, (400, "invalid_roi")),
        ({"image_file": PHOTO}, {"shadow_type": "drop"}, (400, "invalid_shadow_type")),
        (
            {"image_file": PHOTO},
            {"bg_color": "fff", "bg_image_url": "https://example.com/b.jpg"},
            (400, "multiple_sources"),
        ),
        ({"image_file": PHOTO}, {"colour": "fff"}, (400, "unknown_parameter")),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_said_in_their_words_and_costs_nothing(
    client: httpx.Client, files: dict[str, bytes], data: dict[str, str], told: tuple[int, str]
) -> None:
    before = spent(client)
    parts: Any = {name: ("photo.jpg" if content else "", content) for name, content in files.items()}
    answer = client.post(URL, files=parts, data=data) if parts else client.post(URL, data=data)
    assert refusal(answer) == told
    assert spent(client) == before


def test_a_region_without_a_subject(client: httpx.Client) -> None:
    before = spent(client)
    answer = client.post(URL, files={"image_file": PHOTO}, data={"roi": "0px 0px 9px 9px"})
    assert refusal(answer) == (400, "unknown_foreground")
    assert spent(client) == before


def test_a_picture_of_one_colour(client: httpx.Client) -> None:
    grey, before = io.BytesIO(), spent(client)
    Image.new("RGB", (64, 48), "grey").save(grey, "PNG")
    answer = client.post(URL, files={"image_file": grey.getvalue()})
    assert refusal(answer) == (400, "unknown_foreground")
    assert spent(client) == before


def test_a_wrong_key(stack: Stack) -> None:
    with stack.client() as client:
        assert refusal(client.get("/v1.0/account", headers={"X-Api-Key": "INSERT_YOUR_API_KEY"})) == (
            403,
            "auth_failed",
        )


def test_the_account(client: httpx.Client) -> None:
    attributes = client.get("/v1.0/account").json()["data"]["attributes"]
    assert set(attributes["credits"]) == {"total", "subscription", "payg", "enterprise"}
    assert attributes["api"]["sizes"] == "all"


def spent(client: httpx.Client) -> float:
    value: float = client.get("/api/account").json()["credits"]["spent"]
    return value
