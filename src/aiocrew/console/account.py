"""A readable account of runs on stderr; a reader of events."""

from __future__ import annotations

import sys
import threading
from collections.abc import Collection
from functools import cached_property, partial
from typing import TYPE_CHECKING, TextIO

from aiocrew.console.desk import DESK
from aiocrew.console.kinds import BEGINNINGS, ENDINGS, NOT_READ
from aiocrew.console.layouts import may_be_coloured
from aiocrew.console.pages import page_of
from aiocrew.console.safe_text import printable
from aiocrew.types.events import Event

if TYPE_CHECKING:
    from aiocrew.console.narrator import Narrator

__all__ = ["ConsoleAccount", "load_account", "printable"]


class ConsoleAccount:
    """Writes what runs do, each line under its run's name.

    Events may come from any thread; they are put into words, and written, by a thread of the desk. So a terminal that
    stands still holds up no run; when the last run under way ends, what it did has been written.
    """

    def __init__(self, stream: TextIO | None = None, *, only: Collection[str] | None = None) -> None:
        """Read what one run does, or several.

        stream: in place of what stands in sys.stderr at each event.
        only: the roles, as they are written, of the agents whose lines are to be shown; lines about a run as a whole
            are left out then. None shows all.
        """
        self._stream = stream
        self._only = only

    def emit(self, event: Event) -> None:
        """Have written what there is to say of `event`. Returns at once."""
        stream = sys.stderr if self._stream is None else self._stream
        if stream is None or type(event) in NOT_READ:  # pyright: ignore[reportUnnecessaryComparison]
            return  # sys.stderr is None in a program without a console
        begins, ends = isinstance(event, BEGINNINGS), isinstance(event, ENDINGS)
        if begins:
            _UNDER_WAY.begin()
        DESK.put(partial(self._write, event, stream), needed=begins or ends)
        if ends and _UNDER_WAY.end():
            DESK.wait_written()

    def _write(self, event: Event, stream: TextIO, left_out: int) -> None:
        self._narrator.write(event, stream, left_out)

    @cached_property
    def _narrator(self) -> Narrator:
        # Here, because most runs are not verbose: who imports aiocrew does not wait for it.
        from aiocrew.console.narrator import Narrator

        return Narrator(self._only)


class _UnderWay:
    """Counts the runs whose accounts have begun and not ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0

    def begin(self) -> None:
        with self._lock:
            self._count += 1

    def end(self) -> bool:
        """Return whether that was the last one."""
        with self._lock:
            self._count = max(0, self._count - 1)
            return not self._count


_UNDER_WAY = _UnderWay()


def load_account() -> None:
    """Load what an account needs where stderr is a terminal: 0.1 s for rich, best spent before there is a loop.

    Where nobody called it, the desk's thread loads it beside the run.
    """
    stream = sys.stderr
    if stream is not None and may_be_coloured(stream):  # pyright: ignore[reportUnnecessaryComparison]
        page_of(stream)
