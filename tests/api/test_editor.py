from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from app.api import editor
from app.api.routes import ROUTES
from app.settings import Settings

ISSUER = "https://project.supabase.example"
BUCKET = "https://bucket.test"


@pytest.fixture
def client() -> httpx.AsyncClient:
    served = Starlette(routes=ROUTES)
    state = {"settings": Settings(supabase_url=ISSUER, storage_url=f"{BUCKET}/")}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await served({**scope, "state": state}, receive, send)

    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://cutout.test")


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


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/process/background-removal-v2", "index.html"),
        ("/sign-in", "sign-in.html"),
        ("/account", "account.html"),
    ],
)
async def test_pages_may_speak_to_this_server_the_issuer_and_the_bucket(
    client: httpx.AsyncClient, path: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in ("index.html", "sign-in.html", "account.html"):
        (tmp_path / each).write_text(each)
    monkeypatch.setattr(editor, "DIST", tmp_path)
    async with client:
        page = await client.get(path)
    assert (page.text, page.headers["cache-control"]) == (name, "no-cache")
    policy = page.headers["content-security-policy"]
    assert f"connect-src 'self' {ISSUER} {BUCKET};" in policy and "'unsafe-inline'" not in policy


@pytest.mark.parametrize("path", ["/", "/process/background-removal-v2", "/sign-in", "/account"])
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
