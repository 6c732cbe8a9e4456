"""
JobNotFound             no such job, or not yours
JobEnded (409)          what was asked is no longer possible
QueueFull (503)         the queue is longer than its limit; extra: retry_after, the estimate in seconds
TooManyJobs (429)       this user has enough of them waiting
KeyReused (422)         an Idempotency-Key with another payload
KeyInFlight (409)       an Idempotency-Key whose first request is still under way
LeaseLost               the worker's claim is void: canceled, or another worker has the job
├── what ends a job (Job.error): any AppError's code, and
JobTimeout              a step ran longer than a job may
DeadlinePassed          nobody took it in time
Quarantined             it ended six workers
├── what ends a stream of events, not a job
ListenerTooSlow         more happened than it took
TooManyListeners (503)  of this process
"""

from app.errors import AppError, BadInput, Conflict, Internal, NotFound, Unavailable


class JobNotFound(NotFound):
    code = "job_not_found"


class JobEnded(Conflict):
    """The job has ended; there is nothing left to cancel."""

    code = "job_ended"


class QueueFull(Unavailable):
    code = "queue_full"


class TooManyJobs(AppError):
    code = "too_many_jobs"
    status = 429
    retryable = True


class KeyReused(BadInput):
    code = "idempotency_key_reused"


class KeyInFlight(Conflict):
    code = "idempotency_key_in_flight"
    retryable = True


class LeaseLost(Conflict):
    """The fence is not ours any more: canceled, or given to another worker. Not a failure of the job."""

    code = "lease_lost"


class JobTimeout(AppError):
    code = "job_timeout"
    report = True


class DeadlinePassed(AppError):
    """No worker took the job before its deadline."""

    code = "deadline_passed"
    status = 504


class Quarantined(Internal):
    """Every worker that took the job died of it."""

    code = "quarantined"


class ListenerTooSlow(AppError):
    """The listener was dropped; it may come back with the last event's id and misses nothing."""

    code = "listener_too_slow"
    status = 408


class TooManyListeners(Unavailable):
    code = "too_many_listeners"
