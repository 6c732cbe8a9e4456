"""The output options of DESIGN §9 as flags: names, defaults and help all come from CutoutOptions."""

import functools
import inspect
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import typer
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from app.errors import BadInput
from app.matting.options import CutoutOptions

R = TypeVar("R")


class BadOption(BadInput):
    code = "bad_option"


def with_options(command: Callable[..., R]) -> Callable[..., R]:
    """Replace the command's parameter `options: CutoutOptions` by one flag per field."""
    own = [p for p in inspect.signature(command).parameters.values() if p.name != "options"]
    flags = [_flag(name, field) for name, field in CutoutOptions.model_fields.items()]

    @functools.wraps(command)
    def flagged(**values: Any) -> R:
        given = {flag.name: values.pop(flag.name) for flag in flags}
        return command(**values, options=options_from(given))

    flagged.__signature__ = inspect.Signature([*own, *flags])  # type: ignore[attr-defined]
    flagged.__annotations__ = {p.name: p.annotation for p in [*own, *flags]}
    return flagged


def options_from(given: dict[str, Any]) -> CutoutOptions:
    """What was not given keeps its default. Raises BadOption, naming the flag."""
    values = {name: _split(name, value) for name, value in given.items() if value is not None}
    try:
        return CutoutOptions.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        flag = "--" + str(first["loc"][0]).replace("_", "-") if first["loc"] else "options"
        raise BadOption(f"{flag}: {first['msg'].removeprefix('Value error, ')}") from None


def _split(name: str, value: Any) -> Any:
    return value.split(",") if name == "roi" else value


def _flag(name: str, field: FieldInfo) -> inspect.Parameter:
    """Text, checked by CutoutOptions; booleans as --trim/--no-trim."""
    kind: Any = bool if field.annotation is bool else str
    default = "none" if field.default is None else str(field.default).lower()
    text = f"{field.description or ''} [default: {default}]".strip()
    option = typer.Option(
        help=text, metavar=_metavar(name, field), show_default=False, rich_help_panel="Output"
    )
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
    )


def _metavar(name: str, field: FieldInfo) -> str | None:
    """The choices, where there are only these."""
    if field.annotation is bool:
        return None
    if get_origin(field.annotation) is Literal:
        return "|".join(get_args(field.annotation))
    if isinstance(field.annotation, type) and issubclass(field.annotation, StrEnum):
        return "|".join(field.annotation)
    return name.rpartition("_")[2].upper()
