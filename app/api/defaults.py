"""`/api/account/settings`: the model and the options that the caller's jobs get where they do not say."""

from collections.abc import Mapping
from typing import Any, Self, TypeVar
from uuid import UUID

from pydantic import BaseModel, model_validator
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.accounts.types import AUTO_MODEL, Defaults
from app.api.auth import current_user
from app.api.documents import DefaultsDocument
from app.api.files import NO_STORE
from app.api.params import NoParams, Params, parse, query, read_body
from app.api.schemas import time_json
from app.api.serving import installed_model
from app.api.state import State
from app.matting.options import CutoutOptions

P = TypeVar("P", bound=BaseModel)


class DefaultsChange(Params):
    """All of it: what is left out is as it was in the beginning."""

    model: str = AUTO_MODEL
    options: CutoutOptions = CutoutOptions()

    @model_validator(mode="after")
    def _of_no_single_image(self) -> Self:
        if self.options.roi is not None:
            raise ValueError("options.roi belongs to one image, it is no default")
        if self.options.background_image is not None:
            raise ValueError("options.background: a picture may be deleted, a default is a colour")
        return self


async def get_defaults(request: Request[State]) -> Response:
    user_id = current_user(request)
    query(NoParams, request)
    return _answer(request.state, await request.state["accounts"].defaults(user_id))


async def set_defaults(request: Request[State]) -> Response:
    user_id = current_user(request)
    async with read_body(request) as body:
        wanted = parse(DefaultsChange, body.values)
    if wanted.model != AUTO_MODEL:
        installed_model(request.state, wanted.model)
    options = wanted.options.model_dump(mode="json", exclude_defaults=True)
    return _answer(
        request.state, await request.state["accounts"].set_defaults(user_id, wanted.model, options)
    )


async def parse_filled(state: State, user_id: UUID, model: type[P], values: Mapping[str, Any]) -> P:
    """As `parse`, with the user's defaults where the request does not say."""
    defaults = await state["accounts"].defaults(user_id)
    filled = {"model": defaults.model, **values}
    given = values.get("options", {})
    if "options" in model.model_fields and isinstance(given, Mapping):
        filled["options"] = {**defaults.options, **given}
    return parse(model, filled)


def _answer(state: State, defaults: Defaults) -> Response:
    """With every option, and the models that may be chosen."""
    models = [name for name in state["models"].names() if state["models"].installed(name)]
    document: DefaultsDocument = {
        "model": defaults.model,
        "options": CutoutOptions.model_validate(defaults.options).model_dump(mode="json"),
        "changed_at": time_json(defaults.changed_at),
        "models": [AUTO_MODEL, *models],
    }
    return JSONResponse(document, headers=NO_STORE)
