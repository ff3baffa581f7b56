"""What the scenarios of the journal share."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from aiocrew.aio.runtime import LoopClock, local_runtime
from aiocrew.aio.steps import LocalSteps
from aiocrew.types.context import active_runtime
from aiocrew.types.journal import BatchJournal, Begun

__all__ = [
    "DIGEST",
    "OTHER_DIGEST",
    "Counted",
    "Doing",
    "WallClock",
    "begun",
    "copied",
    "files_beside",
    "move_owners_away",
    "on_clock",
]

DIGEST, OTHER_DIGEST = b"d" * 16, b"e" * 16


class Doing:
    """An Effect whose content is a text."""

    label = "doing"

    def __init__(self, content: str, *, announced: bool = False, repeatable: bool = True) -> None:
        self._content = content
        self.announced = announced
        self.repeatable = repeatable

    def content(self) -> bytes:
        return self._content.encode()


class Counted:
    """A body that gives a value or raises an error, and counts how often it ran."""

    def __init__(self, value: Any) -> None:
        self._value = value
        self.times = 0

    async def __call__(self) -> Any:
        self.times += 1
        if isinstance(self._value, BaseException):
            raise self._value
        return self._value


async def begun(journal: BatchJournal, key: str = "a", digest: bytes = DIGEST, *, retry_failed: bool = False) -> Any:
    """Return the steps of an input that is this journal's to do."""
    beginning = await journal.begin(key, digest, retry_failed=retry_failed)
    assert isinstance(beginning, Begun), beginning
    return beginning.steps(LocalSteps())


class WallClock(LoopClock):
    """The loop's time, and a wall clock that is set by hand."""

    def __init__(self, now_s: float) -> None:
        self.now_s = now_s

    def wall_s(self) -> float:
        return self.now_s


@contextmanager
def on_clock(clock: WallClock) -> Iterator[None]:
    """Let journals that are opened in the block live by `clock`."""
    token = active_runtime.set(replace(local_runtime(), clock=clock))
    try:
        yield
    finally:
        active_runtime.reset(token)


def move_owners_away(file: Path) -> None:
    """Make the owners in a journal processes of another host."""
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("UPDATE owners SET token = token || ' abroad', host = 'abroad', boot = 'abroad'")


def copied(path: Path, to: Path) -> Path:
    """Copy a journal as it is on the disk in this moment: what a crash would leave."""
    for suffix in ("", "-wal"):
        file = path.with_name(path.name + suffix)
        if file.exists():
            shutil.copy(file, to.with_name(to.name + suffix))
    return to


def files_beside(path: Path) -> list[str]:
    return sorted(file.name for file in path.parent.iterdir())
