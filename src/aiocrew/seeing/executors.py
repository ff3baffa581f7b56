"""How long work waits for a thread of an executor: seen by standing in for ThreadPoolExecutor.submit for a while."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, TypeVar

import msgspec

from aiocrew.aio.watch import Frame
from aiocrew.seeing.blame import Site, calling_site
from aiocrew.types.context import here

__all__ = ["ExecutorWatch", "Queued"]

T = TypeVar("T")
_WORTH_S = 0.005
_lock = threading.Lock()
_watches: list[ExecutorWatch] = []
_submit: Final[Callable[..., Any]] = ThreadPoolExecutor.submit


class Queued(msgspec.Struct, frozen=True):
    """Work that waited for a thread, in monotonic seconds."""

    executor: str
    threads: int
    site: Site
    """Who handed it in."""
    origin: Frame | None
    """The line that made the task that did; None where that is not known."""
    in_run: bool
    """That was in the midst of a run."""
    thread: int
    """The thread that carried it out."""
    from_s: float
    to_s: float
    ended_s: float


class ExecutorWatch:
    """Notes all work that waits for a thread, in every executor of the process, from `start` to `stop`."""

    def __init__(self, origin_here: Callable[[], Frame | None]) -> None:
        """origin_here: gives the line that made the task that runs now."""
        self.origin_here = origin_here
        self.queued: list[Queued] = []

    def start(self) -> None:
        """Begin to note."""
        with _lock:
            _watches.append(self)
            ThreadPoolExecutor.submit = _noted

    def stop(self) -> None:
        """Note no more; the last to stop puts the executor's own method back."""
        with _lock:
            _watches.remove(self)
            if not _watches:
                ThreadPoolExecutor.submit = _submit


def _noted(self: ThreadPoolExecutor, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
    """Hand work in, as ThreadPoolExecutor.submit does."""
    watches = tuple(_watches)
    if not watches:
        return _submit(self, fn, *args, **kwargs)
    frame = sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    site, in_run = calling_site(frame), here.get() is not None
    noting = [(watch, watch.origin_here()) for watch in watches]
    handed_s = time.monotonic()
    of_it: Any = self  # typeshed leaves out some of its attributes
    threads, name = of_it._max_workers, of_it._thread_name_prefix

    def carried_out() -> T:
        began_s = time.monotonic()
        try:
            return fn(*args, **kwargs)
        finally:
            if began_s - handed_s >= _WORTH_S:
                ended_s, ident = time.monotonic(), threading.get_ident()
                for watch, origin in noting:
                    watch.queued.append(Queued(name, threads, site, origin, in_run, ident, handed_s, began_s, ended_s))

    return _submit(self, carried_out)
