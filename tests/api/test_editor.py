from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from app.api import editor
from app.api.routes import ROUTES


@pytest.fixture
def client() -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(Starlette(routes=ROUTES)), base_url="http://cutout.test"
    )


async def test_the_front_door_leads_to_the_editor(
    client: httpx.AsyncClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "index.html").write_text("<title>the editor</title>")
    monkeypatch.setattr(editor, "DIST", tmp_path)
    async with client:
        door = await client.get("/")
        page = await client.get(door.headers["location"])
    assert (door.status_code, door.headers["cache-control"]) == (307, "no-cache")
    assert "the editor" in page.text
    assert page.headers["cross-origin-embedder-policy"] == "require-corp"


@pytest.mark.parametrize("path", ["/", "/process/background-removal-v2"])
async def test_without_a_built_editor_the_own_page_answers(
    client: httpx.AsyncClient, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(editor, "DIST", tmp_path)
    async with client:
        page = await client.get(path)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "cross-origin-embedder-policy" not in page.headers
