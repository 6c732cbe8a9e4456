"""
JobNotFound             no such job, or not yours
JobEnded (409)          what was asked is no longer possible
LeaseLost               the worker's claim is void: canceled, or another worker has the job
├── what ends a job (Job.error): any AppError's code, and
JobTimeout              a step ran longer than a job may
DeadlinePassed          nobody took it in time
Quarantined             it ended six workers
"""

from app.errors import AppError, Conflict, Internal, NotFound


class JobNotFound(NotFound):
    code = "job_not_found"


class JobEnded(Conflict):
    """The job has ended; there is nothing left to cancel."""

    code = "job_ended"


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
