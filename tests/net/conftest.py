"""A count of every connection this process opens, whoever opens it."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest
import trustme

_recorders: list[list[tuple[Any, ...]]] = []


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.connect":
        for recorder in _recorders:
            recorder.append(arguments[1])


sys.addaudithook(_audit)  # an audit hook cannot be removed; without a recorder it does nothing


@pytest.fixture
def connects() -> Iterator[list[tuple[Any, ...]]]:
    """Address of each `connect()` this process makes on any socket, whoever makes it."""
    seen: list[tuple[Any, ...]] = []
    _recorders.append(seen)
    yield seen
    _recorders.remove(seen)


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()
