"""`/api/jobs…`: state (long poll), list, cancel, the file."""

from pathlib import PurePath

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.api.auth import current_user
from app.api.documents import JobDocument
from app.api.errors import NoResult, NotFinished
from app.api.files import NO_STORE, FileView, serve, stored
from app.api.params import JobQuery, JobsQuery, NoParams, path_id, query
from app.api.schemas import job_json, page_json, view_json
from app.api.state import State
from app.images.errors import ImageNotFound
from app.imaging.types import Format
from app.jobs.types import Job, JobStatus


async def get_job(request: Request[State]) -> Response:
    """`?wait=N` answers when the job ends, or after N seconds with the job as it stands."""
    user = current_user(request)
    job_id, wait = path_id(request, "job_id"), query(JobQuery, request).wait
    view = await request.state["hub"].wait(user, job_id, wait)
    return JSONResponse(view_json(view), headers=NO_STORE)


async def list_jobs(request: Request[State]) -> Response:
    user = current_user(request)
    wanted = query(JobsQuery, request)
    page = await request.state["jobs"].list(user, **dict(wanted))
    items = [await rendered(request.state, job, position=False) for job in page.items]
    return JSONResponse(page_json(page, items), headers=NO_STORE)


async def cancel_job(request: Request[State]) -> Response:
    user = current_user(request)
    query(NoParams, request)
    job = await request.state["jobs"].cancel(user, path_id(request, "job_id"))
    return JSONResponse(await rendered(request.state, job), headers=NO_STORE)


async def job_result(request: Request[State]) -> Response:
    user = current_user(request)
    query(NoParams, request)
    state = request.state
    job = await state["jobs"].get(user, path_id(request, "job_id"))
    if not job.status.ended:
        raise NotFinished(f"the job is still {job.status}", job_status=job.status)
    if job.status is not JobStatus.SUCCEEDED or job.result_key is None or job.result is None:
        raise NoResult(f"the job has {job.status} and has no file")
    result, image = job.result, await state["images"].get(user, job.image_id)
    view = FileView(
        size=result["bytes"],
        etag=result["sha256"],
        content_type=Format(result["format"]).content_type,
        read=stored(state["store"], job.result_key),
        filename=f"{PurePath(image.filename or 'image').stem}-cutout.{result['format']}",
    )
    response = serve(view, request.headers)
    if sent := int(response.headers.get("content-length", 0)):
        await state["usage"].served(job.id, sent)
    return response


async def rendered(state: State, job: Job, *, position: bool = True) -> JobDocument:
    """The job's document. Lists leave out the queue position: a count over the queue for each job."""
    try:
        image = await state["images"].get(job.user_id, job.image_id)
        size = (image.width, image.height)
    except ImageNotFound:
        size = None
    return job_json(job, size, await state["jobs"].queue_position(job) if position else None)
