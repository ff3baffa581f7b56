"""Asking whoever sits at the terminal, one question at a time, without blocking any event loop."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections import deque
from contextlib import suppress
from functools import partial
from typing import NamedTuple, TextIO

from aiocrew.aio.pool import start_thread
from aiocrew.console.desk import DESK, Hold
from aiocrew.console.lines import is_terminal
from aiocrew.console.pages import page_of
from aiocrew.console.safe_text import printable
from aiocrew.errors import UsageError
from aiocrew.types.ports import Question

__all__ = ["TERMINAL", "TerminalHuman"]


class _Prompt(NamedTuple):
    hold: Hold
    stream: TextIO


class _Asked(NamedTuple):
    question: Question
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[str]


class TerminalHuman:
    """The default Human: shows the answer on stderr and reads one line of stdin.

    Questions of runs side by side are asked one after another, and accounts of runs are held back while one is being
    answered. Whoever asks may be cancelled; then the line that is
    being waited for belongs to the next question, which is shown at once. Raises UsageError where there is nobody to
    ask, because stdin is at its end or cannot be read.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[_Asked] = deque()
        self._shown: _Asked | None = None
        self._prompt: _Prompt | None = None
        """Of the question that is shown."""
        self._reading = False

    async def ask(self, question: Question) -> str:
        loop = asyncio.get_running_loop()
        asked = _Asked(question, loop, loop.create_future())
        with self._lock:
            self._waiting.append(asked)
            if not self._reading:
                start_thread(self._read_all)
                self._reading = True
            elif self._shown is None:
                self._show_next()  # the thread waits for a line already
        try:
            return await asked.answer
        except asyncio.CancelledError:
            self._forget(asked)
            raise

    def _forget(self, asked: _Asked) -> None:
        with self._lock:
            if self._shown is asked:
                self._take_away(ended=False)
                self._show_next()
            elif asked in self._waiting:
                self._waiting.remove(asked)

    def _read_all(self) -> None:
        # A thread of its own, that nothing waits for: there is no way to end a read.
        while True:
            with self._lock:
                if (self._shown or self._show_next()) is None:
                    self._reading = False
                    return
            line = _line()
            with self._lock:
                asked, self._shown = self._shown, None
                self._take_away(ended=line.endswith("\n"))
            if asked is not None:
                with suppress(RuntimeError):  # its loop was closed meanwhile
                    asked.loop.call_soon_threadsafe(_deliver, asked.answer, line)

    def _show_next(self) -> _Asked | None:
        """Show the question that has waited longest, and return it; None where nobody waits. Needs the lock."""
        self._shown = asked = self._waiting.popleft() if self._waiting else None
        if asked is not None and (stream := sys.stderr) is not None:  # pyright: ignore[reportUnnecessaryComparison]
            self._prompt = _Prompt(DESK.hold_behind(partial(_ask, stream, _text(asked.question))), stream)
        return asked

    def _take_away(self, *, ended: bool) -> None:
        """Let others write again; `ended`: somebody typed a line, and its end. Needs the lock."""
        prompt, self._prompt = self._prompt, None
        if prompt is not None:
            shown = ended and is_terminal(prompt.stream) and _is_typed()
            DESK.release(prompt.hold, partial(_end_line, prompt.stream) if shown else None)


def _ask(stream: TextIO, text: str, left_out: int) -> None:
    page_of(stream).ask(text)


def _end_line(stream: TextIO, left_out: int) -> None:
    page_of(stream).answered()


def _is_typed() -> bool:
    """Return whether what stdin gives is typed at a terminal, which shows it."""
    try:
        return sys.stdin.isatty()
    except (AttributeError, OSError, ValueError):
        return False


def _line() -> str:
    """Return the next line of stdin; empty where it is at its end, closed, or not to be read."""
    try:
        return sys.stdin.readline()
    except (AttributeError, OSError, ValueError):  # None in a program without a console; a test runner's refuses
        return ""


def _text(question: Question) -> str:
    answer = "\n".join(f"    {printable(line)}" for line in question.answer.splitlines())
    return (
        f"\n{printable(question.agent)} answers to {printable(question.task)!r}:\n{answer}\n"
        "What should be different? An empty line accepts it: "
    )


def _deliver(future: asyncio.Future[str], line: str) -> None:
    if future.done():
        return
    if line:
        future.set_result(line.rstrip("\r\n"))
    else:
        future.set_exception(
            UsageError(
                "a task has human_input, and stdin is at its end or cannot be read: run it in a terminal, or give "
                "RunOptions(human=...) an object with `async def ask(self, question)`"
            )
        )


TERMINAL = TerminalHuman()
"""The terminal is one for the whole process."""
