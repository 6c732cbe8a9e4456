"""ZIPs that strangers send."""

import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from app.batches import unzip
from app.batches.errors import ZipBomb, ZipDamaged, ZipEncrypted, ZipEntryDamaged, ZipTooManyEntries
from app.batches.types import NewItem, ZipSource
from app.batches.unzip import entries, unpacked
from app.errors import AppError
from app.storage.local import LocalStore

PHOTO = bytes(range(256)) * 3000
KEY = "users/zip"


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return made.getvalue()


def table(path: Path, content: bytes) -> list[NewItem]:
    path.write_bytes(content)
    return entries(path, KEY)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("before", [b"", b"#!/bin/sh a program that unpacks itself\n"])
async def test_an_entry_comes_out_as_it_went_in(tmp_path: Path, method: int, before: bytes) -> None:
    store, path = LocalStore(tmp_path / "store"), tmp_path / "a.zip"
    files = {"a.jpg": PHOTO, "folder/": b"", "folder/b.jpg": b"b", "empty.jpg": b""}
    items = table(path, before + zipped(files, method))
    await store.put(KEY, path, "application/zip")
    assert [item.name for item in items] == ["a.jpg", "folder/b.jpg", "empty.jpg"]
    for item in items:
        assert isinstance(item.source, ZipSource)
        await unpacked(store, item.source, tmp_path / "out")
        assert (tmp_path / "out").read_bytes() == files[item.name]


def test_an_entry_without_a_name_is_passed_over(tmp_path: Path) -> None:
    """zipfile ends names at a NUL."""
    nameless = zipped({"b.jpg": PHOTO, "a.jpg": PHOTO}).replace(b"b.jpg", b"\0.jpg")
    assert [item.name for item in table(tmp_path / "a.zip", nameless)] == ["a.jpg"]


async def test_a_streamed_zip_and_zip64(tmp_path: Path) -> None:
    """As other programs, and our own results, make them: sizes behind the data, extra fields before it."""
    made = io.BytesIO()
    with (
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("a.jpg", "w", force_zip64=True) as out,
    ):
        out.write(PHOTO)
    store, path = LocalStore(tmp_path / "store"), tmp_path / "a.zip"
    (item,) = table(path, made.getvalue())
    await store.put(KEY, path, "application/zip")
    assert isinstance(item.source, ZipSource)
    await unpacked(store, item.source, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == PHOTO


def _flagged(content: bytes, flag: int) -> bytes:
    """The first entry's flags, in the table of contents."""
    at = content.index(b"PK\x01\x02") + 8
    return content[:at] + struct.pack("<H", flag) + content[at + 2 :]


def _overlapping() -> bytes:
    """The second entry's place is the first one's."""
    content = bytearray(zipped({"a.jpg": PHOTO, "b.jpg": PHOTO}))
    second = content.rindex(b"PK\x01\x02")
    content[second + 42 : second + 46] = bytes(4)
    return bytes(content)


def _huge_table() -> bytes:
    """Its last bytes say that 3 GB of table lie before them."""
    content = bytearray(zipped({"a.jpg": PHOTO}))
    end = content.rindex(b"PK\x05\x06")
    return (
        bytes(content[:end])
        + bytes(6_000_000)
        + bytes(content[end : end + 12])
        + struct.pack("<I", 5_000_000)
        + bytes(content[end + 16 :])
    )


REFUSED: dict[str, tuple[Callable[[], bytes], type[AppError]]] = {
    "not a ZIP": (lambda: b"hello", ZipDamaged),
    "empty": (lambda: b"", ZipDamaged),
    "cut off": (lambda: zipped({"a.jpg": PHOTO})[:-30], ZipDamaged),
    "encrypted": (lambda: _flagged(zipped({"a.jpg": PHOTO}), 1), ZipEncrypted),
    "overlapping": (_overlapping, ZipDamaged),
    "a bomb": (lambda: zipped({f"{n}.bmp": bytes(30_000_000) for n in range(4)}), ZipBomb),
    "a huge table": (_huge_table, ZipTooManyEntries),
}


@pytest.mark.parametrize("which", REFUSED)
def test_refused_as_a_whole(tmp_path: Path, which: str) -> None:
    make, error = REFUSED[which]
    with pytest.raises(error):
        table(tmp_path / "a.zip", make())


def test_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unzip, "MAX_ITEMS", 2)
    with pytest.raises(ZipTooManyEntries):
        table(tmp_path / "a.zip", zipped({f"{n}.jpg": b"x" for n in range(3)}))


def test_one_bad_file_is_only_its_own(tmp_path: Path) -> None:
    files = {"a.jpg": PHOTO, "inner.ZIP": b"PK", "large.bmp": bytes(50_000_001)}
    items = table(tmp_path / "a.zip", zipped(files))
    assert [item.error and item.error["code"] for item in items] == [None, "nested_zip", "too_large_bytes"]
    (item,) = table(tmp_path / "b.zip", zipped({"a.jpg": PHOTO}, zipfile.ZIP_LZMA))
    assert item.error is not None
    assert (item.source, item.error["code"]) == (None, "zip_method_unknown")


@pytest.mark.parametrize("lie", ["bytes", "crc", "offset"])
async def test_a_table_that_lies(tmp_path: Path, lie: str) -> None:
    store, path = LocalStore(tmp_path / "store"), tmp_path / "a.zip"
    (item,) = table(path, zipped({"a.jpg": PHOTO}))
    await store.put(KEY, path, "application/zip")
    assert isinstance(item.source, ZipSource)
    false = item.source.model_copy(update={lie: getattr(item.source, lie) - 1 if lie == "bytes" else 7})
    with pytest.raises(ZipEntryDamaged):
        await unpacked(store, false, tmp_path / "out")
    assert not (tmp_path / "out").exists() or (tmp_path / "out").stat().st_size <= len(PHOTO)
