"""`/api/clippingmagic/…`: the legacy path while it lives: an image goes there, a job brings its cutout."""

from uuid import UUID

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.api.auth import current_user
from app.api.documents import LegacyDocument
from app.api.files import NO_STORE
from app.api.idempotency import held_key
from app.api.intake import IMAGE_PART, image_of
from app.api.params import Body, JobRequest, SourceRequest, parse, read_body
from app.api.schemas import image_json
from app.api.segment import create_job, webhook_of
from app.api.serving import installed_model
from app.api.state import State
from app.engines.clippingmagic_http import Account
from app.engines.names import EngineName
from app.flags.types import Decision, Reason
from app.images.types import Image
from app.jobs.idempotency import HeldKey
from app.jobs.types import JobKind, LegacyFetchParams, NewJob
from app.legacy.errors import LegacyNotConfigured
from app.legacy.service import LegacyService
from app.legacy.types import LegacyImage
from app.matting.options import CutoutOptions
from app.reviews.service import NO_MODEL
from models.errors import ModelMissing


class SendRequest(SourceRequest):
    asked: bool = False
    """A person sends it from the new editor, and knows the price."""
    note: str | None = Field(None, max_length=500)
    """Why."""


class FetchRequest(JobRequest):
    options: CutoutOptions = CutoutOptions()


async def upload(request: Request[State]) -> Response:
    """201 with what ClippingMagic's script needs to edit the image."""
    user, state = current_user(request), request.state
    legacy = _legacy(state)
    async with read_body(request, IMAGE_PART) as body, held_key(request, user, body) as key:
        if key is not None and key.made is not None:
            sent = await legacy.get(user, key.made.int)
            image = await state["images"].get(user, sent.image_id)
        else:
            image, sent = await _sent(state, user, body, key)
    return JSONResponse(_document(legacy.account, image, sent), 201, NO_STORE)


async def fetch(request: Request[State]) -> Response:
    """202 with the job that brings the result here: from then on all is as with our own engine."""
    _legacy(request.state)
    legacy_id: int = request.path_params["legacy_id"]

    async def make(state: State, user: UUID, body: Body) -> NewJob:
        wanted = parse(FetchRequest, body.values)
        edited = await _legacy(state).get(user, legacy_id)
        return NewJob(
            user,
            JobKind.LEGACY_FETCH,
            _model(state, wanted.model),
            edited.image_id,
            LegacyFetchParams(legacy_id=legacy_id, options=wanted.options),
            webhook=webhook_of(state, wanted),
            engine=EngineName.CLIPPINGMAGIC,
            reason=Reason(edited.reason),
        )

    return await create_job(request, {}, make)


async def _sent(state: State, user: UUID, body: Body, key: HeldKey | None) -> tuple[Image, LegacyImage]:
    wanted = parse(SendRequest, body.values)
    reason = Reason.ASKED if wanted.asked else _reason(await state["flags"].decide(user))
    # refused before anything is bought; the job that fetches the result reserves
    await state["credits"].check(user, state["prices"].of_legacy(reason))
    image = await image_of(state, user, body, wanted)
    async with state["flags"].paid(reason):
        sent = await _legacy(state).send(state["store"], image, reason, wanted.note, key)
    return image, sent


def _document(account: Account, image: Image, sent: LegacyImage) -> LegacyDocument:
    return {
        "image": image_json(image),
        "clippingmagic": {
            "id": sent.id,
            "secret": sent.secret,
            "api_id": int(account.id) if account.id.isdecimal() else account.id,
            "script": account.script,
        },
        "reason": sent.reason,
        "fetch_url": f"/api/clippingmagic/fetch/{sent.id}",
    }


def _model(state: State, name: str) -> str:
    """Our own, for the day that a shadow is made of it; without one the legacy path works all the same."""
    try:
        return installed_model(state, name)
    except ModelMissing:
        return NO_MODEL


def _reason(decision: Decision) -> Reason:
    """Who is given our own engine now came with a page that was opened before."""
    return decision.reason if decision.engine is EngineName.CLIPPINGMAGIC else Reason.BEGUN


def _legacy(state: State) -> LegacyService:
    """Raises LegacyNotConfigured."""
    if state["legacy"] is None:
        raise LegacyNotConfigured("there is no ClippingMagic here")
    return state["legacy"]
