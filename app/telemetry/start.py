"""At the start of every process that serves or works."""

from app.settings import Settings
from app.telemetry import metrics, sentry


def start(settings: Settings, process: str) -> None:
    """Raises MetricsPortTaken."""
    if settings.metrics_port is not None:
        metrics.serve(process, settings.metrics_host, settings.metrics_port)
    if settings.sentry_dsn is not None:
        sentry.start(
            settings.sentry_dsn, process, traces=settings.sentry_traces, environment=settings.environment
        )
