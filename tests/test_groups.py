"""Tests that share something large run in one process: otherwise three of each are made, 12 GB in all."""

import os

import pytest


def test_a_group_is_a_group(request: pytest.FixtureRequest, stack: object) -> None:
    """pytest 9.2 took pytest-xdist 3.8 its groups, and nothing said so."""
    assert request.node.nodeid.endswith("@stack") or "PYTEST_XDIST_WORKER" not in os.environ
