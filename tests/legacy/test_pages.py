"""Which document is served to whom, and under which headers: the legacy one is never isolated."""

from pathlib import Path

import httpx
import pytest

from app.api import editor
from tests.gate import Gate
from tests.legacy.conftest import LegacyStack

ROUTED, NEW = "/process/background-removal", "/process/background-removal-v2"


@pytest.fixture(autouse=True)
def _built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "index.html").write_text("<title>the editor</title>")
    (tmp_path / "legacy.html").write_text("<title>the legacy editor</title>")
    monkeypatch.setattr(editor, "DIST", tmp_path)


def isolated(page: httpx.Response) -> bool:
    return "cross-origin-opener-policy" in page.headers


def test_the_page_follows_the_flag_and_the_others_do_not(legacy: LegacyStack, client: httpx.Client) -> None:
    page = client.get(ROUTED)
    assert ("the legacy editor" in page.text, isolated(page)) == (True, False)
    origin = legacy.fake.url.removesuffix("/api/v1")
    assert f"script-src 'self' {origin};" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "no-store"
    legacy.rules(percentage=100)
    page = client.get(ROUTED)
    assert ("the editor" in page.text, isolated(page)) == (True, True)
    assert "the legacy editor" in client.get(f"{ROUTED}-legacy?image=x").text
    legacy.rules(percentage=100, kill=True)
    assert "the legacy editor" in client.get(ROUTED).text
    assert "the editor" in client.get(NEW).text


def test_who_is_not_signed_in_gets_the_page_that_asks(gate: Gate) -> None:
    with gate.client() as nobody:
        assert "the editor" in nobody.get(ROUTED).text
        refused = nobody.get(f"{ROUTED}-legacy")
    assert (refused.status_code, refused.json()["code"]) == (404, "legacy_not_configured")
