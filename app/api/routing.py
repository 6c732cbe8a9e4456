"""Which engine a new job goes to."""

from dataclasses import replace

from app.api.state import State
from app.flags.types import Reason
from app.jobs.types import NewJob


async def routed(state: State, new: NewJob) -> NewJob:
    """A `remove` with the engine that its user gets now; where there is no choice no reason is needed."""
    decision = await state["flags"].decide(new.user_id)
    reason = None if decision.reason is Reason.NO_LEGACY else decision.reason
    return replace(new, engine=decision.engine, reason=reason)
