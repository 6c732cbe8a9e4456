from collections.abc import Iterator

import httpx
import pytest

from tests.stack import Stack


@pytest.fixture(scope="session")
def api_key(stack: Stack) -> str:
    with stack.client() as client:
        key: str = client.post("/api/keys", json={"name": "remove.bg", "scopes": ["read", "write"]}).json()[
            "key"
        ]
    return key


@pytest.fixture
def client(stack: Stack, api_key: str) -> Iterator[httpx.Client]:
    with stack.client() as client:
        client.headers["X-Api-Key"] = api_key
        yield client
