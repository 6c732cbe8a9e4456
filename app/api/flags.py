"""`/api/admin/flags/sam2_editor…`: who gets the new editor, for admins; each change is in the audit log."""

from typing import Any

from pydantic import JsonValue, RootModel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.api.auth import current_user
from app.api.files import NO_STORE
from app.api.params import NoParams, Params, parse, path_id, query, read_body
from app.api.schemas import time_json
from app.api.state import State
from app.engines.names import EngineName
from app.flags.types import Flag


class RulesChange(RootModel[dict[str, JsonValue]]):
    """Some of the rules that GET shows; app.flags checks them."""


class Override(Params):
    engine: EngineName


async def show(request: Request[State]) -> Response:
    """What is in force, and the newest versions as they were written."""
    current_user(request)
    query(NoParams, request)
    flags = request.state["flags"]
    history = [
        {
            "version": version.version,
            "rules": version.rules,
            "changed_by": version.changed_by,
            "changed_at": time_json(version.changed_at),
        }
        for version in await flags.history()
    ]
    overrides = {str(user): engine for user, engine in (await flags.overrides()).items()}
    document = {**_flag_json(await flags.current()), "overrides": overrides, "history": history}
    return JSONResponse(document, headers=NO_STORE)


async def change(request: Request[State]) -> Response:
    """Some of the rules. 422 `flag_invalid` leaves all as it is."""
    admin = current_user(request)
    async with read_body(request) as body:
        changes = RulesChange.model_validate(body.values).root
    flag = await request.state["flags"].change(lambda _: changes, str(admin))
    return JSONResponse(_flag_json(flag), headers=NO_STORE)


async def override(request: Request[State]) -> Response:
    """204. One user's engine, whatever the lists say."""
    admin, user_id = current_user(request), path_id(request, "user_id")
    async with read_body(request) as body:
        engine = parse(Override, body.values).engine
    await request.state["flags"].override(user_id, engine, str(admin))
    return Response(status_code=204, headers=NO_STORE)


async def no_override(request: Request[State]) -> Response:
    """204, also where there was none."""
    admin, user_id = current_user(request), path_id(request, "user_id")
    query(NoParams, request)
    await request.state["flags"].override(user_id, None, str(admin))
    return Response(status_code=204, headers=NO_STORE)


def _flag_json(flag: Flag) -> dict[str, Any]:
    return {
        "version": flag.version,
        "rules": flag.rules.as_json(),
        "changed_by": flag.changed_by,
        "changed_at": time_json(flag.changed_at),
    }
