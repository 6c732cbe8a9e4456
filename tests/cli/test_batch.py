import json
import os
from pathlib import Path

from app.commands.server_batch import STATE
from tests.cli.conftest import Run
from tests.data.photos import CAT, COFFEE
from tests.stack import Stack


def test_a_folder(run: Run, tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    (photos / "cat.jpg").write_bytes(CAT.path.read_bytes())
    (photos / "coffee.JPG").write_bytes(COFFEE.path.read_bytes())
    (photos / "coffee.jpeg").write_bytes(COFFEE.path.read_bytes())
    (photos / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (photos / "notes.txt").write_text("not a photo, not an error")

    code, _, err = run("batch", photos, out)
    made = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    assert set(made) == {"cat.png", "coffee.JPG.png", "coffee.jpeg.png"}
    assert code == 1
    assert "3 done, 0 skipped, 1 failed" in err
    assert "broken.png: " in err
    assert err.rstrip().endswith("[batch_failed]")

    (photos / "broken.png").unlink()
    newer = made["cat.png"] + 1_000_000_000
    os.utime(photos / "cat.jpg", ns=(newer, newer))
    code, _, err = run("batch", photos, out)
    assert code == 0
    assert "1 done, 2 skipped, 0 failed" in err
    assert {p.name for p in out.iterdir() if p.stat().st_mtime_ns != made[p.name]} == {"cat.png"}


def test_options_and_model(run: Run, tmp_path: Path) -> None:
    code, _, err = run("batch", CAT.path.parent, tmp_path / "out", "--format=webp", "--model=nope")
    assert (code, err.splitlines()[-1].endswith("[model_unknown]")) == (4, True)
    code, _, err = run("batch", CAT.path.parent, tmp_path / "out", "--feather=no")
    assert (code, err.count("\n"), err.startswith("cutout: --feather: ")) == (2, 1, True)


def test_no_directory(run: Run, tmp_path: Path) -> None:
    code, _, err = run("batch", tmp_path / "none", tmp_path / "out")
    assert (code, err) == (2, f"cutout: {tmp_path}/none is not a directory [not_a_directory]\n")


def test_an_empty_directory_is_done(run: Run, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    code, _, err = run("batch", tmp_path / "photos", tmp_path / "out")
    assert (code, "0 done, 0 skipped, 0 failed" in err) == (0, True)


def test_a_folder_by_a_server(run: Run, stack: Stack, tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    (photos / "cat.jpg").write_bytes(CAT.path.read_bytes())
    (photos / "broken.jpg").write_bytes(CAT.path.read_bytes()[:9000])
    code, _, err = run("batch", photos, out, "--server", stack.url, "--format=webp")
    assert (code, "1 done, 0 skipped, 1 failed" in err) == (1, True)
    assert "broken.jpg: " in err and "[truncated]" in err
    assert [path.name for path in out.iterdir()] == ["cat.webp"]

    (photos / "broken.jpg").unlink()
    code, _, err = run("batch", photos, out, "--server", stack.url, "--format=webp")
    assert (code, "0 done, 1 skipped, 0 failed" in err) == (0, True)


def test_a_run_that_broke_off_goes_on(run: Run, stack: Stack, tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    out.mkdir()
    (photos / "cat.jpg").write_bytes(CAT.path.read_bytes())
    with stack.client() as client:
        batch = client.post("/api/batches", json={"close": False}).json()
        left = {"server": stack.url, "batch": batch["id"], "photos": [str(photos / "cat.jpg")]}
        (out / STATE).write_text(json.dumps(left))
        code, _, err = run("batch", photos, out, "--server", stack.url)
        assert (code, "1 done, 0 skipped, 0 failed" in err) == (0, True)
        assert client.get(batch["urls"]["self"]).json()["counts"]["succeeded"] == 1
    assert [path.name for path in out.iterdir()] == ["cat.png"]


def test_a_server_that_refuses(run: Run, stack: Stack, tmp_path: Path) -> None:
    code, _, err = run("batch", CAT.path.parent, tmp_path / "out", "--server", stack.url, "--model=nope")
    assert (code, err.splitlines()[-1].endswith("[server_refused]"), "model_unknown" in err) == (
        3,
        True,
        True,
    )
    code, _, err = run("batch", CAT.path.parent, tmp_path, "--server", stack.url, "--key=@none")
    assert (code, "--key: none cannot be read" in err) == (2, True)
