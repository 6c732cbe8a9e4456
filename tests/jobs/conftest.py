from uuid import UUID

import pytest

from app.db.pool import Pool
from app.jobs.claims import Claims
from app.jobs.events import Events
from app.jobs.reconciler import Reconciler
from app.jobs.service import JobService
from app.jobs.types import EncodeParams, JobKind, NewJob
from app.queue.arq_adapter import ArqDoorbell
from tests.rows import a_user, an_image

LEASE_S = 30.0


@pytest.fixture
def owner(dsn: str) -> UUID:
    return a_user(dsn)


@pytest.fixture
def image(dsn: str, owner: UUID) -> UUID:
    return an_image(dsn, owner)


@pytest.fixture
def events(doorbell: ArqDoorbell) -> Events:
    return Events(doorbell)


@pytest.fixture
def jobs(pool: Pool, doorbell: ArqDoorbell, events: Events) -> JobService:
    return JobService(pool, doorbell, events)


@pytest.fixture
def claims(pool: Pool, doorbell: ArqDoorbell, events: Events) -> Claims:
    return Claims(pool, doorbell, events)


@pytest.fixture
def reconciler(pool: Pool, doorbell: ArqDoorbell, events: Events) -> Reconciler:
    return Reconciler(pool, doorbell, events, lease_s=LEASE_S)


@pytest.fixture
def encode(owner: UUID, image: UUID) -> NewJob:
    return NewJob(owner, JobKind.ENCODE, "lite", image, EncodeParams(), request_id="request-1")
