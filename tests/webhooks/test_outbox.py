"""Every way of ending a job writes its deliveries in the same transaction; nothing else writes any."""

import json
from uuid import UUID

import pytest

from app.db.pool import Connection, Pool, connection
from app.errors import BadInput, Unavailable
from app.jobs.claims import Claims, Outcome
from app.jobs.errors import LeaseLost
from app.jobs.events import Events
from app.jobs.reconciler import Reconciler
from app.jobs.service import JobService
from app.jobs.types import Job
from app.queue.arq_adapter import ArqDoorbell
from app.webhooks.service import WebhookService
from app.webhooks.types import Delivery, EndpointChange, JobWebhook, WebhookEvent
from tests.rows import a_user
from tests.webhooks.conftest import NewJobOf

URL = "http://127.0.0.1:9/hook"


async def written(webhooks: WebhookService, user: UUID) -> list[Delivery]:
    return list((await webhooks.deliveries(user)).items)


async def claimed(claims: Claims) -> Job:
    job = await claims.claim("embed:lite", "worker", lease_s=60)
    assert job is not None
    return job


async def test_success_writes_one_delivery_for_each_endpoint_that_listens(
    webhooks: WebhookService, claims: Claims, new_job: NewJobOf, user: UUID, dsn: str
) -> None:
    all_of_them, _ = await webhooks.create(user, URL)
    succeeded, _ = await webhooks.create(user, URL, [WebhookEvent.JOB_SUCCEEDED])
    await webhooks.create(user, URL, [WebhookEvent.JOB_FAILED, WebhookEvent.JOB_CANCELED])
    await webhooks.create(a_user(dsn), URL)
    off, _ = await webhooks.create(user, URL)
    await webhooks.change(user, off.id, EndpointChange(enabled=False))
    job = await new_job()
    await claims.succeed(await claimed(claims), Outcome({"done": True}), {})
    found = await written(webhooks, user)
    assert {each.endpoint_id for each in found} == {all_of_them.id, succeeded.id}
    assert {(each.job_id, each.event, each.state) for each in found} == {(job.id, "job.succeeded", "pending")}


async def test_the_payload_says_what_ended_and_how(
    webhooks: WebhookService, claims: Claims, new_job: NewJobOf, user: UUID
) -> None:
    await webhooks.create(user, URL)
    job = await new_job()
    ended = await claims.fail(await claimed(claims), BadInput("the file is broken", secret_path="/srv/x"))
    (delivery,) = await written(webhooks, user)
    payload = json.loads(delivery.payload)
    assert payload["type"] == "job.failed"
    assert ended.finished_at is not None
    assert payload["timestamp"].startswith(ended.finished_at.strftime("%Y-%m-%dT%H:%M:%S"))
    data = payload["data"]
    assert (data["id"], data["kind"], data["status"]) == (str(job.id), "encode", "failed")
    assert data["error"] == {"code": "bad_input", "message": "the file is broken"}
    assert data["url"] == f"/api/jobs/{job.id}"


async def test_a_job_with_its_own_url_needs_no_endpoint(
    webhooks: WebhookService, claims: Claims, jobs: JobService, new_job: NewJobOf, user: UUID
) -> None:
    await new_job(JobWebhook(url=URL))
    await new_job(JobWebhook(url=URL, events=(WebhookEvent.JOB_FAILED,)))
    await new_job()
    for _ in range(3):
        await claims.succeed(await claimed(claims), Outcome({}), {})
    (delivery,) = await written(webhooks, user)
    assert (delivery.endpoint_id, delivery.url, delivery.event) == (None, URL, "job.succeeded")


async def test_cancel_and_the_deletion_of_an_image_tell(
    webhooks: WebhookService, jobs: JobService, new_job: NewJobOf, user: UUID, pool: Pool
) -> None:
    await webhooks.create(user, URL)
    first, second = await new_job(), await new_job()
    await jobs.cancel(user, first.id)
    async with connection(pool) as conn:
        await jobs.cancel_of_images(conn, [second.image_id])
    assert {(each.job_id, each.event) for each in await written(webhooks, user)} == {
        (first.id, "job.canceled"),
        (second.id, "job.canceled"),
    }


async def test_the_sweeper_tells(
    webhooks: WebhookService, new_job: NewJobOf, user: UUID, pool: Pool, doorbell: ArqDoorbell
) -> None:
    await webhooks.create(user, URL)
    job = await new_job()
    async with connection(pool) as conn:
        await conn.execute("update jobs set deadline = now() - interval '1 s'")
    await Reconciler(pool, doorbell, Events(None), lease_s=60).sweep()
    (delivery,) = await written(webhooks, user)
    assert (delivery.job_id, delivery.event) == (job.id, "job.failed")


async def test_what_does_not_end_a_job_tells_nothing(
    webhooks: WebhookService, claims: Claims, new_job: NewJobOf, user: UUID
) -> None:
    class Later(Unavailable):
        pass

    await webhooks.create(user, URL)
    await new_job()
    job = await claimed(claims)
    await claims.progress(job, 0.5)
    job = await claims.give_back(job)
    job = await claimed(claims)
    await claims.fail(job, Later("in a moment"))
    assert await written(webhooks, user) == []


async def test_a_result_that_is_not_written_tells_nothing(
    webhooks: WebhookService, claims: Claims, jobs: JobService, new_job: NewJobOf, user: UUID
) -> None:
    async def broken(_conn: Connection) -> None:
        raise RuntimeError("the effect failed")

    await webhooks.create(user, URL)
    await new_job()
    job = await claimed(claims)
    with pytest.raises(RuntimeError, match="the effect failed"):
        await claims.succeed(job, Outcome({}, effects=[broken]), {})
    assert await written(webhooks, user) == []
    await jobs.cancel(user, job.id)
    with pytest.raises(LeaseLost):  # a zombie: the job was canceled meanwhile
        await claims.succeed(job, Outcome({}), {})
    assert [each.event for each in await written(webhooks, user)] == ["job.canceled"]
