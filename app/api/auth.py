"""Who is calling."""

from uuid import UUID

from starlette.requests import HTTPConnection

from app.accounts.types import LOCAL_USER_ID
from app.api.errors import NotSignedIn
from app.api.state import State


def current_user(request: HTTPConnection[State]) -> UUID:
    """Handlers call this before anything is looked up. Raises NotSignedIn."""
    if request.state["settings"].embedded:
        return LOCAL_USER_ID
    raise NotSignedIn("this server has no sign-in yet; `cutout dev` serves the local user")
