"""Names of files that strangers gave: safe to unpack anywhere, and no two alike. Pure."""

import re
import unicodedata
from collections import Counter
from urllib.parse import unquote, urlsplit

MAX_PART = 120
"""Characters of a file's or a folder's name."""
MAX_PART_BYTES = 200
"""Of the same in UTF-8: file systems take 255, and a result's number and ending come to it."""
MAX_DEPTH = 8
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"|?*]')
# names of devices on Windows, whatever follows the dot
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_UNNAMED = "image"


def safe_name(name: str | None) -> str:
    """A relative path of visible characters without `..`, with `/` between folders."""
    text = unicodedata.normalize("NFC", name or "").replace("\\", "/")
    parts = [_safe_part(part) for part in text.split("/")]
    return "/".join([part for part in parts if part][-MAX_DEPTH:]) or _UNNAMED


def name_of_url(url: str) -> str:
    """The last part of its path."""
    return safe_name(unquote(urlsplit(url).path).rpartition("/")[2])


class ResultNames:
    """`photos/cup.jpg` becomes `photos/cup.png`; a second one `photos/cup (2).png`, on any file system.

    Asked for every item of a batch in their order, whatever became of it: then a name never changes.
    """

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._numbers: Counter[str] = Counter()
        """By name, the last number given: ten thousand of one name are not counted through for each."""

    def next(self, name: str, extension: str) -> str:
        folder, slash, file = name.rpartition("/")
        stem = f"{folder}{slash}{file.rpartition('.')[0] or file}"
        # the extension is left out: an item that failed has none, and must not free a name
        first = stem.casefold()
        while True:
            self._numbers[first] += 1
            number = self._numbers[first]
            told = stem if number == 1 else f"{stem} ({number})"
            if (key := told.casefold()) not in self._taken:
                self._taken.add(key)
                return f"{told}.{extension}"


def _safe_part(part: str) -> str:
    part = "".join(char for char in _UNSAFE.sub("_", part) if unicodedata.category(char) not in {"Cf", "Cs"})
    part = part.strip(" ").rstrip(". ")
    if _DEVICE.fullmatch(part):
        part = f"_{part}"
    if _fits(part):
        return part
    stem, dot, ending = part.rpartition(".")
    if not stem or len(ending) >= 12:
        stem, dot, ending = part, "", ""
    stem = stem[: MAX_PART - len(dot + ending)]
    while not _fits(stem + dot + ending):
        stem = stem[:-1]
    return f"{stem}{dot}{ending}".rstrip(". ")


def _fits(part: str) -> bool:
    return len(part) <= MAX_PART and len(part.encode()) <= MAX_PART_BYTES
