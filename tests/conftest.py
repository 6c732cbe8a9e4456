"""What every test may ask for: real model weights, fetched once per checkout."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.commands.models import models_app
from models.download import locked
from models.model import Model
from models.registry import Registry

pytest_plugins = ("tests.services", "tests.stack", "tests.gate", "tests.leaks")

REPOSITORY = Path(__file__).parent.parent


def pytest_xdist_auto_num_workers() -> int:
    """One more than the cores: a third of the time a test waits, for leases, restarts, slow networks."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(scope="session")
def registry() -> Registry:
    """The checkout's own, with `lite` in it; its locks keep xdist's workers from fetching that twice."""
    registry = Registry(REPOSITORY / ".cutout" / "models")
    registry.pull("lite")
    return registry


@pytest.fixture(scope="session")
def lite_model(registry: Registry) -> Model:
    return registry.open("lite", threads=2)


SHARED = {"fake_registry": "sam2", "stack": "stack", "gate": "gate", "legacy_stack": "legacy"}
"""Fixtures that take seconds to make and gigabytes to keep, and the group of the tests that ask for them."""


@pytest.hookimpl(tryfirst=True)  # before xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A group runs in one process: what it shares is made once."""
    for item in items:
        asked = getattr(item, "fixturenames", ())
        group = next((group for fixture, group in SHARED.items() if fixture in asked), None)
        if group is not None:
            item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def fake_registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """SAM 2.1 tiny with random weights: `fake-tiny`, made, pulled and exported by `cutout models`, once."""
    base = tmp_path_factory.getbasetemp()
    root = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "fake-models"
    with locked(root.with_suffix(".lock")):
        registry = Registry(root)
        commands = (
            ["fake", "sam2.1-hiera-tiny", "--seed", "0"],
            ["pull", "fake-tiny"],
            ["export", "fake-tiny"],
        )
        for command in commands if "fake-tiny" not in registry.names() else ():
            result = CliRunner().invoke(models_app, command, env={"CUTOUT_MODELS_DIR": str(root)})
            if result.exception is not None:
                raise result.exception
    return registry
