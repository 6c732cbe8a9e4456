import json
from collections.abc import Iterator
from typing import Any

import pytest
import sentry_sdk
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from app.telemetry import sentry

SENT: list[dict[str, Any]] = []
SECRETS = (
    "cut_0123456789abcdefghij",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "postgres://cutout:hunter2hunter2@db/cutout",
    "https://x.supabase.co/object/sign/a.png?token=s3cr3ts3cr3t",
    "Bearer s0methingS3cret",
)


class Kept(Transport):
    def capture_envelope(self, envelope: Envelope) -> None:
        SENT.extend(item.payload.json for item in envelope.items if item.payload.json is not None)


@pytest.fixture(autouse=True)
def told() -> Iterator[list[dict[str, Any]]]:
    sentry.start("https://public@sentry.example/1", "mask", traces=0, environment="test", transport=Kept)
    SENT.clear()
    yield SENT
    sentry_sdk.init(None)  # as before: nothing is told


def fail(image: bytes, secret: str) -> None:
    raise ValueError(f"could not reach {secret} with {image[:4]!r}")


def test_an_error_is_told_with_its_code_and_release(told: list[dict[str, Any]]) -> None:
    try:
        fail(b"\x89PNG" * 1000, "the store")
    except ValueError as error:
        event = {
            "event": "reported",
            "level": "error",
            "code": "quarantined",
            "job_id": "j-1",
            "exc_info": error,
        }
        assert sentry.forward(None, "error", event) is event
    (document,) = told
    assert document["tags"] == {"code": "quarantined", "job_id": "j-1"}
    assert document["release"].startswith("cutout@")
    assert document["server_name"] == "mask"
    assert document["exception"]["values"][0]["type"] == "ValueError"
    assert "vars" not in json.dumps(document)


@pytest.mark.parametrize("secret", SECRETS)
def test_what_opens_a_door_stays_here(told: list[dict[str, Any]], secret: str) -> None:
    try:
        fail(b"image", secret)
    except ValueError:
        sentry.forward(None, "error", {"event": f"with {secret}", "level": "error", "exc_info": True})
    sentry.forward(None, "error", {"event": f"without a trace {secret}", "level": "critical"})
    assert len(told) == 2
    text = json.dumps(told)
    for part in (
        "0123456789abcdefghij",
        "c2lnbmF0dXJl",
        "MfKQ9r8GKYqr",
        "hunter2",
        "s3cr3t",
        "s0methingS3cret",
    ):
        assert part not in text
    assert text.count("[hidden]") >= 3


def test_bytes_and_requests_are_left_out() -> None:
    event: Any = {"extra": {"image": b"\x89PNG" * 10, "deep": {"key": [b"x"]}}, "request": {"data": "…"}}
    assert sentry.before_send(event, {}) == {"extra": {"image": "[40 bytes]", "deep": {"key": ["[1 bytes]"]}}}


def test_what_is_no_error_is_not_told(told: list[dict[str, Any]]) -> None:
    sentry.forward(None, "warning", {"event": "job failed", "level": "warning", "code": "damaged"})
    assert told == []
