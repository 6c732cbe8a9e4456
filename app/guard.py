"""No process outlives the one that started it, however that one ends: children watch it, a guard watches for
servers that detach themselves."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Literal

# `read` ends when the pipe breaks: nobody ever writes. Only then the pid is looked up: servers are restarted
_SCRIPT = 'read -r _; kill -s "$1" "$(head -n 1 "$2")"'


class Guard:
    """A shell of 1 MB on the other end of a pipe: when we are gone, even by SIGKILL, the pipe breaks."""

    def __init__(self, pid_file: Path, number: Literal["INT", "TERM"]) -> None:
        """`number` goes to the pid in the first line of `pid_file`, unless `dismiss` is called before."""
        self._process = subprocess.Popen(  # noqa: S603 - our own script, our own arguments
            ["/bin/sh", "-c", _SCRIPT, "cutout-guard", number, str(pid_file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C in the terminal is not meant for it
        )

    def dismiss(self) -> None:
        """The server has stopped."""
        self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()


def end_with_parent(parent: int) -> None:
    """A parent that was killed cannot stop its children; without this they would serve for ever."""
    threading.Thread(target=_end_after, args=(parent,), daemon=True).start()


def _end_after(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(5)  # Postgres and Redis are gone as well: who has not left by now waits for them
    os._exit(1)
