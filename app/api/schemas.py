"""What clients see (DESIGN §9). Rows hold storage keys; documents hold URLs."""

from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

from app.api.documents import BatchDocument, ImageDocument, ItemDocument, JobDocument, JobImage, PageDocument
from app.api.editor import PATH as EDITOR_PATH
from app.batches.types import Batch, Item
from app.db.page import Page
from app.images.types import Image
from app.jobs.types import Job, JobKind, JobStatus
from app.jobs.views import JobView
from app.matting.options import CutoutOptions

T = TypeVar("T")
D = TypeVar("D")


def page_json(page: Page[T], items: list[D]) -> PageDocument[D]:
    return {"items": items, "next_cursor": page.next_cursor}


def image_json(image: Image) -> ImageDocument:
    here = image_url(image.id)
    return {
        "id": str(image.id),
        "width": image.width,
        "height": image.height,
        "format": image.format,
        "bytes": image.bytes,
        "sha256": image.sha256,
        "filename": image.filename,
        "created_at": time_json(image.created_at),
        "expires_at": time_json(image.expires_at),
        "crop_of": str(image.crop_of) if image.crop_of else None,
        "box": image.box,
        "urls": {
            "self": here,
            "working": f"{here}/working",
            "embedding": f"{here}/embedding",
            "auto_mask": f"{here}/auto-mask",
        },
    }


def job_json(
    job: Job, size: tuple[int, int] | None, queue_position: int | None, starting: bool | None = None
) -> JobDocument:
    """`size` is the (width, height) of the job's image; None once the image is deleted."""
    here = job_url(job.id)
    width, height = size or (None, None)
    return {
        "id": str(job.id),
        "kind": job.kind,
        "batch_id": str(job.batch_id) if job.batch_id else None,
        "status": job.status,
        "engine": job.engine,
        "engine_reason": job.engine_reason,
        "model": job.model,
        "image": {"id": str(job.image_id), "width": width, "height": height},
        "progress": job.progress,
        "queue_position": queue_position,
        "starting": starting,
        "attempt": job.attempt,
        "credits": job.credits / 1000,
        "cost_usd": job.cost_micros / 1_000_000,
        "timings": job.timings,
        "created_at": time_json(job.created_at),
        "started_at": time_json(job.started_at),
        "finished_at": time_json(job.finished_at),
        "urls": {
            "self": here,
            "events": f"{here}/events",
            "ws": f"{here}/ws",
            "cancel": f"{here}/cancel",
            "result": f"{here}/result",
        },
        "result": _result(job) if job.status is JobStatus.SUCCEEDED else None,
        "error": job.error,
    }


def batch_json(batch: Batch) -> BatchDocument:
    here = batch_url(batch.id)
    return {
        "id": str(batch.id),
        "name": batch.name,
        "status": batch.status,
        "model": batch.model,
        "options": CutoutOptions.model_validate(batch.options).model_dump(mode="json"),
        "counts": {
            **{state.value: count for state, count in batch.counts.items()},
            "total": sum(batch.counts.values()),
        },
        "created_at": time_json(batch.created_at),
        "closed_at": time_json(batch.closed_at),
        "finished_at": time_json(batch.finished_at),
        "urls": {
            "self": here,
            "items": f"{here}/items",
            "close": f"{here}/close",
            "pause": f"{here}/pause",
            "resume": f"{here}/resume",
            "cancel": f"{here}/cancel",
            "retry": f"{here}/retry",
            "result": f"{here}/result.zip",
            "report": f"{here}/report.csv",
            "review": f"{EDITOR_PATH}?batch={batch.id}",
        },
    }


def item_json(item: Item) -> ItemDocument:
    width, height = item.image_size or (None, None)
    here = f"{batch_url(item.batch_id)}/items/{item.id}"
    image: JobImage | None = None
    if item.image_id:
        image = {"id": str(item.image_id), "width": width, "height": height}
    return {
        "id": str(item.id),
        "name": item.name,
        "state": item.state,
        "error": item.error,
        "confidence": item.confidence,
        "image": image,
        "job_id": str(item.job_id) if item.job_id else None,
        "credits": item.credits / 1000,
        "reviewed_at": time_json(item.reviewed_at),
        "urls": {
            "review": f"{here}/review",
            "job": job_url(item.job_id) if item.job_id else None,
            "result": f"{job_url(item.job_id)}/result" if item.job_id and item.result_key else None,
        },
    }


def view_json(view: JobView) -> JobDocument:
    return job_json(view.job, view.size, view.queue_position, view.starting)


def image_url(image_id: UUID) -> str:
    return f"/api/images/{image_id}"


def batch_url(batch_id: UUID) -> str:
    return f"/api/batches/{batch_id}"


def job_url(job_id: UUID) -> str:
    return f"/api/jobs/{job_id}"


def _result(job: Job) -> dict[str, Any]:
    stored = job.result or {}
    if job.kind is not JobKind.ENCODE:
        return {"url": f"{job_url(job.id)}/result" if job.result_key else None, **stored}
    image = image_url(job.image_id)
    document = {
        "embedding": {"url": f"{image}/embedding?model={job.model}", **stored["embedding"]},
        "auto": None,
    }
    if auto := stored.get("auto"):
        shown = {name: auto[name] for name in ("score", "box", "points")}
        document["auto"] = {"mask_url": f"{image}/auto-mask?model={job.model}", **shown}
    return document


def time_json(moment: datetime | None) -> str | None:
    """RFC 3339 in UTC, to the millisecond."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
