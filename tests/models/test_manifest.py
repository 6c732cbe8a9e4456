import json
from pathlib import Path
from typing import Any

import pytest

from models.errors import ManifestInvalid
from models.manifest import Manifest, load, parse
from models.registry import BUILTIN


def lite() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((BUILTIN / "lite.json").read_text())
    return content


@pytest.mark.parametrize("path", sorted(BUILTIN.glob("*.json")), ids=lambda path: path.stem)
def test_a_built_in_manifest_is_whole(path: Path) -> None:
    manifest = load(path)
    assert manifest.name == path.stem
    assert len(manifest.encoder.outputs) == len(manifest.tensors)
    for tensor in manifest.tensors:
        assert manifest.decoder.inputs[tensor.name] == tensor.shape


def test_a_manifest_survives_being_written() -> None:
    manifest = Manifest.model_validate(lite())
    assert parse(manifest.model_dump_json(), "again") == manifest


def test_a_newer_version_says_so() -> None:
    newer = json.dumps({"version": 2, "shape": "unknown to us"})
    with pytest.raises(ManifestInvalid, match=r"lite\.json: manifest version 2.*update Cutout"):
        parse(newer, "lite.json")


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"name": "../lite"}, "name"),
        ({"revision": None}, "revision"),
        ({"surprise": 1}, "surprise"),
        ({"files": [*lite()["files"], lite()["files"][0]]}, "a role names one file"),
        ({"codec": "fp16"}, "the codec kl1 goes with a codec_basis"),
        ({"files": lite()["files"][:3]}, "the codec kl1 goes with a codec_basis"),
        ({"codec": "zip"}, "codec"),
        ({"files": [lite()["files"][0] | {"path": "../../etc/passwd"}]}, r"files\.0\.path"),
        ({"files": [lite()["files"][0] | {"sha256": "abc"}]}, r"files\.0\.sha256"),
    ],
)
def test_a_damaged_manifest_names_the_place(change: dict[str, object], where: str) -> None:
    with pytest.raises(ManifestInvalid, match=rf"lite\.json: .*{where}"):
        parse(json.dumps(lite() | change), "lite.json")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"version": "one"}'])
def test_what_is_no_manifest_is_refused(text: str) -> None:
    with pytest.raises(ManifestInvalid, match=r"^lite\.json: "):
        parse(text, "lite.json")
