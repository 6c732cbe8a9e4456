"""What Prometheus reads, and that the dashboard and the alerts ask for nothing else."""

import re
import socket
from pathlib import Path

import httpx
import pytest
from prometheus_client import REGISTRY

from app.jobs.admin import QueueState
from app.jobs.gauges import show
from app.jobs.repository import QueueStats
from app.telemetry import metrics
from tests.gate import Gate

DEPLOY = Path(__file__).parents[2] / "deploy"


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_the_queues_are_shown_and_forgotten() -> None:
    show([QueueState(QueueStats("embed:lite", waiting=3, processing=1, oldest_s=7.5), 2)])
    assert value("cutout_queue_jobs", queue="embed:lite", status="queued") == 3
    assert value("cutout_queue_age_seconds", queue="embed:lite") == 7.5
    assert value("cutout_workers", queue="embed:lite") == 2
    show([QueueState(QueueStats("mask"), None)])
    assert REGISTRY.get_sample_value("cutout_workers", {"queue": "embed:lite"}) is None


def test_each_process_serves_its_own() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        free = listener.getsockname()[1]
    metrics.serve("web", "127.0.0.1", free)
    text = httpx.get(f"http://127.0.0.1:{free}/metrics", trust_env=False).text
    assert "cutout_jobs_total" in text
    with pytest.raises(metrics.MetricsPortTaken, match="CUTOUT_METRICS_PORT"):
        metrics.serve("web", "127.0.0.1", free)


def test_methods_that_somebody_made_up_are_one(gate: Gate) -> None:
    """A series for each word would fill the memory of `web`."""
    before = value("cutout_request_seconds_count", method="any", route="none", status="404")
    with gate.client() as client:
        for method in ("BREW", "WHEN"):
            assert client.request(method, "/nowhere").status_code == 404
            assert client.request(method, "/healthz").status_code == 405
    assert value("cutout_request_seconds_count", method="any", route="none", status="404") == before + 2
    methods = {
        sample.labels["method"]
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if metric.name == "cutout_request_seconds"
    }
    assert not methods & {"BREW", "WHEN"}


@pytest.mark.parametrize("file", ["grafana.json", "alerts.yml", "fly-autoscaler.toml"])
def test_what_is_deployed_asks_for_figures_that_there_are(file: str) -> None:
    asked = set(re.findall(r"\bcutout_\w+", (DEPLOY / file).read_text()))
    suffixes = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}
    known = {m.name + part for m in REGISTRY.collect() for part in suffixes.get(m.type, ())}
    assert asked
    assert asked <= known
