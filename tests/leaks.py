"""Of the whole run: a test whose output or log holds an API key or an access token has failed.

What servers in this process print, and processes that inherit its output, is captured by pytest; what others
write into a log under the test's `tmp_path` is read there. Any whole key or token counts, by its shape:
nobody has to register what was issued.
"""

import re
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from pluggy import Result

from app.accounts import keys
from app.accounts.errors import KeyMalformed

_KEY = re.compile(r"cut_[0-9A-Za-z]{28}")
_TOKEN = re.compile(r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}")
_WEBHOOK_SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]{24,}")


def leaks(text: str) -> list[str]:
    """Keys whose checksum is right, signed tokens, secrets of webhooks."""
    found = [key for key in _KEY.findall(text) if _whole(key)]
    return [*found, *_TOKEN.findall(text), *_WEBHOOK_SECRET.findall(text)]


def logs_in(folder: Path) -> Iterator[tuple[str, str]]:
    """(name, text) of each log that a process of the test has written."""
    for path in folder.rglob("*log"):
        if path.is_file():
            yield path.name, path.read_text(errors="replace")


def judge(report: pytest.TestReport, written: list[tuple[str, str]]) -> None:
    """Fail the report where anything leaks; say where, not what."""
    places = [name for name, text in [*report.sections, *written] if leaks(text)]
    if places and report.outcome == "passed":
        report.outcome = "failed"
        report.longrepr = f"a key or a token stands in: {', '.join(places)}"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Result[pytest.TestReport], None]:
    outcome = yield
    report = outcome.get_result()
    folder: Path | None = getattr(item, "funcargs", {}).get("tmp_path")
    judge(report, list(logs_in(folder)) if folder and report.when == "teardown" else [])


def _whole(key: str) -> bool:
    try:
        keys.check(key)
    except KeyMalformed:
        return False
    return True
