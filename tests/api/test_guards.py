"""Embedded mode answers this machine alone; configured mode answers nobody without credentials."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.settings import Settings
from tests.stack import Stack, serving


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io", "10.0.0.1", ""]
)
def test_a_foreign_host_is_dns_rebinding(client: httpx.Client, host: str) -> None:
    answer = client.get("/api/images", headers={"Host": host})
    assert answer.status_code in {400, 403}
    if answer.status_code == 403:
        assert answer.json()["code"] == "foreign_request"


@pytest.mark.parametrize("host", ["localhost", "localhost:1234", "127.0.0.1", "127.0.0.2:80", "[::1]:8000"])
def test_every_name_of_this_machine(client: httpx.Client, host: str) -> None:
    assert client.get("/api/images", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "http://localhost:9", "null", "https://{host}"])
def test_a_foreign_page(client: httpx.Client, stack: Stack, origin: str) -> None:
    host = stack.url.removeprefix("http://")
    answer = client.post("/api/segment/remove", headers={"Origin": origin.format(host=host)}, json={})
    assert (answer.status_code, answer.json()["code"]) == (403, "foreign_request")


def test_its_own_page(client: httpx.Client, stack: Stack) -> None:
    assert client.get("/api/images", headers={"Origin": stack.url}).status_code == 200


@pytest.mark.parametrize("name", ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "x-forwarded-anything"])
def test_a_proxy(client: httpx.Client, name: str) -> None:
    answer = client.get("/api/images", headers={name: "127.0.0.1"})
    assert (answer.status_code, answer.json()["code"]) == (403, "foreign_request")


def test_request_ids(client: httpx.Client) -> None:
    mine = "browser-0123456789"
    assert client.get("/healthz", headers={"X-Request-Id": mine}).headers["x-request-id"] == mine
    for bad in ("short", "x" * 65, "with space in it"):
        answered = client.get("/healthz", headers={"X-Request-Id": bad}).headers["x-request-id"]
        assert answered != bad
        assert len(answered) == 32


@pytest.fixture(scope="module")
def configured(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    services = stack.settings.services()
    yield Settings.load(
        database_url=services.database_url,
        redis_url=services.redis_url,
        data_dir=tmp_path_factory.mktemp("configured"),
        models_dir=stack.settings.models_dir,
        port=0,
    )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/images"),
        ("GET", "/api/jobs"),
        ("POST", "/api/segment/encode"),
        ("POST", "/api/segment/apply-mask"),
        ("POST", "/api/segment/decode"),
        ("POST", "/api/segment/remove"),
        ("GET", "/api/images/00000000-0000-7000-8000-000000000001"),
        ("DELETE", "/api/images/00000000-0000-7000-8000-000000000001"),
        ("POST", "/api/jobs/00000000-0000-7000-8000-000000000001/cancel"),
        ("GET", "/api/jobs/00000000-0000-7000-8000-000000000001/result"),
    ],
)
def test_without_credentials_configured_mode_answers_nobody(
    configured: Settings, method: str, path: str
) -> None:
    with serving(configured) as url:
        answer = httpx.request(method, url + path, headers={"Host": "cutout.example"})
        assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")
        assert answer.headers["www-authenticate"]
        assert httpx.get(f"{url}/healthz").status_code == 200


def test_services_that_are_away(configured: Settings, tmp_path: Path) -> None:
    away = configured.model_copy(update={"redis_url": f"unix://{tmp_path}/none.sock", "models_dir": tmp_path})
    with serving(away) as url:
        ready = httpx.get(f"{url}/readyz")
        assert ready.status_code == 503
        assert ready.json()["checks"] == {
            "database": "ok",
            "queue": "queue_unavailable",
            "model": "model_missing",
        }


def test_a_client_that_leaves_in_the_middle_leaves_nothing(client: httpx.Client, stack: Stack) -> None:
    host, port = stack.url.removeprefix("http://").split(":")
    with contextlib.closing(socket.create_connection((host, int(port)))) as raw:
        head = "POST /api/segment/encode HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n"
        raw.sendall(f"{head}Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n".encode())
    assert client.get("/readyz").status_code == 200
