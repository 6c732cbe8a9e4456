"""`cutout batch --server URL`: the folder's photos as a batch of a server; a run that broke off goes on."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cutout_client import Batch, Cutout, CutoutError, Failure, Item

from app.commands.options import BadOption
from app.commands.photos import NoSuchPhoto
from app.errors import AppError
from app.matting.options import CutoutOptions

STATE = ".cutout-batch.json"
"""In OUT while the batch is under way: its id, and which photos it has in which order."""


class ServerRefused(AppError):
    """The message ends with the server's code."""

    code = "server_refused"
    exit_code = 3


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of which server."""

    server: str
    key: str | None
    model: str | None
    options: CutoutOptions
    name: str


def key_of(text: str | None) -> str | None:
    """The key itself, or what the file behind `@` says. Raises BadOption."""
    if text is None or not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise BadOption(f"--key: {text[1:]} cannot be read ({error.strerror})") from None


def cut_out_there(
    order: Order,
    todo: list[Path],
    targets: Mapping[Path, Path],
    out: Path,
    progress: Callable[[int, int], None],
) -> list[tuple[Path, Failure | None]]:
    """Every photo of the batch, at its target or with what is wrong with it; `progress(total, ended)`.

    The batch is that of `todo`, or one that an earlier run left. Raises ServerRefused, NoSuchPhoto.
    """
    try:
        with Cutout(order.server, key=order.key) as client:
            batch, photos = _begun(client, order, todo, out / STATE)
            show = _shown(progress)
            client.fill_batch(batch, photos, show)
            client.batch_ended(batch, show)
            ended = [
                (photo, _fetched(client, item, targets.get(photo)))
                for photo, item in zip(photos, client.items(batch), strict=True)
            ]
    except CutoutError as error:
        raise ServerRefused(f"{error} [{error.code}]") from error
    except FileNotFoundError as error:
        raise NoSuchPhoto(f"{error.filename} is not there any more") from None
    (out / STATE).unlink()
    return ended


def _fetched(client: Cutout, item: Item, target: Path | None) -> Failure | None:
    if item.state != "succeeded":
        return item.error or Failure("canceled", "the batch was canceled")
    if target is not None:  # a photo that was removed since needs no cutout
        client.download(item, target)
    return None


def _shown(progress: Callable[[int, int], None]) -> Callable[[Batch], None]:
    return lambda batch: progress(batch.counts.total, batch.counts.ended)


def _begun(client: Cutout, order: Order, photos: list[Path], state: Path) -> tuple[Batch, list[Path]]:
    """The batch that an earlier run left, with its photos, or a new one."""
    if state.exists():
        left = json.loads(state.read_text(encoding="utf-8"))
        if left["server"] == order.server:
            return client.get_batch(left["batch"]), [Path(photo) for photo in left["photos"]]
    options = order.options.model_dump(mode="json", exclude_defaults=True)
    batch = client.open_batch(name=order.name, options=options, model=order.model or "auto")
    left = {"server": order.server, "batch": batch.id, "photos": [str(photo) for photo in photos]}
    state.write_text(json.dumps(left), encoding="utf-8")
    return batch, photos
