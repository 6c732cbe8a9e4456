"""Which model a request gets."""

from app.api.errors import ModelNotServed
from app.api.state import State
from app.queue.messages import embed_queue
from models.errors import ModelMissing


def installed_model(state: State, name: str) -> str:
    """The name that goes into the job's row. Raises ModelUnknown, ModelMissing."""
    models = state["models"]
    chosen = models.resolve(state["settings"].model if name == "auto" else name)
    if not models.installed(chosen):
        raise ModelMissing(f"the model {chosen} is not installed on this server")
    return chosen


async def served_model(state: State, name: str) -> str:
    """As `installed_model`, for work of an embed worker: the server's own, or another that has a worker.

    Raises ModelNotServed as well.
    """
    chosen = installed_model(state, name)
    if chosen != state["models"].resolve(state["settings"].model):
        workers = await state["doorbell"].alive()
        if workers is not None and embed_queue(chosen) not in workers:
            raise ModelNotServed(f"no worker encodes with {chosen} at the moment")
    return chosen
