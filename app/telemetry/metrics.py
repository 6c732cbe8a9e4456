"""Figures for Prometheus. Each process serves its own, on a port that only operators reach (DESIGN §14)."""

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics, start_http_server

from app.errors import AppError

PORTS = {"web": 0, "embed": 1, "mask": 2, "legacy": 3}
"""Added to CUTOUT_METRICS_PORT, so that one host may run all of them."""
disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, which nobody reads
_SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

REQUESTS = Histogram(
    "cutout_request_seconds", "Requests by route", ("method", "route", "status"), buckets=_SECONDS
)
QUEUE_JOBS = Gauge("cutout_queue_jobs", "Jobs that wait or are worked on", ("queue", "status"))
QUEUE_AGE = Gauge("cutout_queue_age_seconds", "How long the first that may run has waited", ("queue",))
WORKERS = Gauge("cutout_workers", "Workers alive", ("queue",))
JOBS = Counter("cutout_jobs_total", "Runs of jobs by how they ended", ("kind", "outcome", "code"))
STEPS = Histogram("cutout_step_seconds", "Steps of jobs", ("kind", "step"), buckets=_SECONDS)
BATCHES = Histogram(
    "cutout_batch_images", "Images of one run of an encoder", buckets=(1, 2, 4, 8, 16, 32, 64)
)
LEASES = Counter("cutout_leases_expired_total", "Jobs taken from workers that fell silent")
STORAGE = Counter("cutout_storage_failures_total", "Requests that the object store failed", ("code",))
WEBHOOKS = Counter("cutout_webhook_attempts_total", "Deliveries tried", ("outcome",))
CREDITS = Counter("cutout_credits_total", "Credits charged", ("engine",))
SWITCHES = Counter(
    "cutout_engine_switches_total", "Turns to ClippingMagic and back for our health", ("to", "reason")
)
COST = Counter("cutout_cost_dollars_total", "What jobs cost us", ("kind", "engine"))


class MetricsPortTaken(AppError):
    code = "metrics_port_taken"
    exit_code = 3


def serve(process: str, host: str, port: int) -> None:
    """`/metrics` in a thread of its own, for as long as the process lives. Raises MetricsPortTaken."""
    own = port + PORTS.get(process, 0)
    try:
        start_http_server(own, addr=host)
    except OSError as error:
        raise MetricsPortTaken(
            f"CUTOUT_METRICS_PORT: {host}:{own} cannot be listened on ({error.strerror})"
        ) from None
