"""What every test may ask for: real model weights, fetched once per checkout."""

from pathlib import Path

import pytest

from models.model import Model
from models.registry import Registry

pytest_plugins = ("tests.services", "tests.stack")

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def registry() -> Registry:
    """The checkout's own, with `lite` in it; its locks keep xdist's workers from fetching that twice."""
    registry = Registry(REPOSITORY / ".cutout" / "models")
    registry.pull("lite")
    return registry


@pytest.fixture(scope="session")
def lite_model(registry: Registry) -> Model:
    return registry.open("lite", threads=2)
