"""Every file of some folders through the sandbox: the right picture, or a coded error.

    python -m benchmarks.formats [NAME=]FOLDER… [--write docs/formats.md]

Right means: the size and the pixels that another library makes of the file. Pillow's own samples are in
its source archive (`pip download --no-deps --no-binary :all: pillow`, folder Tests/images) and pillow-
heif's in its own (tests/images); libvips' are in its repository (test/test-suite/images), PngSuite at its
author's.
"""

import argparse
import time
import warnings
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray
from PIL import Image, ImageOps
from PIL.TiffImagePlugin import TiffImageFile
from pillow_heif import register_heif_opener

from app.errors import AppError
from app.imaging.sandbox import Sandbox
from app.imaging.types import ImageInfo, Picture
from benchmarks._memory import forget_high_water, high_water

START, END = "<!-- benchmarks.formats -->", "<!-- end -->"
MEAN_LEVELS = (
    3.0  # two decoders of one lossy file differ by less, a wrong channel order or a shift by far more
)
OTHER = "other kinds"
CMYK_LEVELS = 45.0  # Pillow converts without a profile
REFERENCE_WRONG = {
    "tbbn0g04.png": "Pillow compares a 4-bit transparent level with 8-bit samples",
    "tbwn0g16.png": "Pillow makes every pixel of 16-bit grey transparent",
    "i_trns.png": "Pillow makes every pixel of 16-bit grey transparent",
}
"""For the first two a third reader agrees with us; the third is the same flaw by its name and kind."""


@dataclass(frozen=True)
class Outcome:
    name: str
    kind: str
    result: str
    """`right`, an error's code, `unchecked` (no second library reads it) or `WRONG: …`."""
    seconds: float
    memory: int
    """Bytes of the child at its peak during this file, over an idle one."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", nargs="*")
    parser.add_argument("--write", type=Path)
    args = parser.parse_args()
    register_heif_opener()
    warnings.simplefilter("ignore")
    tables = []
    failed = False
    if not args.folders:
        print("give folders of sample files; without them there is nothing to judge")
    for name, folder in (named(folder) for folder in args.folders):
        outcomes = list(run(folder))
        failed |= any(outcome.result.startswith("WRONG") for outcome in outcomes)
        tables.append(table(name, outcomes))
        print(tables[-1])
    if args.write:
        text = args.write.read_text()
        before, after = text.split(START)[0], text.split(END)[1]
        args.write.write_text(before + START + "\n" + "\n".join(tables) + END + after)
    raise SystemExit(failed)


def named(argument: str) -> tuple[str, Path]:
    name, _, folder = argument.rpartition("=")
    return name or Path(folder).name, Path(folder)


def run(folder: Path) -> Iterator[Outcome]:
    idle: dict[int, int] = {}
    with Sandbox(size=1, recycle_after=50) as sandbox:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            sandbox.start()
            (child,) = psutil.Process().children()
            before = idle.setdefault(child.pid, child.memory_info().rss)
            forget_high_water(child.pid)
            start = time.perf_counter()
            kind, answer = ask(sandbox, path)
            taken = time.perf_counter() - start
            result = answer if isinstance(answer, str) else compare(path, *answer)
            yield Outcome(str(path.relative_to(folder)), kind, result, taken, high_water(child.pid) - before)


def ask(sandbox: Sandbox, path: Path) -> tuple[str, str | tuple[ImageInfo, Picture]]:
    """(kind, an error's code or what was decoded)."""
    kind = OTHER
    try:
        info = sandbox.probe(path)
        kind = info.format.value
        return kind, (info, sandbox.decode(path, info))
    except AppError as error:
        if error.code in ("not_an_image", "unsupported_type"):
            return OTHER, error.code
        return kind if kind != OTHER else path.suffix.lower().lstrip("."), error.code


def compare(path: Path, info: ImageInfo, picture: Picture) -> str:
    if (picture.width, picture.height) != (info.width, info.height):
        return "WRONG: size"
    try:
        expected = reference(path)
    except Exception:
        return "unchecked"
    ours = picture.pixels
    alpha = np.full(ours.shape[:2], 255, np.uint8) if picture.alpha is None else picture.alpha
    if path.name in REFERENCE_WRONG:
        return "right, and the reference wrong"
    if expected.shape[:2] != ours.shape[:2]:
        return f"WRONG: {expected.shape[1]} x {expected.shape[0]} expected"
    visible = (expected[..., 3:] > 0).astype(np.int16)
    colour = float(np.abs((ours.astype(np.int16) - expected[..., :3]) * visible).mean())
    matte = float(np.abs(alpha.astype(np.int16) - expected[..., 3]).mean())
    allowed = CMYK_LEVELS if "cmyk_converted" in picture.notes else MEAN_LEVELS
    return "right" if colour <= allowed and matte <= 1 else f"WRONG: colour {colour:.1f}, alpha {matte:.1f}"


def reference(path: Path) -> NDArray[np.uint8]:
    """RGBA by Pillow; 16-bit samples by their high byte, which Pillow's own conversion would clip."""
    with Image.open(path) as opened:
        image = ImageOps.exif_transpose(opened)
        if image.mode.startswith("I"):
            wide = np.asarray(image).astype(np.int64)
            bits = opened.tag_v2.get(258, (16,))[0] if isinstance(opened, TiffImageFile) else 16
            image = Image.fromarray((wide >> (bits - 8)).clip(0, 255).astype(np.uint8))
        return np.asarray(image.convert("RGBA"))


def table(name: str, outcomes: list[Outcome]) -> str:
    kinds: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    names: dict[str, list[str]] = defaultdict(list)
    for outcome in outcomes:
        kinds[outcome.kind][outcome.result.split(":")[0]] += 1
        names[outcome.result].append(outcome.name)
    lines = [f"### {name} ({len(outcomes)} files)", "", "| kind | results |", "|---|---|"]
    for kind, counts in sorted(kinds.items()):
        lines.append(f"| {kind} | {', '.join(f'{code} {count}' for code, count in sorted(counts.items()))} |")
    slowest, largest = (max(outcomes, key=key) for key in (lambda o: o.seconds, lambda o: o.memory))
    lines += [
        "",
        f"Slowest: {slowest.name}, {slowest.seconds:.2f} s ({slowest.result}). "
        f"Most memory: {largest.name}, {largest.memory / 1e6:.0f} MB ({largest.result}).",
        "",
    ]
    for result, files in sorted(names.items()):
        if result not in ("right", "unsupported_type", "not_an_image"):
            lines.append(f"- {result}: {', '.join(files)}")
    return "\n".join([*lines, "", ""])


if __name__ == "__main__":
    main()
