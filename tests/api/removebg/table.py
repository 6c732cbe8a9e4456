"""What becomes of each of remove.bg's parameters: `python -m tests.api.removebg.table` prints the table."""

from typing import NamedTuple

from app.api.errors import UnknownParameter
from app.api.removebg.errors import InvalidParameter
from app.api.removebg.params import options_of, parse
from app.matting.options import CutoutOptions

SIZE = (4000, 3000)


class Row(NamedTuple):
    name: str
    value: str
    beside: tuple[tuple[str, str], ...] = ()
    """Parameters without which this one means nothing."""


ROWS = (
    *(
        Row("size", value)
        for value in ("preview", "small", "regular", "medium", "hd", "4k", "full", "auto", "50MP")
    ),
    Row("size", "enormous"),
    *(
        Row("type", value)
        for value in ("auto", "person", "animal", "product", "car", "graphic", "transportation")
    ),
    Row("type", "ghost"),
    *(Row("type_level", value) for value in ("none", "1", "2", "latest")),
    *(Row("format", value) for value in ("auto", "png", "jpg", "webp", "zip")),
    Row("format", "gif"),
    Row("roi", "10% 10% 90% 90%"),
    Row("roi", "100px 100px 900px 900px"),
    Row("roi", "0px 0px 9000px 100px"),
    Row("crop", "true"),
    Row("crop_margin", "30px", (("crop", "true"),)),
    Row("crop_margin", "5% 10%", (("crop", "true"),)),
    Row("crop_margin", "0 10px 20px 30px", (("crop", "true"),)),
    Row("crop_margin", "wide", (("crop", "true"),)),
    Row("scale", "80%"),
    Row("scale", "original"),
    Row("scale", "5%"),
    Row("scale", "80%", (("crop", "true"),)),
    Row("position", "original"),
    Row("position", "center"),
    Row("position", "10% 90%"),
    Row("position", "elsewhere"),
    Row("channels", "rgba"),
    Row("channels", "alpha"),
    Row("channels", "alpha", (("format", "zip"),)),
    Row("shadow_type", "none"),
    *(Row("shadow_type", value) for value in ("auto", "drop", "3D", "car")),
    Row("shadow_opacity", "40"),
    Row("add_shadow", "false"),
    Row("add_shadow", "true"),
    Row("semitransparency", "true"),
    Row("semitransparency", "false"),
    *(Row("bg_color", value) for value in ("81d4fa", "fff", "81d4fa80", "green")),
    Row("bg_color", "nocolour"),
    Row("bg_image_url", "https://example.com/beach.jpg"),
    Row("wallpaper", "yes"),
)


def outcome(row: Row) -> str:
    """`honoured: …` or `refused: code`."""
    try:
        wanted = parse({row.name: row.value, **dict(row.beside)})
        options = options_of(wanted, SIZE, None)
    except InvalidParameter as refused:
        return f"refused: `invalid_{refused.extra['parameter']}`"
    except UnknownParameter as refused:
        return f"refused: `{refused.code}`"
    plain = options_of(parse(dict(row.beside)), SIZE, None)
    changed = [
        f"`{name}` {getattr(options, name)}"
        for name in CutoutOptions.model_fields
        if getattr(options, name) != getattr(plain, name)
    ]
    return f"honoured: {', '.join(changed)}" if changed else "honoured"


def table() -> str:
    """Markdown, for docs/removebg.md."""
    lines = ["| parameter | value | outcome |", "|---|---|---|"]
    for row in ROWS:
        beside = "".join(f" with {name}={value}" for name, value in row.beside)
        lines.append(f"| `{row.name}` | `{row.value}`{beside} | {outcome(row)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
