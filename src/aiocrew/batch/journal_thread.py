"""The thread that has a journal's file to itself, and commits what many asked for at once."""

from __future__ import annotations

import asyncio
import os
import queue
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from aiocrew.aio.pool import start_thread
from aiocrew.aio.thread_counts import awaiting_thread
from aiocrew.batch.journal_claims import BEAT_S, Owner, open_here
from aiocrew.batch.journal_file import check_place, failure_of, is_busy, open_file, place_of
from aiocrew.batch.journal_rows import JournalRows
from aiocrew.errors import JournalError

__all__ = ["JournalThread"]

T = TypeVar("T")

_CLOSE_S = 10.0
"""Leaving waits no longer for the disk: a commit takes milliseconds, and a disk that hangs may not hold up a Ctrl-C."""
_LARGEST_GROUP = 1_000
"""So many changes make one transaction at most: other processes have to wait for it."""
_BUSY_ATTEMPTS = 30
_BUSY_ATTEMPTS_WHEN_CLOSING = 3


class _Request(NamedTuple, Generic[T]):
    work: Callable[[JournalRows], T]
    future: asyncio.Future[T] | None


class _Done(NamedTuple):
    """What a request gave, or why it failed."""

    future: asyncio.Future[Any] | None
    value: Any
    error: Exception | None


class JournalThread:
    """Carries out what is asked of the rows, in the order asked; an answer comes when its transaction is on the disk.

    While one group is being committed the next one gathers, so a commit costs the less for each the more is asked. It
    belongs to the loop that it was made on.
    """

    def __init__(self, path: Path, owner: Owner, wall_s: Callable[[], float]) -> None:
        self._path = path
        self._owner = owner
        self._wall_s = wall_s
        self._loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._inbox: queue.SimpleQueue[_Request[Any] | None] = queue.SimpleQueue()
        self._closing = False
        self._ended = threading.Event()
        self._beaten_s = wall_s()
        self._file, self._place = path, (0, 0)

    async def open(self) -> None:
        """Start the thread and open the file. Raises JournalError; `close` is to be called in any case after that."""
        start_thread(self._live)
        with awaiting_thread(self._loop):
            await self._opened

    async def ask(self, work: Callable[[JournalRows], T]) -> T:
        """Return what `work` gives, once that is durable. It may be called again if the transaction has to be.

        Raises JournalError. When this is cancelled the work is carried out all the same.
        """
        if self._closing:
            raise self._closed()
        future: asyncio.Future[T] = self._loop.create_future()
        self._inbox.put(_Request(work, future))
        if self._ended.is_set():  # asked in this order: what was put before the thread's end is answered
            raise self._closed()
        with awaiting_thread(self._loop):
            return await future

    def post(self, work: Callable[[JournalRows], object]) -> None:
        """Have `work` carried out, whatever comes of it."""
        if not self._closing:
            self._inbox.put(_Request(work, None))

    async def close(self) -> bool:
        """Carry out what was asked, close the file and end the thread; False when that took longer than 10 s.

        Being cancelled meanwhile does not cut it short, and is passed on.
        """
        self._closing = True
        self._inbox.put(None)
        left = asyncio.Event()
        start_thread(partial(self._watch, left))
        cancelled: asyncio.CancelledError | None = None
        with awaiting_thread(self._loop):
            while not left.is_set():
                try:
                    await left.wait()
                except asyncio.CancelledError as again:
                    cancelled = again
        if cancelled is not None:
            raise cancelled
        return self._ended.is_set()

    def _watch(self, left: asyncio.Event) -> None:
        # In real time, whatever time the loop has: it is the disk that is waited for.
        self._ended.wait(_CLOSE_S)
        self._tell(left.set)

    def _live(self) -> None:
        try:
            with closing(open_file(self._path)) as db:
                self._file = Path(os.path.realpath(self._path))  # also when somebody changes the working directory
                self._place = place_of(self._file)
                self._serve(db)
        except Exception as error:  # whoever awaits the thread raises it
            self._tell(_settle, [_Done(self._opened, None, self._named(error))])
        finally:
            open_here.discard(self._owner.token)
            self._ended.set()
            self._refuse_the_rest()

    def _refuse_the_rest(self) -> None:
        with suppress(queue.Empty):
            while True:
                request = self._inbox.get_nowait()
                if request is not None:
                    self._tell(_settle, [_Done(request.future, None, self._closed())])

    def _closed(self) -> JournalError:
        return JournalError(f"the journal {str(self._path)!r} is closed", path=str(self._path))

    def _serve(self, db: sqlite3.Connection) -> None:
        rows = JournalRows(db, str(self._path), self._owner, self._wall_s)
        open_here.add(self._owner.token)
        entered = self._carried_out(db, rows, [_Request(JournalRows.enter, self._opened)])
        self._tell(_settle, entered)
        going = entered[0].error is None
        while going:
            group, going = self._next_group()
            if self._is_beat_due():
                group.append(_Request(JournalRows.beat, None))
            if group:
                self._tell(_settle, self._carried_out(db, rows, group))
        self._carried_out(db, rows, [_Request(JournalRows.leave, None)])

    def _next_group(self) -> tuple[list[_Request[Any]], bool]:
        """Wait for something to do; False when that is the last."""
        group: list[_Request[Any]] = []
        with suppress(queue.Empty):
            request = self._inbox.get(timeout=BEAT_S)
            while request is not None:
                group.append(request)
                if len(group) == _LARGEST_GROUP:
                    break
                request = self._inbox.get_nowait()
            else:
                return group, False
        return group, True

    def _is_beat_due(self) -> bool:
        now_s = self._wall_s()
        if 0 <= now_s - self._beaten_s < BEAT_S:
            return False
        self._beaten_s = now_s
        return True

    def _carried_out(self, db: sqlite3.Connection, rows: JournalRows, group: list[_Request[Any]]) -> list[_Done]:
        """Carry out the group in one transaction; where that fails, each request in its own, so that none suffers for
        another.
        """
        try:
            self._begin(db)
            check_place(self._file, self._place)
            done = [_answer(request, rows) for request in group]
            db.execute("COMMIT")
        except Exception as error:  # whoever awaits the thread raises it
            with suppress(sqlite3.Error):  # SQLite has rolled back by itself when the disk is full
                db.execute("ROLLBACK")
            if len(group) > 1 and not (isinstance(error, sqlite3.Error) and is_busy(error)):
                return [done for request in group for done in self._carried_out(db, rows, [request])]
            return [_Done(request.future, None, self._named(error)) for request in group]
        return done

    def _begin(self, db: sqlite3.Connection) -> None:
        attempt = 0
        while True:
            try:
                db.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                attempt += 1
                if not is_busy(error) or attempt >= (_BUSY_ATTEMPTS_WHEN_CLOSING if self._closing else _BUSY_ATTEMPTS):
                    raise
            else:
                return

    def _named(self, error: Exception) -> Exception:
        return failure_of(error, self._path) if isinstance(error, sqlite3.Error | OSError | OverflowError) else error

    def _tell(self, deliver: Callable[..., object], *what: Any) -> None:
        with suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits any more
            self._loop.call_soon_threadsafe(deliver, *what)


def _answer(request: _Request[Any], rows: JournalRows) -> _Done:
    try:
        return _Done(request.future, request.work(rows), None)
    except JournalError as error:  # a claim that is lost: nothing was changed, so the others go on
        return _Done(request.future, None, error)


def _settle(group: list[_Done]) -> None:
    for done in group:
        if done.future is None or done.future.done():
            continue
        if done.error is None:
            done.future.set_result(done.value)
        else:
            done.future.set_exception(done.error)
