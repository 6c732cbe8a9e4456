from collections.abc import Iterator

import httpx
import pytest

from tests.data.photos import CAT
from tests.stack import Stack, succeeded


@pytest.fixture
def client(stack: Stack) -> Iterator[httpx.Client]:
    with stack.client() as client:
        yield client


@pytest.fixture(scope="session")
def encoded(stack: Stack) -> str:
    """The id of a cat that is encoded, with its automatic subject."""
    with stack.client() as client, CAT.path.open("rb") as photo:
        job = succeeded(client, client.post("/api/segment/encode", files={"image": ("cat.jpg", photo)}))
    image_id: str = job["image"]["id"]
    return image_id
