import time
from pathlib import Path

import pytest

from models.sessions.tuning import Tuning, fastest


def test_the_fastest_way_is_taken() -> None:
    seconds = {"eager": 0.03, "compiled": 0.001, "other": 0.03}
    assert fastest(tuple(seconds), lambda way: time.sleep(seconds[way])) == "compiled"


def test_a_way_that_fails_is_passed_over() -> None:
    def run(way: str) -> None:
        if way == "compiled":
            raise RuntimeError("no compiler here")

    assert fastest(("eager", "compiled"), run) == "eager"


def test_the_first_way_must_work() -> None:
    def run(way: str) -> None:
        raise RuntimeError("no GPU here")

    with pytest.raises(RuntimeError, match="no GPU here"):
        fastest(("eager", "compiled"), run)


def test_decisions_are_remembered(tmp_path: Path) -> None:
    path = tmp_path / "tuning.json"
    assert Tuning(path).read("this GPU") is None
    Tuning(path).write("this GPU", "compiled")
    Tuning(path).write("that GPU", "eager")
    assert Tuning(path).read("this GPU") == "compiled"
    assert Tuning(path).read("that GPU") == "eager"


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"this GPU": 1}'])
def test_a_damaged_file_is_measured_again(tmp_path: Path, content: str) -> None:
    path = tmp_path / "tuning.json"
    path.write_text(content)
    assert Tuning(path).read("this GPU") is None
    Tuning(path).write("this GPU", "eager")
    assert Tuning(path).read("this GPU") == "eager"
