from urllib.parse import unquote

import pytest
from starlette.datastructures import Headers

from app.api.errors import RangeUnsatisfiable
from app.api.files import byte_range, disposition
from app.api.params import preferred_wait


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=0-", (0, 100)),
        ("bytes=10-19", (10, 20)),
        ("bytes=90-1000", (90, 100)),
        ("bytes=-10", (90, 100)),
        ("bytes=-1000", (0, 100)),
        ("BYTES = 1-2", (1, 3)),
        ("", None),
        ("bytes=", None),
        ("bytes=-", None),
        ("bytes=5-2", None),
        ("bytes=0-1,4-5", None),
        ("lines=0-1", None),
        ("bytes=a-b", None),
    ],
)
def test_one_range(header: str, span: tuple[int, int] | None) -> None:
    assert byte_range(header, 100) == span


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_range_behind_the_file(header: str) -> None:
    with pytest.raises(RangeUnsatisfiable):
        byte_range(header, 100)


@pytest.mark.parametrize("name", ["plain.png", 'quo"te.png', "böse\r\nX: y.png", "日本 語.png", "a/../b.png"])
def test_a_download_name_cannot_leave_its_header(name: str) -> None:
    header = disposition(name)
    assert header.isascii()
    assert not set("\r\n") & set(header)
    assert header.count('"') == 2
    assert unquote(header.partition("''")[2]) == name


@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        (["wait=10"], 10),
        (["respond-async, wait=5"], 5),
        (["respond-async", 'WAIT="7"; foo'], 7),
        (["wait=999"], 60),
        (["wait=-1"], None),
        (["wait"], None),
        ([], None),
    ],
)
def test_prefer(values: list[str], seconds: int | None) -> None:
    headers = Headers(raw=[(b"prefer", value.encode()) for value in values])
    assert preferred_wait(headers) == seconds
