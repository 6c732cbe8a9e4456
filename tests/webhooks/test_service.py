import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import pytest

from app.db.pool import Pool
from app.net.client import GuardedClient
from app.net.errors import UrlRefused
from app.webhooks import service
from app.webhooks.errors import DeliveryNotFound, TooManyWebhooks, WebhookDisabled, WebhookNotFound
from app.webhooks.service import NewSecret, WebhookService
from app.webhooks.types import EndpointChange, WebhookEvent
from tests.rows import a_user

URL = "http://127.0.0.1:9/hook"


async def test_an_endpoint_is_made_changed_and_removed(webhooks: WebhookService, user: UUID) -> None:
    made, secret = await webhooks.create(user, URL, [WebhookEvent.JOB_FAILED], "the shop's")
    assert secret.secret.startswith("whsec_")
    assert await webhooks.list(user) == [made]
    changed = await webhooks.change(user, made.id, EndpointChange(events=(), description="all"))
    assert (changed.url, changed.events, changed.description) == (URL, (), "all")
    await webhooks.delete(user, made.id)
    assert await webhooks.list(user) == []


async def test_disabling_and_enabling_are_said(webhooks: WebhookService, user: UUID) -> None:
    made, _ = await webhooks.create(user, URL)
    off = await webhooks.change(user, made.id, EndpointChange(enabled=False))
    assert off.disabled_reason == "by_user"
    assert off.disabled_at is not None
    again = await webhooks.change(user, made.id, EndpointChange(enabled=False))
    assert again.disabled_at == off.disabled_at
    on = await webhooks.change(user, made.id, EndpointChange(enabled=True))
    assert (on.disabled_at, on.disabled_reason) == (None, None)


async def test_disabling_ends_what_is_pending_and_refuses_more(webhooks: WebhookService, user: UUID) -> None:
    made, _ = await webhooks.create(user, URL)
    delivery = await webhooks.test(user, made.id)
    await webhooks.change(user, made.id, EndpointChange(enabled=False))
    assert (await webhooks.delivery(user, delivery.id))[0].state == "failed"
    for refused in (webhooks.test(user, made.id), webhooks.redeliver(user, delivery.id)):
        with pytest.raises(WebhookDisabled):
            await refused
    assert (await webhooks.delivery(user, delivery.id))[0].state == "failed"


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1/", "ftp://example.com/", "https://user:x@example.com/", "x"]
)
async def test_a_url_that_can_never_be_called_is_not_stored(
    webhooks: WebhookService, user: UUID, url: str
) -> None:
    with pytest.raises(UrlRefused):
        await webhooks.create(user, url)
    with pytest.raises(UrlRefused):
        webhooks.for_job(url)
    made, _ = await webhooks.create(user, URL)
    with pytest.raises(UrlRefused):
        await webhooks.change(user, made.id, EndpointChange(url=url))


async def test_loopback_is_refused_without_the_flag(pool: Pool, user: UUID) -> None:
    with pytest.raises(UrlRefused):
        await WebhookService(pool, GuardedClient()).create(user, URL)


Call = Callable[[WebhookService, UUID, UUID, UUID], Awaitable[object]]
CALLS: list[Call] = [
    lambda webhooks, user, endpoint, delivery: webhooks.get(user, endpoint),
    lambda webhooks, user, endpoint, delivery: webhooks.change(user, endpoint, EndpointChange(enabled=False)),
    lambda webhooks, user, endpoint, delivery: webhooks.delete(user, endpoint),
    lambda webhooks, user, endpoint, delivery: webhooks.rotate_secret(user, endpoint),
    lambda webhooks, user, endpoint, delivery: webhooks.test(user, endpoint),
    lambda webhooks, user, endpoint, delivery: webhooks.delivery(user, delivery),
    lambda webhooks, user, endpoint, delivery: webhooks.redeliver(user, delivery),
]


@pytest.mark.parametrize("call", CALLS)
async def test_what_is_anothers_is_not_found(
    call: Call, webhooks: WebhookService, user: UUID, dsn: str
) -> None:
    stranger = a_user(dsn)
    endpoint, _ = await webhooks.create(user, URL)
    delivery = await webhooks.test(user, endpoint.id)
    for who, which_endpoint, which_delivery in (
        (stranger, endpoint.id, delivery.id),
        (user, uuid4(), uuid4()),
    ):
        with pytest.raises((WebhookNotFound, DeliveryNotFound)):
            await call(webhooks, who, which_endpoint, which_delivery)
    assert await webhooks.list(user) == [endpoint]
    assert await webhooks.list(stranger) == []
    assert (await webhooks.deliveries(stranger)).items == ()
    await call(webhooks, user, endpoint.id, delivery.id)


async def test_the_limit_holds_for_requests_at_once(
    webhooks: WebhookService, user: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_ENDPOINTS", 3)
    made = await asyncio.gather(*(webhooks.create(user, URL) for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(each, TooManyWebhooks) for each in made) == 5
    assert len(await webhooks.list(user)) == 3


async def test_deliveries_are_paged_and_filtered(webhooks: WebhookService, user: UUID) -> None:
    one, _ = await webhooks.create(user, URL)
    other, _ = await webhooks.create(user, URL)
    sent = [(await webhooks.test(user, one.id)).id for _ in range(5)]
    await webhooks.test(user, other.id)
    first = await webhooks.deliveries(user, endpoint_id=one.id, limit=3)
    second = await webhooks.deliveries(user, endpoint_id=one.id, limit=3, cursor=first.next_cursor)
    assert [each.id for each in (*first.items, *second.items)] == sent[::-1]
    assert second.next_cursor is None
    assert (await webhooks.deliveries(user, state="delivered")).items == ()
    assert (await webhooks.deliveries(user, job_id=uuid4())).items == ()


def test_a_secret_does_not_show_itself() -> None:
    assert "whsec_" not in f"{NewSecret('whsec_x')!r} {NewSecret('whsec_x')}"
