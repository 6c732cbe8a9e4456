"""The streaming form reader, fed by hand: what arrives in which pieces is up to the network."""

import tracemalloc
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.api.errors import BodyTooLarge, MalformedBody, RepeatedParameter, UnknownParameter
from app.api.uploads import MAX_FIELD_BYTES, FileLimit, Form, check_length, received

TYPE = "multipart/form-data; boundary=xyz"


class TooLarge(Exception):
    pass


LIMITS = {"image": FileLimit(1000, TooLarge)}


def part(name: str, data: bytes, filename: str | None = None) -> bytes:
    shown = f'; filename="{filename}"' if filename is not None else ""
    return f'--xyz\r\nContent-Disposition: form-data; name="{name}"{shown}\r\n\r\n'.encode() + data + b"\r\n"


END = b"--xyz--\r\n"


async def pieces(body: bytes, size: int) -> AsyncGenerator[bytes, None]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def read(body: bytes, folder: Path, size: int = 64) -> tuple[Form, dict[str, bytes]]:
    async with received(pieces(body, size), TYPE, None, LIMITS, folder) as form:
        return form, {name: upload.path.read_bytes() for name, upload in form.files.items()}


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=1000), size=st.integers(1, 400))
async def test_any_bytes_in_any_pieces_arrive_unchanged(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, size: int
) -> None:
    folder = tmp_path_factory.mktemp("form")
    body = part("model", b"lite") + part("image", data, "ä b.jpg") + END
    form, files = await read(body, folder, size)
    assert files == {"image": data}
    assert form.fields == {"model": "lite"}
    assert form.files["image"].filename == "ä b.jpg"
    assert form.files["image"].bytes == len(data)
    assert list(folder.iterdir()) == []


async def test_a_file_over_its_limit_is_refused_while_it_arrives(tmp_path: Path) -> None:
    fed = 0

    async def endless() -> AsyncGenerator[bytes, None]:
        nonlocal fed
        yield part("image", b"", "a")[:-2]
        while True:
            fed += 1
            yield b"0" * 100

    with pytest.raises(TooLarge):
        async with received(endless(), TYPE, None, LIMITS, tmp_path):
            pass
    assert fed == 11
    assert list(tmp_path.iterdir()) == []


async def test_a_file_is_never_in_memory(tmp_path: Path) -> None:
    limits = {"image": FileLimit(50_000_000, TooLarge)}

    async def large() -> AsyncGenerator[bytes, None]:
        yield part("image", b"", "a")[:-2]
        for _ in range(400):
            yield bytes(100_000)
        yield b"\r\n" + END

    tracemalloc.start()
    try:
        async with received(large(), TYPE, None, limits, tmp_path) as form:
            assert form.files["image"].path.stat().st_size == 40_000_000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000


def test_a_body_is_refused_by_its_announced_length() -> None:
    check_length(1000, LIMITS)
    with pytest.raises(TooLarge):
        check_length(1000 + MAX_FIELD_BYTES + 1_000_000, LIMITS)
    with pytest.raises(BodyTooLarge):
        check_length(MAX_FIELD_BYTES + 1_000_000, {})


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (part("model", b"a") + part("model", b"b") + END, RepeatedParameter),
        (part("image", b"a", "a") + part("image", b"b", "b") + END, RepeatedParameter),
        (part("picture", b"a", "a.jpg") + END, UnknownParameter),
        (part("model", b"x" * (MAX_FIELD_BYTES + 1)) + END, BodyTooLarge),
        (part("model", b"\xff\xfe") + END, MalformedBody),
        (part("image", b"abc", "a.jpg"), MalformedBody),
        (part("image", b"abc", "a.jpg")[:-3], MalformedBody),
        (b"--xyz\r\nContent-Type: text/plain\r\n\r\nno name\r\n" + END, MalformedBody),
        (b"not multipart at all", MalformedBody),
        (b"", MalformedBody),
    ],
)
async def test_bad_forms(tmp_path: Path, body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        await read(body, tmp_path, 5000)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content_type", ["multipart/form-data", "multipart/form-data; boundary="])
async def test_a_form_needs_its_boundary(tmp_path: Path, content_type: str) -> None:
    with pytest.raises(MalformedBody):
        async with received(pieces(END, 9), content_type, None, LIMITS, tmp_path):
            pass
