"""What can go wrong between us and Postgres."""

from app.errors import AppError, Internal, Unavailable


class DatabaseUnavailable(Unavailable):
    """Postgres does not answer; the same call may succeed in a moment."""

    code = "database_unavailable"


class MigrationChanged(Internal):
    """A migration that was applied has other text now, or a newer code base has been here."""

    code = "migration_changed"


class EmbeddedServiceFailed(AppError):
    """Postgres or Redis of `cutout dev` did not start."""

    code = "embedded_service_failed"
    exit_code = 3
