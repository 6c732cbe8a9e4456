from pathlib import Path

import pytest

from app.api.removebg.errors import InvalidParameter, problem, theirs
from app.api.removebg.params import parse, roi_of
from tests.api.removebg.table import table

DOCS = Path(__file__).parents[3] / "docs" / "removebg.md"


def test_the_docs_tell_every_parameter_as_it_is() -> None:
    assert table() in DOCS.read_text()


@pytest.mark.parametrize(
    ("text", "box"),
    [
        ("0% 0% 100% 100%", None),
        ("0px 0px 400px 300px", None),
        ("10% 10% 50% 50%", (40, 30, 200, 150)),
        ("10 20px 100px 50%", (10, 20, 100, 150)),
    ],
)
def test_a_region_in_pixels_or_shares(text: str, box: tuple[float, ...] | None) -> None:
    assert roi_of(text, (400, 300)) == box


@pytest.mark.parametrize(
    "text", ["", "1 2 3", "1 2 3 4 5", "a b c d", "10 10 5 20", "0 0 401 10", "-1 0 5 5"]
)
def test_a_region_that_is_none(text: str) -> None:
    with pytest.raises(InvalidParameter):
        roi_of(text, (400, 300))


def test_colours_are_opaque_unless_they_say_otherwise() -> None:
    given = ("fff", "#81d4fa", "81d4fa80", "f008", "Tomato")
    read = ["#ffffffff", "#81d4faff", "#81d4fa80", "#ff000088", "#ff6347ff"]
    assert [parse({"bg_color": text}).bg_color for text in given] == read


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [
        (401, "key_refused", (403, "auth_failed")),
        (403, "scope_missing", (403, "scope_missing")),
        (402, "credits_short", (402, "insufficient_credits")),
        (429, "too_much", (429, "rate_limit_exceeded")),
        (413, "too_many_pixels", (400, "resolution_too_high")),
        (422, "mark_outside_image", (400, "mark_outside_image")),
        (503, "queue_full", (503, "queue_full")),
    ],
)
def test_their_words_for_our_failures(status: int, code: str, told: tuple[int, str]) -> None:
    assert theirs(status, code) == told


def test_a_client_is_told_when_to_come_again() -> None:
    answer = problem("r-1", 429, "too_much", "too many requests", {"retry_after": 7})
    assert answer.headers["Retry-After"] == "7"
