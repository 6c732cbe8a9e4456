"""The check of the whole run's output can fail."""

from pathlib import Path
from uuid import uuid4

import pytest

from app.accounts import keys
from tests.issuer import Signer
from tests.leaks import judge, leaks, logs_in

TOKEN = Signer("https://project.example/auth/v1").token(uuid4())


def passed(*sections: tuple[str, str]) -> pytest.TestReport:
    return pytest.TestReport("a test", ("", 0, ""), {}, "passed", None, "call", list(sections))


@pytest.mark.parametrize("secret", [keys.make(), TOKEN, "whsec_" + "A" * 32], ids=["key", "token", "webhook"])
def test_whatever_opens_a_door_is_found(secret: str) -> None:
    assert leaks(f'{{"event": "request", "headers": "x-api-key: {secret}"}}') == [secret]


@pytest.mark.parametrize(
    "text",
    [keys.make()[:10], keys.make()[:-1] + "-", TOKEN.rpartition(".")[0], "whsec_…"],
    ids=["prefix", "typo", "half a token", "no secret"],
)
def test_parts_and_typos_open_none(text: str) -> None:
    assert leaks(text) == []


def test_a_test_that_prints_a_key_has_failed() -> None:
    report = passed(("Captured stdout call", "harmless"), ("Captured stderr call", f"key={keys.make()}"))
    judge(report, [])
    assert report.failed and "Captured stderr call" in str(report.longrepr)


def test_a_process_that_logs_a_token_fails_its_test(tmp_path: Path) -> None:
    folder = tmp_path / "of-it"
    folder.mkdir()
    (folder / "web.log").write_text(f"Authorization: Bearer {TOKEN}")
    report = passed()
    judge(report, list(logs_in(folder)))
    assert report.failed and "web.log" in str(report.longrepr)
    (folder / "web.log").unlink()  # this test itself is judged too


def test_one_that_does_not_passes() -> None:
    report = passed(("Captured stderr call", "cut_ab12cd revoked"))
    judge(report, [("log", "GET /api/keys 200")])
    assert report.passed
