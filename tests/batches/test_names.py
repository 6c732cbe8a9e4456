import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.batches.names import MAX_DEPTH, MAX_PART, ResultNames, name_of_url, safe_name


@pytest.mark.parametrize(
    ("given", "safe"),
    [
        ("photos/cup.jpg", "photos/cup.jpg"),
        ("../../etc/passwd", "etc/passwd"),
        ("/abs/cup.jpg", "abs/cup.jpg"),
        ("C:\\Users\\me\\cup.jpg", "C_/Users/me/cup.jpg"),
        ("a//b/./c.jpg", "a/b/c.jpg"),
        ("cup\r\nSet-Cookie: x.jpg", "cup__Set-Cookie_ x.jpg"),
        ("con.jpg", "_con.jpg"),
        ("gpj.\u202epuc.exe", "gpj.puc.exe"),  # right-to-left override hides an ending
        ("cup .jpg. ", "cup .jpg"),
        ("Cafe\u0301.jpg", "Café.jpg"),
        ("", "image"),
        (None, "image"),
        ("..", "image"),
        ("x" * 300 + ".jpg", "x" * (MAX_PART - 4) + ".jpg"),
        ("杯" * 99999 + ".jpg", "杯" * 65 + ".jpg"),  # three bytes each
        ("x" * 119 + "." + "z" * 30, "x" * 119),
    ],
)
def test_safe(given: str | None, safe: str) -> None:
    assert safe_name(given) == safe


@given(st.text())
def test_whatever_is_given(name: str) -> None:
    parts = safe_name(name).split("/")
    assert 1 <= len(parts) <= MAX_DEPTH
    assert not {"", ".", ".."} & set(parts)
    assert all(len(part) <= MAX_PART + 1 and part.isprintable() for part in parts if part.isascii())
    assert safe_name("/".join(parts)) == "/".join(parts)


def test_of_a_url() -> None:
    assert name_of_url("https://a.example/x/caf%C3%A9%20cup.jpg?size=2") == "café cup.jpg"
    assert name_of_url("https://a.example/x%2F..%2Fcup.jpg") == "cup.jpg"
    assert name_of_url("https://a.example") == "image"


def test_ten_thousand_of_one_name_are_not_counted_through_for_each() -> None:
    names = ResultNames()
    assert [names.next("cup.jpg", "png") for _ in range(10_000)][-1] == "cup (10000).png"


def test_no_two_results_are_alike() -> None:
    names = ResultNames()
    given = ["cup.jpg", "cup.png", "CUP.jpg", "cup (2).jpg", "a/cup.jpg", ".hidden", "cup"]
    assert [names.next(name, "png") for name in given] == [
        "cup.png",
        "cup (2).png",
        "CUP (3).png",
        "cup (2) (2).png",
        "a/cup.png",
        ".hidden.png",
        "cup (4).png",
    ]
