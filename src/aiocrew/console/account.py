"""A readable account of runs on stderr; a reader of events."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Collection
from functools import partial
from typing import TYPE_CHECKING, Any, TextIO

from aiocrew.console.desk import DESK
from aiocrew.console.lines import may_be_coloured
from aiocrew.console.pages import page_of
from aiocrew.console.safe_text import printable
from aiocrew.types.events import (
    BEGINNINGS_OF_RUNS,
    ENDS_OF_RUNS,
    AgentExecutionCompleted,
    AgentExecutionError,
    AgentTurnCompleted,
    AgentTurnStarted,
    CallbackCompleted,
    CallbackStarted,
    Event,
    EventsMissed,
    LLMFirstToken,
    LLMGuardrailStarted,
    LLMStreamChunk,
)

if TYPE_CHECKING:
    from aiocrew.console.narrator import Narrator

__all__ = ["NOT_READ", "ConsoleAccount", "load_account", "printable"]

NOT_READ: frozenset[type[Any]] = frozenset(
    {
        # Others say it: the lines of a task, of a call, of a verdict.
        AgentExecutionCompleted,
        AgentExecutionError,
        AgentTurnStarted,
        AgentTurnCompleted,
        LLMGuardrailStarted,
        CallbackStarted,
        CallbackCompleted,
        # There would be thousands; the whole text comes with the answer.
        LLMFirstToken,
        LLMStreamChunk,
        # Told to the one reader of a stream that was too slow, never to this one.
        EventsMissed,
    }
)


class ConsoleAccount:
    """Writes what runs do, each line under its run's name.

    Events may come from any thread; they are put into words, and written, by a thread of the desk. So a terminal that
    stands still holds up no run. When the last run under way ends, this waits up to 0.25 s for the lines to be written;
    at its exit the process waits as long as the stream takes them.
    """

    def __init__(self, stream: TextIO | None = None, *, only: Collection[str] | None = None) -> None:
        """Read what one run does, or several.

        stream: in place of what stands in sys.stderr at each event.
        only: the roles, as they are written, of the agents whose lines are to be shown; lines about a run as a whole
            are left out then. None shows all.
        """
        self._stream = stream
        self._only = only
        self._narrator: Narrator | None = None

    def emit(self, event: Event) -> None:
        """Have written what there is to say of `event`. Returns at once."""
        stream = sys.stderr if self._stream is None else self._stream
        if stream is None or type(event) in NOT_READ:  # pyright: ignore[reportUnnecessaryComparison]
            return  # sys.stderr is None in a program without a console
        begins, ends = isinstance(event, BEGINNINGS_OF_RUNS), isinstance(event, ENDS_OF_RUNS)
        if begins:
            _UNDER_WAY.begin()
        DESK.put(partial(self._write, event, stream, ends=ends), needed=begins or ends)
        if ends and _UNDER_WAY.end():
            DESK.wait_written()

    def _write(self, event: Event, stream: TextIO, left_out: int, *, ends: bool) -> None:
        if self._narrator is None:
            # Here, because most runs are not verbose: who imports aiocrew does not wait for it.
            from aiocrew.console.narrator import Narrator

            self._narrator = Narrator(self._only)
        self._narrator.write(event, stream, left_out, ends=ends)


class _UnderWay:
    """Counts the runs whose accounts have begun and not ended."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew: in a forked child no run of its parent's goes on."""
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
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_UNDER_WAY.forget)


def load_account() -> None:
    """Load what an account needs where stderr is a terminal: 0.1 s for rich, best spent before there is a loop.

    Where nobody called it, the desk's thread loads it beside the run.
    """
    stream = sys.stderr
    if stream is not None and may_be_coloured(stream):  # pyright: ignore[reportUnnecessaryComparison]
        page_of(stream)
