"""A key as text: long enough, and a typo is found without a look-up."""

import math
import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.accounts import keys
from app.accounts.errors import KeyMalformed

BODY = "cut_0123456789abcdefghijkl"
KEY = BODY + keys._checksum(BODY)
CHARACTERS = string.digits + string.ascii_letters


def test_a_key_has_at_least_128_bits_and_no_two_are_equal() -> None:
    found = re.fullmatch(r"cut_([0-9a-zA-Z]{22})[0-9a-zA-Z]{6}", keys.make())
    assert found
    assert len(found[1]) * math.log2(62) >= 128
    made = {keys.make() for _ in range(1000)}
    assert len(made) == 1000
    for key in made:
        keys.check(key)


@given(st.integers(4, len(KEY) - 1), st.sampled_from(CHARACTERS))
def test_a_wrong_character_is_found(place: int, character: str) -> None:
    typed = KEY[:place] + character + KEY[place + 1 :]
    if typed == KEY:
        keys.check(typed)
        return
    with pytest.raises(KeyMalformed):
        keys.check(typed)


def test_swapped_neighbours_are_found() -> None:
    for place in range(4, len(KEY) - 7):
        if KEY[place] != KEY[place + 1]:
            with pytest.raises(KeyMalformed):
                keys.check(KEY[:place] + KEY[place + 1] + KEY[place] + KEY[place + 2 :])


@pytest.mark.parametrize(
    "typed", ["", "cut_", KEY[:-1], KEY + "0", KEY.upper(), "x" + KEY[1:], KEY[:-1] + "é"]
)
def test_what_is_no_key_is_refused(typed: str) -> None:
    with pytest.raises(KeyMalformed):
        keys.check(typed)


@given(st.text())
def test_no_text_breaks_the_check(typed: str) -> None:
    with pytest.raises(KeyMalformed):
        keys.check(typed)
