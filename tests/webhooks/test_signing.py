"""Our signatures against the reference package."""

import base64
import json
import time

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from app.webhooks import signing

BODY = json.dumps({"type": "job.succeeded", "data": {"name": "Maß"}}, ensure_ascii=False).encode()


def test_the_reference_package_verifies_our_signature() -> None:
    secret = signing.new_secret()
    headers = signing.headers([secret], "id-1", int(time.time()), BODY)
    assert Webhook(secret).verify(BODY, headers) == json.loads(BODY)


def test_either_secret_verifies_during_a_rotation() -> None:
    old, new = signing.new_secret(), signing.new_secret()
    headers = signing.headers([new, old], "id-1", int(time.time()), BODY)
    for secret in (old, new):
        Webhook(secret).verify(BODY, headers)


@pytest.mark.parametrize(
    "changed",
    [
        {"webhook-id": "id-2"},
        {"webhook-timestamp": str(int(time.time()) - 1)},
        {"webhook-signature": "v1,AAAA"},
    ],
)
def test_a_changed_header_does_not_verify(changed: dict[str, str]) -> None:
    secret = signing.new_secret()
    headers = signing.headers([secret], "id-1", int(time.time()), BODY)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY, {**headers, **changed})


def test_another_secret_does_not_verify() -> None:
    headers = signing.headers([signing.new_secret()], "id-1", int(time.time()), BODY)
    with pytest.raises(WebhookVerificationError):
        Webhook(signing.new_secret()).verify(BODY, headers)


def test_a_secret_is_long_enough_and_new_each_time() -> None:
    """The specification asks for 24 to 64 bytes behind `whsec_`."""
    first, second = signing.new_secret(), signing.new_secret()
    assert first != second
    assert 24 <= len(base64.b64decode(first.removeprefix("whsec_"), validate=True)) <= 64
