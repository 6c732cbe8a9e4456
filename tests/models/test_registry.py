import hashlib
import shutil
from pathlib import Path

import pytest

from models.errors import ManifestInvalid, ModelCorrupt, ModelMissing, ModelUnknown
from models.manifest import Manifest, load
from models.registry import BUILTIN, Registry
from tests.models.server import Script, serving

CONTENT = b"not a graph"


def tiny_manifest(name: str, source: str, content: bytes = CONTENT) -> Manifest:
    """`lite`'s manifest over one file that serves as encoder and decoder."""
    lite = load(BUILTIN / "lite.json")
    described = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content), "source": source}
    files = tuple(
        file.model_copy(update=described) for file in lite.files if file.role in ("encoder", "decoder")
    )
    return lite.model_copy(update={"name": name, "files": files, "codec": "fp16"})


def registry_of(tmp_path: Path, *manifests: Manifest) -> Registry:
    folder = tmp_path / "manifests"
    folder.mkdir(exist_ok=True)
    for manifest in manifests:
        (folder / f"{manifest.name}.json").write_text(manifest.model_dump_json())
    return Registry(tmp_path / "root", folder)


@pytest.fixture
def source(tmp_path: Path) -> str:
    path = tmp_path / "weights.bin"
    path.write_bytes(CONTENT)
    return f"file:{path}"


def test_lite_is_pulled_verified_and_what_auto_means(registry: Registry) -> None:
    assert registry.installed("lite")
    assert registry.verify("lite").name == "lite"
    assert registry.resolve("auto") == "lite"


def test_what_is_shipped_is_here_and_verified(tmp_path: Path) -> None:
    empty = Registry(tmp_path)
    basis = empty.manifest("lite").file("codec_basis")
    assert basis is not None
    assert empty.file(basis.sha256).is_file()
    assert len(empty.read("lite", "codec_basis")) == basis.bytes


def test_the_production_models_are_known_but_not_here(registry: Registry) -> None:
    assert {"sam2.1-hiera-tiny", "sam2.1-hiera-small"} <= set(registry.names())
    assert not registry.installed("sam2.1-hiera-tiny")
    with pytest.raises(ModelMissing, match=r"sam2\.1_hiera_tiny\.pt is not here; run: cutout models pull"):
        registry.open("sam2.1-hiera-tiny")


def test_an_unknown_model_lists_the_known_ones(tmp_path: Path, source: str) -> None:
    registry = registry_of(tmp_path, tiny_manifest("toy", source))
    for use in (registry.manifest, registry.resolve, registry.pull, registry.verify, registry.open):
        with pytest.raises(ModelUnknown, match="no model 'toi'; known: toy"):
            use("toi")
    with pytest.raises(ModelUnknown):
        registry.manifest("../manifests/toy")


def test_auto_prefers_the_production_model_once_it_is_here(tmp_path: Path, source: str) -> None:
    registry = registry_of(
        tmp_path, tiny_manifest("sam2.1-hiera-tiny", source), tiny_manifest("lite", source, b"something else")
    )
    with pytest.raises(ModelMissing, match="no model is installed"):
        registry.resolve("auto")
    registry.pull("sam2.1-hiera-tiny")
    assert registry.resolve("auto") == "sam2.1-hiera-tiny"
    assert registry.resolve("lite") == "lite"


def test_pull_works_over_http_and_verify_finds_a_flipped_byte(tmp_path: Path) -> None:
    with serving(Script(CONTENT)) as url:
        registry = registry_of(tmp_path, tiny_manifest("toy", url))
        registry.pull("toy")
    registry.verify("toy")
    registry.file(hashlib.sha256(CONTENT).hexdigest()).write_bytes(b"Not a graph")
    with pytest.raises(ModelCorrupt, match=hashlib.sha256(b"Not a graph").hexdigest()):
        registry.verify("toy")


def test_a_corrupt_file_is_never_loaded(tmp_path: Path, registry: Registry) -> None:
    copy = Registry(tmp_path)
    manifest = copy.manifest("lite")
    shutil.copytree(registry.root / "files", tmp_path / "files")
    decoder = manifest.file("decoder")
    assert decoder is not None
    content = bytearray(copy.file(decoder.sha256).read_bytes())
    content[len(content) // 2] ^= 1  # one bit of a weight: the graph would still load
    copy.file(decoder.sha256).write_bytes(content)
    with pytest.raises(ModelCorrupt, match=decoder.sha256):
        copy.open("lite").warmup()


def test_a_truncated_file_counts_as_missing(tmp_path: Path, source: str) -> None:
    registry = registry_of(tmp_path, tiny_manifest("toy", source))
    registry.pull("toy")
    registry.file(hashlib.sha256(CONTENT).hexdigest()).write_bytes(CONTENT[:-1])
    assert not registry.installed("toy")
    with pytest.raises(ModelMissing):
        registry.open("toy")


def test_what_is_verified_but_no_graph_is_corrupt(tmp_path: Path, source: str) -> None:
    registry = registry_of(tmp_path, tiny_manifest("toy", source))
    registry.pull("toy")
    with pytest.raises(ModelCorrupt, match="toy: onnxruntime cannot load it"):
        registry.open("toy").warmup()


def test_a_manifest_made_here_comes_before_the_built_in_one(tmp_path: Path, source: str) -> None:
    registry = registry_of(tmp_path, tiny_manifest("toy", source))
    made = registry.root / "manifests"
    made.mkdir(parents=True)
    (made / "toy.json").write_text(
        tiny_manifest("toy", source).model_copy(update={"revision": "mine"}).model_dump_json()
    )
    assert registry.manifest("toy").revision == "mine"
    (made / "toy.json").write_text('{"version": 99}')
    with pytest.raises(ManifestInvalid, match="version 99"):
        registry.manifest("toy")
