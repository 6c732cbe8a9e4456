"""Every listener of this process hears of its jobs here: one subscription, one reader, however many they are.

Redis only rings; the rows are read, once for all listeners. Once a second the rows that changed are asked for
as well: what Redis lost, dropped or never heard is told a second late instead of not at all. A listener gets
states, not steps: what came and went between two reads is not told, the newest state always is.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from uuid import UUID

import structlog

from app.aio import end
from app.db.pool import Connection, Pool, connection
from app.errors import Unavailable
from app.jobs import views
from app.jobs.attendance import Attendance
from app.jobs.errors import JobNotFound
from app.jobs.events import EVERY_CHANNEL, JobEvent
from app.jobs.listeners import Listener, Listeners
from app.jobs.types import JobStatus
from app.jobs.views import JobView
from app.queue.port import Presence, Subscriber

BEAT_S = 15.0
"""Streams say so often that they live: proxies close what is silent for 60 s."""
POLL_S = 1.0
POSITIONS_S = 2.0
PAGE = 200
"""Rows per read."""
_RETRY_S = 1.0

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Update:
    """What a stream gives: a job, or, without one, a sign of life."""

    view: JobView | None = None
    resume: int | None = None
    """Who took everything up to here may come back with this: a version to `job`, a cursor to `all_jobs`."""


class Hub:
    def __init__(
        self, pool: Pool, subscriber: Subscriber, cursor: int, presence: Presence | None = None
    ) -> None:
        self._pool = pool
        self._subscriber = subscriber
        self._attendance = Attendance(presence)
        self._cursor = cursor
        """Whatever transactions below this one changed has been offered to the listeners."""
        self._listeners = Listeners()
        self._dirty: dict[UUID, UUID] = {}
        """Jobs to be read, with their users."""
        self._rung = asyncio.Event()
        self._poll_at = self._positions_at = 0.0
        self._ended = False

    @classmethod
    @asynccontextmanager
    async def running(
        cls, pool: Pool, subscriber: Subscriber, presence: Presence | None = None
    ) -> AsyncIterator["Hub"]:
        """A hub that hears and tells for the time of the block. Raises DatabaseUnavailable."""
        async with connection(pool) as conn:
            hub = cls(pool, subscriber, await views.present(conn), presence)
        tasks = [asyncio.create_task(_forever(work)) for work in (hub._hear, hub._tell)]
        try:
            yield hub
        finally:
            await end(tasks)

    def end(self) -> None:
        """The process leaves: streams end after their present state, long polls answer with it. Clients come
        back with the last event's id, to another process."""
        self._ended = True
        for listener in self._listeners:
            listener.wake()

    async def job(self, user_id: UUID, job_id: UUID, seen: int = 0) -> AsyncGenerator[Update, None]:
        """The job as it is, unless that is the version `seen`; then each newer state until it has ended.

        Raises JobNotFound, TooManyListeners, ListenerTooSlow, DatabaseUnavailable.
        """
        with self._listeners.one_more(Listener(user_id, job_id, seen)) as listener:
            view = await self._own(user_id, job_id)
            if view.job.status.ended and view.job.version <= seen:
                return
            listener.offer(view)
            while True:
                found = await listener.take(0 if self._ended else BEAT_S)
                for view in found:
                    yield Update(view, view.job.version)
                    if view.job.status.ended:
                        return
                if not found:
                    yield Update()
                if self._ended:
                    return

    async def all_jobs(self, user_id: UUID, since: int | None = None) -> AsyncGenerator[Update, None]:
        """The user's jobs that have not ended, or those changed after `since`; then each change, without end.

        Raises TooManyListeners, ListenerTooSlow, DatabaseUnavailable.
        """
        with self._listeners.one_more(Listener(user_id, None)) as listener:
            async with connection(self._pool) as conn:
                resume = await views.present(conn)
            after: UUID | None = None
            while page := await self._page(user_id, since, after):
                after = page[-1].job.id
                for view in page:
                    listener.offer(view)
                for view in await listener.take(0):
                    yield Update(view)
            yield Update(resume=resume)
            while not self._ended:
                found = await listener.take(BEAT_S)
                resume = max(resume, self._cursor)
                # only the last of them stands for all that came before it
                for view in found[:-1]:
                    yield Update(view)
                yield Update(found[-1] if found else None, resume)

    async def wait(self, user_id: UUID, job_id: UUID, timeout_s: float) -> JobView:
        """The job when it has ended, or as it stands after `timeout_s`. Raises as `job`."""
        view = await self._own(user_id, job_id)
        if view.job.status.ended or timeout_s <= 0:
            return view
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s), aclosing(self.job(user_id, job_id)) as updates:
                async for update in updates:
                    view = update.view or view
        return view

    async def _own(self, user_id: UUID, job_id: UUID) -> JobView:
        async with connection(self._pool) as conn:
            view = await views.own(conn, user_id, job_id)
        if view is None:
            raise JobNotFound("no such job")
        return await self._attended(view)

    async def _attended(self, view: JobView) -> JobView:
        """With what its listeners are told of workers while it waits."""
        if view.job.status is not JobStatus.QUEUED:
            return view
        return replace(view, starting=await self._attendance.nobody_at(view.job.queue))

    async def _page(self, user_id: UUID, since: int | None, after: UUID | None) -> list[JobView]:
        async with connection(self._pool) as conn:
            return await views.page(conn, user_id, since, after, PAGE)

    async def _hear(self) -> None:
        async for _channel, payload in self._subscriber.messages(EVERY_CHANNEL):
            event = JobEvent.from_json(payload)
            self._mark(event.user_id, event.job_id, event.version)

    async def _tell(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, self._poll_at - time.monotonic())):
                    await self._rung.wait()
            self._rung.clear()
            cursor = await self._poll() if time.monotonic() >= self._poll_at else None
            await self._read()
            self._cursor = cursor or self._cursor

    async def _poll(self) -> int:
        """Mark what changed since the last time. What it returns is the next cursor, once that was read."""
        async with connection(self._pool) as conn:
            cursor = await views.present(conn)
            if self._listeners:
                for row in await views.changed(conn, self._cursor, self._listeners.users):
                    self._mark(row.user_id, row.id, row.version)
            await self._move(conn)
        self._poll_at = time.monotonic() + POLL_S
        return cursor

    def _mark(self, user_id: UUID, job_id: UUID, version: int) -> None:
        if any(listener.lacks(job_id, version) for listener in self._listeners.of(user_id, job_id)):
            self._dirty[job_id] = user_id
            self._rung.set()

    async def _read(self) -> None:
        while self._dirty:
            batch = dict(itertools.islice(self._dirty.items(), PAGE))
            for job_id in batch:
                del self._dirty[job_id]
            placed = [job_id for job_id, user_id in batch.items() if self._listeners.named(user_id, job_id)]
            try:
                async with connection(self._pool) as conn:
                    found = await views.views(conn, batch, placed)
            except BaseException:
                self._dirty |= batch
                raise
            for view in found:
                told = await self._attended(view) if view.job.id in placed else view
                for listener in self._listeners.of(view.job.user_id, view.job.id):
                    listener.offer(told)

    async def _move(self, conn: Connection) -> None:
        """Tell who waits for just one job its new place in the queue, and whether anybody works there."""
        waiting = [listener for listener in self._listeners if listener.waiting]
        if not waiting or time.monotonic() < self._positions_at:
            return
        self._positions_at = time.monotonic() + POSITIONS_S
        places = await views.positions(conn, {each.job_id for each in waiting if each.job_id})
        for listener in waiting:
            if listener.job_id in places and listener.waiting is not None:
                starting = await self._attendance.nobody_at(listener.waiting.job.queue)
                listener.moved(places[listener.job_id], starting)


async def _forever(work: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await work()
        except Unavailable as error:
            _log.warning("the hub waits", code=error.code)
        except Exception:
            _log.exception("the hub stumbled")
        await asyncio.sleep(_RETRY_S)
