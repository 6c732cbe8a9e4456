import hashlib
import multiprocessing
import random
from pathlib import Path

import pytest

from models.download import fetch
from models.errors import DownloadFailed, ModelCorrupt
from models.manifest import ModelFile
from models.sources import Fetcher
from tests.models.server import Script, serving

CONTENT = random.Random(0).randbytes(3_000_000)


def described(source: str, content: bytes = CONTENT) -> ModelFile:
    return ModelFile(
        role="encoder",
        path="weights.bin",
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
        source=source,
    )


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "target"


def part_of(target: Path) -> Path:
    return target.with_name("target.part")


def pull(script: Script, target: Path, content: bytes = CONTENT, timeout_s: float = 5) -> list[int]:
    """Fetches from the script's server; the progress that was told."""
    told: list[int] = []
    with serving(script) as url, Fetcher(timeout_s) as fetcher:
        fetch(described(url, content), target, fetcher, lambda _name, done, _total: told.append(done))
    return told


def test_a_file_arrives_whole_and_tells_its_progress(target: Path) -> None:
    told = pull(Script(CONTENT), target)
    assert target.read_bytes() == CONTENT
    assert told == sorted(told)
    assert told[-1] == len(CONTENT)
    assert not part_of(target).exists()


def test_a_broken_transfer_goes_on_where_it_broke(target: Path) -> None:
    script = Script(CONTENT, cut_at=[1_000_000, 500_000])
    pull(script, target)
    assert target.read_bytes() == CONTENT
    assert script.ranges == [None, "bytes=1000000-", "bytes=1500000-"]


def test_a_later_process_resumes_what_an_earlier_one_left(target: Path) -> None:
    part_of(target).write_bytes(CONTENT[:2_000_000])
    script = Script(CONTENT)
    pull(script, target)
    assert target.read_bytes() == CONTENT
    assert script.ranges == ["bytes=2000000-"]


def test_a_finished_part_is_hashed_and_taken(target: Path) -> None:
    part_of(target).write_bytes(CONTENT)
    pull(Script(CONTENT), target)
    assert target.read_bytes() == CONTENT


def test_a_server_without_ranges_starts_over(target: Path) -> None:
    part_of(target).write_bytes(CONTENT[:2_000_000])
    pull(Script(CONTENT, honours_range=False), target)
    assert target.read_bytes() == CONTENT


def test_stale_bytes_of_another_file_are_thrown_away(target: Path) -> None:
    part_of(target).write_bytes(b"x" * 2_000_000)
    script = Script(CONTENT)
    pull(script, target)
    assert target.read_bytes() == CONTENT
    assert script.ranges == ["bytes=2000000-", None]


def test_a_wrong_hash_names_both_and_leaves_nothing(target: Path) -> None:
    wrong = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])
    with pytest.raises(ModelCorrupt) as caught:
        pull(Script(wrong), target)
    assert hashlib.sha256(wrong).hexdigest() in str(caught.value)
    assert hashlib.sha256(CONTENT).hexdigest() in str(caught.value)
    assert not target.exists()
    assert not part_of(target).exists()


def test_more_bytes_than_the_manifest_says_are_refused(target: Path) -> None:
    with pytest.raises(ModelCorrupt, match="more than the 3000000 bytes"):
        pull(Script(CONTENT + b"x"), target)
    assert not target.exists()
    assert not part_of(target).exists()


def test_a_short_file_is_an_error_and_is_kept_for_later(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.download.PAUSES_S", (0.0,))
    with pytest.raises(DownloadFailed, match="2999990 of 3000000"):
        pull(Script(CONTENT[:-10]), target)
    assert not target.exists()
    assert part_of(target).read_bytes() == CONTENT[:-10]


def test_not_found_fails_at_once(target: Path) -> None:
    script = Script(CONTENT, status=404)
    with pytest.raises(DownloadFailed, match="answered 404"):
        pull(script, target)
    assert len(script.ranges) == 1


def test_a_server_in_trouble_is_asked_again(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.download.PAUSES_S", (0.0, 0.0))
    script = Script(CONTENT, status=503)
    with pytest.raises(DownloadFailed, match="answered 503"):
        pull(script, target)
    assert len(script.ranges) == 3


def test_a_stalled_server_is_left_after_the_timeout(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.download.PAUSES_S", ())
    with pytest.raises(DownloadFailed, match="ReadTimeout"):
        pull(Script(CONTENT, stall_s=1.0), target, timeout_s=0.1)
    assert not target.exists()


def test_a_server_that_does_not_answer_is_named_without_secrets(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.download.PAUSES_S", ())
    with serving(Script(CONTENT)) as url:
        pass  # its port is free now
    secret = url.replace("127.0.0.1", "user:hunter2@127.0.0.1") + "?token=hunter3"
    with Fetcher() as fetcher, pytest.raises(DownloadFailed) as caught:
        fetch(described(secret), target, fetcher)
    assert "127.0.0.1" in str(caught.value)
    assert "hunter" not in str(caught.value)


def test_a_damaged_file_is_replaced(target: Path) -> None:
    target.write_bytes(b"x" * len(CONTENT))
    pull(Script(CONTENT), target)
    assert target.read_bytes() == CONTENT


def test_a_present_file_is_not_fetched_again(target: Path) -> None:
    target.write_bytes(CONTENT)
    script = Script(CONTENT)
    pull(script, target)
    assert script.ranges == []


def _pull_in_a_process(url: str, target: Path) -> None:
    with Fetcher() as fetcher:
        fetch(described(url), target, fetcher)


def test_two_processes_fetch_once(target: Path) -> None:
    script = Script(CONTENT, stall_s=0.3)
    spawn = multiprocessing.get_context("spawn")
    with serving(script) as url:
        both = [spawn.Process(target=_pull_in_a_process, args=(url, target)) for _ in range(2)]
        for process in both:
            process.start()
        for process in both:
            process.join(timeout=60)
    assert [process.exitcode for process in both] == [0, 0]
    assert target.read_bytes() == CONTENT
    assert script.ranges == [None]
