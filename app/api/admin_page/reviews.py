"""The section on shadow comparisons: results by category, and pictures that wait for a verdict."""

from collections.abc import Iterable
from enum import StrEnum

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.api.admin_page.layout import table
from app.api.auth import current_user
from app.api.files import FileView, serve, stored
from app.api.params import NoParams, Params, parse, path_id, query, read_body
from app.api.state import State
from app.imaging.types import Format
from app.reviews.types import Category, CategoryResult, Review, Verdict


class Judgement(Params):
    verdict: Verdict
    category: Category


async def section(state: State) -> str:
    results = table(
        ("category", "images", "mean IoU", "edge difference", "ours better", "same", "worse"),
        [_row(result) for result in await state["reviews"].results()],
    )
    waiting = await state["reviews"].waiting()
    forms = "".join(map(_form, waiting)) or "<p>Nothing waits for a verdict.</p>"
    return f"{results}<h3>To be reviewed</h3><p>The photo, ClippingMagic's cutout, ours.</p>{forms}"


async def judge(request: Request[State]) -> Response:
    """303 back to the page."""
    reviewer, review_id = current_user(request), path_id(request, "review_id")
    async with read_body(request) as body:
        wanted = parse(Judgement, body.values)
    await request.state["reviews"].judge(review_id, wanted.verdict, wanted.category, reviewer)
    return RedirectResponse("/admin", 303)


async def picture(request: Request[State]) -> Response:
    current_user(request)
    query(NoParams, request)
    key, file = await request.state["reviews"].picture(path_id(request, "review_id"))
    read = stored(request.state["store"], key)
    view = FileView(file["bytes"], file["sha256"], Format.JPG.content_type, read)
    return serve(view, request.headers)


def _row(result: CategoryResult) -> tuple[object, ...]:
    means = [None if mean is None else round(mean, 3) for mean in (result.iou, result.edge_difference)]
    shown = ["-" if mean is None else mean for mean in means]
    name = result.category or "not reviewed"
    return (name, result.comparisons, *shown, result.better, result.same, result.worse)


def _form(review: Review) -> str:
    """Ids and numbers of our own making: nothing here needs escaping."""
    here = f"/admin/reviews/{review.id}"
    said = f"IoU {review.iou:.3f}, edge difference {review.edge_difference:.3f}"
    return (
        f'<figure><img src="{here}/picture" alt="Photo, ClippingMagic, ours: {said}" loading="lazy">'
        f'<figcaption>{said}</figcaption></figure><form method="post" action="{here}"'
        f' enctype="multipart/form-data">{_choice("category", Category)}{_buttons()}</form>'
    )


def _choice(name: str, values: Iterable[StrEnum]) -> str:
    options = "".join(f'<option value="{value}">{value.replace("_", " ")}</option>' for value in values)
    return f'<label>{name} <select name="{name}">{options}</select></label>'


def _buttons() -> str:
    return "".join(f'<button name="verdict" value="{v}">{v}</button>' for v in Verdict)
