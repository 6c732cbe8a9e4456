"""A model's file on disk: streamed, hashed on the way, resumed, renamed when right; one process at a time."""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from models.errors import DownloadFailed, ModelCorrupt
from models.manifest import ModelFile
from models.sources import CHUNK, Fetcher, Interrupted

Progress: TypeAlias = Callable[[str, int, int], None]
"""(file name, bytes so far, bytes in all)."""

PAUSES_S = (0.2, 1.0, 3.0, 10.0)  # before each further attempt; five attempts in all


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Waits for the lock at `path`; the kernel frees it when its holder dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def check(file: ModelFile, found: str) -> None:
    """Raises ModelCorrupt naming both hashes."""
    if found != file.sha256:
        raise ModelCorrupt(f"{file.path}: sha256 is {found}, the manifest says {file.sha256}")


def fetch(file: ModelFile, target: Path, fetcher: Fetcher, progress: Progress | None = None) -> None:
    """Makes `target` the verified file. A second process waits and finds it done; a damaged one is replaced.

    Raises DownloadFailed (what arrived stays beside the target and is resumed next time) or ModelCorrupt.
    """
    with locked(target.with_name(target.name + ".lock")):
        if target.exists() and sha256_of(target) == file.sha256:
            return
        part = target.with_name(target.name + ".part")
        try:
            _complete(file, part, fetcher, progress)
            part.replace(target)
        except OSError as error:
            raise DownloadFailed(f"{file.path}: cannot be written: {error.strerror}") from error


def _complete(file: ModelFile, part: Path, fetcher: Fetcher, progress: Progress | None) -> None:
    resumed = part.exists()
    try:
        digest = _receive_patiently(file, part, fetcher, progress)
        if resumed and digest != file.sha256:
            # the old bytes may be of a file since replaced at its source: once more, from the start
            part.unlink()
            digest = _receive_patiently(file, part, fetcher, progress)
        check(file, digest)
    except ModelCorrupt:
        part.unlink()
        raise


def _receive_patiently(file: ModelFile, part: Path, fetcher: Fetcher, progress: Progress | None) -> str:
    for pause in PAUSES_S:
        try:
            return _receive(file, part, fetcher, progress)
        except Interrupted:
            time.sleep(pause)
    return _receive(file, part, fetcher, progress)


def _receive(file: ModelFile, part: Path, fetcher: Fetcher, progress: Progress | None) -> str:
    """The sha256 of `part` once complete. Raises Interrupted when cut short, ModelCorrupt when too long."""
    have = part.stat().st_size if part.exists() else 0
    if have > file.bytes:
        have = 0
    with fetcher.open(file.source, have) as stream, part.open("r+b" if have else "wb") as out:
        if stream.start > have:
            raise DownloadFailed(f"{file.path}: the source resumed at byte {stream.start}, asked for {have}")
        digest = _hash_of_first(part, stream.start)
        out.seek(stream.start)
        out.truncate()
        done = stream.start
        for chunk in stream.chunks:
            done += len(chunk)
            if done > file.bytes:
                raise ModelCorrupt(f"{file.path}: more than the {file.bytes} bytes of its manifest")
            digest.update(chunk)
            out.write(chunk)
            if progress:
                progress(file.path, done, file.bytes)
        out.flush()
        os.fsync(out.fileno())
    if done < file.bytes:
        raise Interrupted(f"{file.path}: {done} of {file.bytes} bytes arrived")
    return digest.hexdigest()


def _hash_of_first(path: Path, count: int) -> hashlib._Hash:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while count > 0 and (chunk := file.read(min(CHUNK, count))):
            digest.update(chunk)
            count -= len(chunk)
    return digest
