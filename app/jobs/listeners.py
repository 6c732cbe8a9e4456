"""Who listens to jobs in this process, and what each of them has yet to hear."""

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from uuid import UUID

from app.jobs.errors import ListenerTooSlow, TooManyListeners
from app.jobs.types import JobStatus
from app.jobs.views import JobView

MAX_LISTENERS = 5_000
"""Of one process: 2,000 idle ones are promised, and each costs a socket."""
MAILBOX = 1_000
"""Jobs that may wait for a listener: five reads of the hub, and it goes on between two of them."""
_REMEMBERED = 10_000


class Listener:
    """A mailbox with the newest view of each job; a view that a newer one overtook is never given out."""

    def __init__(self, user_id: UUID, job_id: UUID | None, seen: int = 0) -> None:
        """job_id: None listens to all of the user's. seen: the version of that job that is known already."""
        self.user_id = user_id
        self.job_id = job_id
        self.waiting: JobView | None = None
        """The job, while it is queued and this is all that is listened to: its position may change."""
        self._mail: dict[UUID, JobView] = {}
        self._versions: OrderedDict[UUID, int] = OrderedDict({job_id: seen} if job_id else {})
        self._news = asyncio.Event()
        self._full = False

    def lacks(self, job_id: UUID, version: int) -> bool:
        return self.job_id in {None, job_id} and version > self._versions.get(job_id, 0)

    def offer(self, view: JobView) -> None:
        if self.lacks(view.job.id, view.job.version):
            self._put(view)

    def moved(self, position: int, starting: bool | None = None) -> None:
        """Its place in the queue is another one; far from the front that is told in steps of a twentieth."""
        if self.waiting is None:
            return
        told = self.waiting.queue_position
        far = told is None or (told != position and abs(told - position) * 20 >= min(told, position))
        if far or starting != self.waiting.starting:
            self._put(replace(self.waiting, queue_position=position, starting=starting))

    async def take(self, timeout_s: float) -> list[JobView]:
        """What has come; nothing after `timeout_s`. Raises ListenerTooSlow when more came than can wait."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        except TimeoutError:
            return []
        if self._full:
            raise ListenerTooSlow("more happened than this listener took; come back for what was missed")
        mail = list(self._mail.values())
        self._mail.clear()
        self._news.clear()
        return mail

    def wake(self) -> None:
        """Whoever waits in `take` gets what there is, if only nothing."""
        self._news.set()

    def _put(self, view: JobView) -> None:
        job = view.job
        self._full = self._full or (len(self._mail) >= MAILBOX and job.id not in self._mail)
        if not self._full:
            self._mail[job.id] = view
        self._versions[job.id] = job.version
        self._versions.move_to_end(job.id)
        if len(self._versions) > _REMEMBERED:
            self._versions.popitem(last=False)
        alone = self.job_id is not None and job.status is JobStatus.QUEUED
        self.waiting = view if alone else None
        self._news.set()


class Listeners:
    """Found by user and job, so that an event costs its own listeners and not everybody's."""

    def __init__(self) -> None:
        self._of: defaultdict[tuple[UUID, UUID | None], set[Listener]] = defaultdict(set)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Listener]:
        return (listener for listeners in self._of.values() for listener in listeners)

    @property
    def users(self) -> set[UUID]:
        return {user_id for user_id, _ in self._of}

    def named(self, user_id: UUID, job_id: UUID) -> bool:
        """Somebody listens to just this job."""
        return (user_id, job_id) in self._of

    def of(self, user_id: UUID, job_id: UUID) -> list[Listener]:
        """To the job by name, and to all of its user's."""
        keys: tuple[tuple[UUID, UUID | None], ...] = ((user_id, job_id), (user_id, None))
        return [listener for key in keys for listener in self._of.get(key, ())]

    @contextmanager
    def one_more(self, listener: Listener) -> Iterator[Listener]:
        """Raises TooManyListeners."""
        if self._count >= MAX_LISTENERS:
            raise TooManyListeners("too many listeners on this server; ask again in a moment")
        key = (listener.user_id, listener.job_id)
        self._count += 1
        self._of[key].add(listener)
        try:
            yield listener
        finally:
            self._count -= 1
            self._of[key].discard(listener)
            if not self._of[key]:
                del self._of[key]
