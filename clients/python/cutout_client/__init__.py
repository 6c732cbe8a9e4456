"""A client of Cutout: `Cutout`, or `AsyncCutout` with coroutines."""

from cutout_client.aio import AsyncCutout
from cutout_client.errors import CutoutError, JobFailed, Unreachable
from cutout_client.sync import Cutout
from cutout_client.types import Batch, Counts, Failure, Image, Item, Job

__all__ = [
    "AsyncCutout",
    "Batch",
    "Counts",
    "Cutout",
    "CutoutError",
    "Failure",
    "Image",
    "Item",
    "Job",
    "JobFailed",
    "Unreachable",
]
