"""What receivers get, when they get it again, and what becomes of those that do not take it."""

import asyncio
import json
from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

import pytest
from standardwebhooks.webhooks import Webhook
from structlog.testing import capture_logs

from app.db.pool import Pool, connection
from app.jobs.claims import Claims, Outcome
from app.net.client import GuardedClient
from app.webhooks.sender import PER_RECEIVER, WebhookSender
from app.webhooks.service import WebhookService
from app.webhooks.types import EndpointChange, JobWebhook
from tests.net.servers import Answer, Heard, reply, serving
from tests.webhooks.conftest import NewJobOf


def answers(statuses: Iterable[int]) -> Answer:
    left = iter(statuses)

    async def answer(heard: Heard, writer: asyncio.StreamWriter) -> None:
        await reply(next(left), b"a word of the receiver's")(heard, writer)

    return answer


async def make_due(pool: Pool) -> None:
    """As if the wait were over."""
    async with connection(pool) as conn:
        await conn.execute("update webhook_deliveries set next_at = now() where state = 'pending'")


async def test_a_receiver_can_verify_what_it_gets(
    sender: WebhookSender, webhooks: WebhookService, user: UUID
) -> None:
    async with serving(reply(204)) as receiver:
        endpoint, secret = await webhooks.create(user, receiver.url("/hook"))
        delivery = await webhooks.test(user, endpoint.id)
        assert await sender.send_due() == 1
    (heard,) = receiver.heard
    assert heard.line == "POST /hook HTTP/1.1"
    assert heard.headers["content-type"] == "application/json"
    assert heard.headers["webhook-id"] == str(delivery.id)
    assert Webhook(secret.secret).verify(heard.body, heard.headers) == json.loads(delivery.payload)
    ended, attempts = await webhooks.delivery(user, delivery.id)
    assert (ended.state, ended.attempts) == ("delivered", 1)
    assert [(each.number, each.status, each.error) for each in attempts] == [(1, 204, None)]
    assert await sender.send_due() == 0


async def test_failing_three_times_then_taking_it_is_one_message(
    sender: WebhookSender, webhooks: WebhookService, user: UUID, pool: Pool
) -> None:
    async with serving(answers([500, 302, 404, 200])) as receiver:
        endpoint, secret = await webhooks.create(user, receiver.url())
        delivery = await webhooks.test(user, endpoint.id)
        for _ in range(4):
            await make_due(pool)
            assert await sender.send_due() == 1
        await make_due(pool)
        assert await sender.send_due() == 0
    assert {heard.headers["webhook-id"] for heard in receiver.heard} == {str(delivery.id)}
    for heard in receiver.heard:
        Webhook(secret.secret).verify(heard.body, heard.headers)
    ended, attempts = await webhooks.delivery(user, delivery.id)
    assert ended.state == "delivered"
    assert [each.status for each in attempts] == [500, 302, 404, 200]
    assert (await webhooks.get(user, endpoint.id)).failing_since is None


async def test_each_failure_waits_longer_until_the_schedule_ends(
    sender: WebhookSender, webhooks: WebhookService, user: UUID, pool: Pool
) -> None:
    async with serving(reply(500)) as receiver:
        endpoint, _ = await webhooks.create(user, receiver.url())
        delivery = await webhooks.test(user, endpoint.id)
        waits = []
        for _ in range(10):
            await make_due(pool)
            assert await sender.send_due() == 1
            tried, attempts = await webhooks.delivery(user, delivery.id)
            waits.append(round((tried.next_at - attempts[-1].started_at).total_seconds()))
        assert tried.state == "failed"
    assert waits[:9] == [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]


async def test_a_delivery_that_is_not_due_waits(
    sender: WebhookSender, webhooks: WebhookService, user: UUID
) -> None:
    async with serving(reply(500)) as receiver:
        endpoint, _ = await webhooks.create(user, receiver.url())
        await webhooks.test(user, endpoint.id)
        assert [await sender.send_due(), await sender.send_due()] == [1, 0]
    assert len(receiver.heard) == 1


async def test_410_disables_the_endpoint_and_ends_what_is_pending(
    sender: WebhookSender, webhooks: WebhookService, user: UUID, pool: Pool
) -> None:
    async with serving(answers([410])) as receiver:
        endpoint, _ = await webhooks.create(user, receiver.url())
        first, second = [await webhooks.test(user, endpoint.id) for _ in range(2)]
        async with connection(pool) as conn:
            await conn.execute(
                "update webhook_deliveries set next_at = now() + interval '1 h' where id = %s", (second.id,)
            )
        with capture_logs() as logs:
            await sender.send_due()
    gone = await webhooks.get(user, endpoint.id)
    assert gone.disabled_reason == "gone"
    assert [each["event"] for each in logs] == ["webhook endpoint disabled"]
    for delivery in (first, second):
        assert (await webhooks.delivery(user, delivery.id))[0].state == "failed"


@pytest.mark.parametrize(
    ("failing_for", "disabled"), [(timedelta(days=4), None), (timedelta(days=5), "failing")]
)
async def test_five_days_of_failure_disable_the_endpoint(
    sender: WebhookSender,
    webhooks: WebhookService,
    user: UUID,
    pool: Pool,
    failing_for: timedelta,
    disabled: str | None,
) -> None:
    async with serving(reply(503)) as receiver:
        endpoint, _ = await webhooks.create(user, receiver.url())
        await webhooks.test(user, endpoint.id)
        async with connection(pool) as conn:
            await conn.execute(
                "update webhook_endpoints set failing_since = now() - %s::interval", (failing_for,)
            )
        await sender.send_due()
    assert (await webhooks.get(user, endpoint.id)).disabled_reason == disabled


async def test_a_jobs_own_url_is_signed_with_the_accounts_secret(
    sender: WebhookSender, webhooks: WebhookService, claims: Claims, new_job: NewJobOf, user: UUID
) -> None:
    async with serving(answers([410])) as receiver:
        secret = await webhooks.rotate_secret(user, None)
        await new_job(JobWebhook(url=receiver.url()))
        job = await claims.claim("embed:lite", "worker", lease_s=60)
        assert job is not None
        await claims.succeed(job, Outcome({}), {})
        await sender.send_due()
    (heard,) = receiver.heard
    assert Webhook(secret.secret).verify(heard.body, heard.headers)["type"] == "job.succeeded"
    (delivery,) = (await webhooks.deliveries(user, job_id=job.id)).items
    assert delivery.state == "failed"


async def test_who_never_asked_for_a_secret_gets_signed_messages_too(
    sender: WebhookSender, webhooks: WebhookService, claims: Claims, new_job: NewJobOf, pool: Pool
) -> None:
    async with serving(reply(200)) as receiver:
        for _ in range(3):
            await new_job(JobWebhook(url=receiver.url()))
            job = await claims.claim("embed:lite", "worker", lease_s=60)
            assert job is not None
            await claims.succeed(job, Outcome({}), {})
        await sender.send_due()
    async with connection(pool) as conn:
        (row,) = await (await conn.execute("select secret from webhook_secrets")).fetchall()
    assert len(receiver.heard) == 3
    for heard in receiver.heard:
        Webhook(row["secret"]).verify(heard.body, heard.headers)


async def test_both_secrets_sign_during_a_rotation_and_then_one(
    sender: WebhookSender, webhooks: WebhookService, user: UUID, pool: Pool
) -> None:
    async with serving(reply(200)) as receiver:
        endpoint, first = await webhooks.create(user, receiver.url())
        second = await webhooks.rotate_secret(user, endpoint.id)
        await webhooks.test(user, endpoint.id)
        await sender.send_due()
        for secret in (first, second):
            Webhook(secret.secret).verify(receiver.heard[0].body, receiver.heard[0].headers)
        third = await webhooks.rotate_secret(user, endpoint.id)  # two at most: the first ends now
        await webhooks.test(user, endpoint.id)
        await sender.send_due()
        assert len(receiver.heard[1].headers["webhook-signature"].split()) == 2
        async with connection(pool) as conn:
            await conn.execute("update webhook_secrets set expires_at = now() where expires_at is not null")
        await webhooks.test(user, endpoint.id)
        await sender.send_due()
        assert len(receiver.heard[2].headers["webhook-signature"].split()) == 1
        Webhook(third.secret).verify(receiver.heard[2].body, receiver.heard[2].headers)


async def test_a_redelivery_has_the_same_id_and_the_whole_schedule(
    sender: WebhookSender, webhooks: WebhookService, user: UUID, pool: Pool
) -> None:
    async with serving(answers([200, 500, 200])) as receiver:
        endpoint, _ = await webhooks.create(user, receiver.url())
        delivery = await webhooks.test(user, endpoint.id)
        await sender.send_due()
        again = await webhooks.redeliver(user, delivery.id)
        assert (again.state, again.step, again.attempts) == ("pending", 0, 1)
        await sender.send_due()
        assert (await webhooks.delivery(user, delivery.id))[0].state == "pending"
        await make_due(pool)
        await sender.send_due()
    ended, attempts = await webhooks.delivery(user, delivery.id)
    assert (ended.state, [each.status for each in attempts]) == ("delivered", [200, 500, 200])
    assert len({heard.headers["webhook-id"] for heard in receiver.heard}) == 1


async def test_a_redelivery_goes_where_the_endpoint_lies_now(
    sender: WebhookSender, webhooks: WebhookService, user: UUID
) -> None:
    async with serving(reply(410)) as old, serving(reply(200)) as new:
        endpoint, _ = await webhooks.create(user, old.url())
        delivery = await webhooks.test(user, endpoint.id)
        await sender.send_due()
        await webhooks.change(user, endpoint.id, EndpointChange(url=new.url(), enabled=True))
        await webhooks.redeliver(user, delivery.id)
        await sender.send_due()
    assert (len(old.heard), len(new.heard)) == (1, 1)


async def test_several_senders_send_each_delivery_once(
    pool: Pool, client: GuardedClient, webhooks: WebhookService, user: UUID
) -> None:
    async with serving(reply(200)) as receiver:
        for _ in range(4):
            endpoint, _ = await webhooks.create(user, receiver.url())
            for _ in range(5):
                await webhooks.test(user, endpoint.id)
        senders = [WebhookSender(pool, client) for _ in range(3)]
        while sum(await asyncio.gather(*(each.send_due() for each in senders))):
            pass
    ids = [heard.headers["webhook-id"] for heard in receiver.heard]
    assert len(ids) == len(set(ids)) == 20


async def test_a_receiver_that_never_answers_holds_up_only_itself(
    sender: WebhookSender, webhooks: WebhookService, user: UUID
) -> None:
    async def never(_heard: Heard, _writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    async with serving(never) as silent, serving(reply(200)) as receiver:
        slow, _ = await webhooks.create(user, silent.url())
        quick, _ = await webhooks.create(user, receiver.url())
        for _ in range(50):
            await webhooks.test(user, slow.id)
        delivery = await webhooks.test(user, quick.id)
        assert await sender.send_due() == PER_RECEIVER + 1
    assert len(silent.heard) == PER_RECEIVER
    assert (await webhooks.delivery(user, delivery.id))[0].state == "delivered"
    timeouts = [
        (await webhooks.delivery(user, each.id))[1] for each in (await webhooks.deliveries(user)).items
    ]
    assert {(each.status, each.error) for attempts in timeouts for each in attempts} == {
        (200, None),
        (None, "url_timeout"),
    }


async def test_a_late_sender_changes_nothing(
    pool: Pool, webhooks: WebhookService, user: UUID, sender: WebhookSender
) -> None:
    """Stopped in the middle of its attempt for longer than its lease, then woken."""
    woken = asyncio.Event()

    async def held(heard: Heard, writer: asyncio.StreamWriter) -> None:
        first = len(receiver.heard) == 1
        if first:
            await woken.wait()
        await reply(500 if first else 200)(heard, writer)

    zombie = WebhookSender(pool, GuardedClient(allow_loopback=True))
    async with serving(held) as receiver:
        endpoint, _ = await webhooks.create(user, receiver.url())
        delivery = await webhooks.test(user, endpoint.id)
        stuck = asyncio.create_task(zombie.send_due())
        await receiver.has_heard(1)
        async with connection(pool) as conn:
            await conn.execute("update webhook_deliveries set lease_until = now()")
        assert await sender.send_due() == 1
        woken.set()
        await stuck
    ended, attempts = await webhooks.delivery(user, delivery.id)
    assert (ended.state, [each.status for each in attempts]) == ("delivered", [200])


async def test_nothing_of_the_receivers_words_or_of_secrets_is_kept_or_logged(
    sender: WebhookSender, webhooks: WebhookService, user: UUID, pool: Pool, capfd: pytest.CaptureFixture[str]
) -> None:
    async with serving(answers([500])) as receiver:
        endpoint, secret = await webhooks.create(user, receiver.url())
        delivery = await webhooks.test(user, endpoint.id)
        await sender.send_due()
    shown = repr(await webhooks.delivery(user, delivery.id)) + repr(await webhooks.get(user, endpoint.id))
    output = "".join(capfd.readouterr())
    for word in ("a word of the receiver's", secret.secret):
        assert word not in shown
        assert word not in output


async def test_the_loop_sends_until_it_is_told_to_stop(
    sender: WebhookSender, webhooks: WebhookService, user: UUID
) -> None:
    stop = asyncio.Event()
    async with serving(reply(200)) as receiver:
        endpoint, _ = await webhooks.create(user, receiver.url())
        running = asyncio.create_task(sender.run(stop))
        for _ in range(3):
            await webhooks.test(user, endpoint.id)
        async with asyncio.timeout(20):
            await receiver.has_heard(3)
            stop.set()
            await running
    found = (await webhooks.deliveries(user)).items
    assert {each.state for each in found} == {"delivered"}


async def test_old_deliveries_are_forgotten_and_pending_ones_are_not(
    sender: WebhookSender, webhooks: WebhookService, user: UUID, pool: Pool
) -> None:
    async with serving(reply(200)) as receiver:
        endpoint, _ = await webhooks.create(user, receiver.url())
        await webhooks.test(user, endpoint.id)
        await sender.send_due()
        waiting = await webhooks.test(user, endpoint.id)
    async with connection(pool) as conn:
        await conn.execute("update webhook_deliveries set created_at = now() - interval '31 days'")
    await sender.forget_old()
    assert [each.id for each in (await webhooks.deliveries(user)).items] == [waiting.id]
