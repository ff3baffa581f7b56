"""The journal of a batch in one SQLite file, which survives its process at any moment.

Importing this loads sqlite3: import it where a journal is opened.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aiocrew.aio.runtime import local_runtime
from aiocrew.batch.journal_claims import this_process
from aiocrew.batch.journal_rows import Claimed, JournalRows
from aiocrew.batch.journal_steps import InputProgress, JournalSteps
from aiocrew.batch.journal_thread import JournalThread
from aiocrew.errors import JournalError
from aiocrew.types.journal import BatchJournal, Beginning, Begun
from aiocrew.types.ports import Steps

__all__ = ["open_journal"]


@asynccontextmanager
async def open_journal(path: str | os.PathLike[str]) -> AsyncGenerator[BatchJournal]:
    """Give the journal at `path` for the block; it is made where there is none.

    It belongs to the running loop. Leaving the block gives up the claims that are left, closes the file and ends its
    thread, also when cancelled; a disk that hangs holds it up for 10 s at most. Raises JournalError when the file is
    not a whole journal (it is left as it is) or cannot be opened or written.

    Processes may share the file on one machine; not over a network file system, whose locks SQLite's log cannot use.
    """
    runtime = local_runtime()
    thread = JournalThread(Path(path), this_process(runtime.new_id()), runtime.clock.wall_s)
    try:
        await thread.open()
        yield _Journal(thread, os.fspath(path))
    finally:
        closed = await thread.close()
    if not closed:
        raise JournalError(
            f"the journal {str(path)!r} could not be closed in time: its disk does not answer. What was reported as "
            "done is recorded; look at the disk",
            path=str(path),
        )


class _Journal:
    """A BatchJournal on a JournalThread."""

    def __init__(self, thread: JournalThread, path: str) -> None:
        self._thread = thread
        self._path = path
        self._begun: dict[str, InputProgress] = {}

    async def begin(self, key: str, digest: bytes, *, retry_failed: bool) -> Beginning:
        """As the port says. An input that this journal has begun and not ended is Elsewhere, too."""
        claims: list[Claimed] = []

        def claim(rows: JournalRows) -> Beginning | Claimed:
            claims.clear()
            beginning = rows.begin(key, digest, retry_failed=retry_failed)
            if isinstance(beginning, Claimed):
                claims.append(beginning)
            return beginning

        def undo(rows: JournalRows) -> None:
            for claimed in claims:
                rows.give_up(claimed)

        try:
            beginning = await self._thread.ask(claim)
        except asyncio.CancelledError:
            self._thread.post(undo)  # it is carried out all the same, and nobody would end it
            raise
        if not isinstance(beginning, Claimed):
            return beginning
        progress = self._begun[key] = InputProgress(beginning)
        return Begun(beginning.attempts, self._steps_of(progress))

    def _steps_of(self, progress: InputProgress) -> Callable[[Steps], Steps]:
        def before(inner: Steps) -> Steps:
            return JournalSteps(inner, self._thread, progress, self._path)

        return before

    async def end(self, key: str, outcome: bytes, *, ok: bool, timed_out: bool = False) -> None:
        """As the port says; also when it is cancelled.

        Raises JournalError, too, when another process has taken the input over meanwhile (its outcome counts), and when
        a step could not be recorded, whatever became of the run after that.
        """
        progress = self._begun.get(key)
        if progress is None:
            raise JournalError(f"the journal {self._path!r}: the input {key!r} was not begun here", path=self._path)
        if progress.lost is not None:
            raise progress.lost
        replays, told = not ok and not timed_out and progress.replays, tuple(progress.interrupted)
        await self._thread.ask(lambda rows: rows.end(progress.claimed, outcome, ok=ok, replays=replays, told=told))
        self._begun.pop(key, None)

    async def give_up(self, key: str) -> None:
        """As the port says; nothing is done where the input was ended or another process has it by now."""
        progress = self._begun.pop(key, None)
        if progress is not None:
            await self._thread.ask(lambda rows: rows.give_up(progress.claimed))
