import asyncio
import hashlib
import time

import httpx

from app.api.health import NO_ENCODER
from app.queue.arq_adapter import ArqDoorbell, connect
from models.registry import Registry
from tests.stack import WAIT_S, Stack


def test_the_manifest_names_what_a_browser_may_load(client: httpx.Client, registry: Registry) -> None:
    answer = client.get("/models/manifest.json", params={"model": "lite"})
    manifest = answer.json()
    assert (manifest["name"], manifest["geometry"]["fit"]) == ("lite", "pad")
    assert [file["role"] for file in manifest["files"]] == ["decoder", "codec_basis"]
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    for each in manifest["files"]:
        file = client.get(each["url"])
        assert hashlib.sha256(file.content).hexdigest() == each["sha256"]
        assert len(file.content) == each["bytes"]
        assert "immutable" in file.headers["cache-control"]
        assert file.headers["cross-origin-resource-policy"] == "cross-origin"
        part = client.get(each["url"], headers={"Range": "bytes=1000-1999"})
        assert (part.status_code, part.content) == (206, file.content[1000:2000])


def test_the_manifest_is_of_the_model_that_jobs_get(client: httpx.Client) -> None:
    assert (
        client.get("/models/manifest.json").json()["name"] == client.get("/readyz").json()["model"] == "lite"
    )


def test_ready_says_what_the_encoder_runs_other_than_asked(client: httpx.Client, stack: Stack) -> None:
    async def worker_notes(*notes: str) -> None:
        doorbell = ArqDoorbell(connect(stack.settings.services().redis_url))
        await doorbell.note("embed:lite", notes)
        await doorbell.close()

    until = time.monotonic() + 3 * WAIT_S
    while notes := client.get("/readyz").json()["notes"]:  # the stack's embed worker is still starting
        assert notes == [NO_ENCODER]
        assert time.monotonic() < until
        time.sleep(0.1)
    asyncio.run(worker_notes("encoder on CPU"))
    ready = client.get("/readyz")
    asyncio.run(worker_notes())
    assert (ready.status_code, ready.json()["notes"]) == (200, ["encoder on CPU"])


def test_encoders_and_foreign_files_stay_here(client: httpx.Client, registry: Registry) -> None:
    encoder = registry.manifest("lite").file("encoder")
    assert encoder is not None
    for name in (encoder.sha256, "0" * 64, "..%2f..%2fmanifests", "x"):
        assert client.get(f"/models/files/{name}").status_code == 404


def test_an_unknown_model(client: httpx.Client) -> None:
    answer = client.get("/models/manifest.json", params={"model": "nope"})
    assert (answer.status_code, answer.json()["code"]) == (422, "model_unknown")
