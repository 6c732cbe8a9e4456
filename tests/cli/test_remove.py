import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.matting.options import CutoutOptions
from models.registry import SHIPPED, Registry
from tests.cli.conftest import Run
from tests.data.photos import CAT, COFFEE


def picture(path: Path) -> Image.Image:
    with Image.open(path) as image:
        image.load()
        return image


def test_a_cutout_beside_its_photo(run: Run, tmp_path: Path) -> None:
    photo = tmp_path / "cat.jpg"
    photo.write_bytes(CAT.path.read_bytes())
    code, out, err = run("remove", photo)
    assert (code, err) == (0, "")
    assert out.startswith(f"{tmp_path}/cat-cutout.png: ")
    cutout = picture(tmp_path / "cat-cutout.png")
    assert (cutout.mode, cutout.info["dpi"][0]) == ("RGBA", pytest.approx(300, abs=0.1))


def test_several_photos_into_a_directory(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("remove", CAT.path, COFFEE.path, "-o", tmp_path)
    assert code == 0
    assert len(out.splitlines()) == 2
    assert {path.name for path in tmp_path.iterdir()} == {"cat-cutout.png", "coffee-cutout.png"}


def test_marks_say_what_the_subject_is(run: Run, tmp_path: Path) -> None:
    x, y = COFFEE.click
    marked = [f"--point={x},{y}", "--point=10,10,remove", "--box=20,5,560,390", "--start=empty"]
    assert run("remove", COFFEE.path, "-o", tmp_path / "cup.png", *marked, "--no-trim")[0] == 0
    alpha = np.asarray(picture(tmp_path / "cup.png"))[..., 3] > 127
    assert (alpha & COFFEE.truth).sum() / (alpha | COFFEE.truth).sum() > 0.85


def test_every_option_is_a_flag(run: Run, tmp_path: Path) -> None:
    code, text, _ = run("remove", "--help")
    assert code == 0
    for name, field in CutoutOptions.model_fields.items():
        assert f"--{name.replace('_', '-')}" in text
        assert (f"--no-{name.replace('_', '-')}"[:12] in text) == (field.annotation is bool)


def test_flags_reach_the_file(run: Run, tmp_path: Path) -> None:
    flags = ["--margin=5", "--background=#00ff00", "--max-side=100", "--dpi=72", "--matting=off"]
    assert run("remove", CAT.path, "-o", tmp_path / "cat.jpg", *flags)[0] == 0
    cutout = picture(tmp_path / "cat.jpg")
    assert (cutout.format, max(cutout.size), cutout.info["dpi"]) == ("JPEG", 100, (72, 72))
    red, green, blue = cutout.getpixel((0, 0))  # type: ignore[misc]
    assert green > 240 > 15 > max(red, blue)


def test_the_ending_of_the_output_asks_for_its_format(run: Run, tmp_path: Path) -> None:
    assert run("remove", CAT.path, "-o", tmp_path / "cat.webp")[0] == 0
    assert picture(tmp_path / "cat.webp").format == "WEBP"
    assert run("remove", CAT.path, "-o", tmp_path / "cat.zip")[0] == 0
    with zipfile.ZipFile(tmp_path / "cat.zip") as both:
        assert len(both.namelist()) == 2
    for arguments in (["cat.webp", "--format=png"], ["cat.tiff"]):
        code, _, err = run("remove", CAT.path, "-o", tmp_path / arguments[0], *arguments[1:])
        assert (code, "[bad_option]" in err) == (2, True)


def png_of(size: tuple[int, int]) -> bytes:
    out = io.BytesIO()
    Image.new("1", size).save(out, "PNG")
    return out.getvalue()


def test_bad_files(run: Run, tmp_path: Path) -> None:
    contents = {
        "not_an_image": b"no image",
        "empty_file": b"",
        "truncated": CAT.path.read_bytes()[:9000],
        "unsupported_type": b"%PDF-1.7\n",
        "too_many_pixels": png_of((20_000, 5_001)),
    }
    bad = {code: tmp_path / f"{code}.jpg" for code in contents}
    for code, path in bad.items():
        path.write_bytes(contents[code])
    status, out, err = run("remove", *bad.values(), CAT.path, "-o", tmp_path)
    assert status == 2
    for line, (code, path) in zip(err.splitlines(), bad.items(), strict=True):
        assert line.startswith(f"cutout: {path}: ")
        assert line.endswith(f"[{code}]")
    assert out.startswith(f"{tmp_path}/cat-cutout.png")
    assert {path.name for path in tmp_path.iterdir()} == {*(p.name for p in bad.values()), "cat-cutout.png"}


@pytest.mark.parametrize(
    ("arguments", "exit_code", "code"),
    [
        (["none.jpg"], 2, "no_such_photo"),
        ([CAT.path, "--model=nope"], 4, "model_unknown"),
        ([CAT.path, "--model=sam2.1-hiera-small"], 4, "model_missing"),
        ([CAT.path, "--feather=101"], 2, "bad_option"),
        ([CAT.path, "--matting=magic"], 2, "bad_option"),
        ([CAT.path, "--roi=1,2,3"], 2, "bad_option"),
        ([CAT.path, "--margin=wide"], 2, "bad_option"),
        ([CAT.path, "--background=00000000-0000-7000-8000-000000000001"], 2, "bad_option"),
        ([CAT.path, "--point=1"], 2, "bad_option"),
        ([CAT.path, "--point=1,2,maybe"], 2, "bad_option"),
        ([CAT.path, "--point=1,nan"], 2, "bad_option"),
        ([CAT.path, "--box=1,2,3"], 2, "bad_option"),
        ([CAT.path, "--box=1,2,3,4,5"], 2, "bad_option"),
        ([CAT.path, "--point=5000,5"], 2, "mark_outside_image"),
        ([CAT.path, COFFEE.path, "-o", "one.png"], 2, "bad_option"),
    ],
)
def test_bad_arguments(run: Run, tmp_path: Path, arguments: list[object], exit_code: int, code: str) -> None:
    status, _, err = run("remove", "-o", tmp_path, *arguments)
    assert (status, err.splitlines()[-1].endswith(f"[{code}]"), len(err.splitlines())) == (
        exit_code,
        True,
        1,
    ), err
    assert list(tmp_path.iterdir()) == []


def test_the_photo_is_never_overwritten(run: Run, tmp_path: Path) -> None:
    photo = tmp_path / "cat.jpg"
    photo.write_bytes(CAT.path.read_bytes())
    assert run("remove", photo, "-o", photo, "--format=jpg")[0] == 2
    assert photo.read_bytes() == CAT.path.read_bytes()


def test_corrupt_weights(
    run: Run, tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Registry(tmp_path / "models")
    (other.root / "files").mkdir(parents=True)
    for file in registry.manifest("lite").files:
        if not file.source.startswith(SHIPPED):
            other.file(file.sha256).write_bytes(registry.file(file.sha256).read_bytes())
    encoder = registry.manifest("lite").file("encoder")
    assert encoder is not None
    with other.file(encoder.sha256).open("r+b") as weights:
        weights.seek(1000)
        weights.write(b"\0\0\0\0corrupt")
    monkeypatch.setenv("CUTOUT_MODELS_DIR", str(other.root))
    code, _, err = run("remove", CAT.path, "-o", tmp_path / "out.png")
    assert (code, err.endswith("[model_corrupt]\n"), len(err.splitlines())) == (4, True, 1), err
    assert not (tmp_path / "out.png").exists()
