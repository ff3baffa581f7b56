"""Asking whoever sits at the terminal, one question at a time, without blocking any event loop."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections import deque
from contextlib import suppress
from typing import NamedTuple

from aiocrew.aio.pool import start_thread
from aiocrew.console.account import printable
from aiocrew.errors import UsageError
from aiocrew.types.ports import Question

__all__ = ["TERMINAL", "TerminalHuman"]


class _Asked(NamedTuple):
    question: Question
    loop: asyncio.AbstractEventLoop
    answer: asyncio.Future[str]


class TerminalHuman:
    """The default Human: shows the answer on stderr and reads one line of stdin.

    Questions of runs side by side are asked one after another. Whoever asks may be cancelled; then the line that is
    being waited for belongs to the next question, which is shown before. Raises UsageError where there is nobody to
    ask, because stdin is at its end.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[_Asked] = deque()
        self._shown: _Asked | None = None
        self._reading = False

    async def ask(self, question: Question) -> str:
        loop = asyncio.get_running_loop()
        asked = _Asked(question, loop, loop.create_future())
        with self._lock:
            self._waiting.append(asked)
            if not self._reading:
                self._reading = True
                start_thread(self._read_all)
            elif self._shown is not None and self._shown.answer.cancelled():
                self._show_next()  # the thread waits for a line already
        return await asked.answer

    def _read_all(self) -> None:
        # A thread of its own, that nothing waits for: there is no way to end a read.
        while True:
            with self._lock:
                if (self._shown is None or self._shown.answer.cancelled()) and not self._show_next():
                    self._reading = False
                    return
            line = sys.stdin.readline()
            with self._lock:
                asked, self._shown = self._shown, None
            if asked is not None:
                with suppress(RuntimeError):  # its loop was closed meanwhile
                    asked.loop.call_soon_threadsafe(_deliver, asked.answer, line)

    def _show_next(self) -> bool:
        """Show the next question that somebody still waits for; return whether there was one. Needs the lock."""
        self._shown = None
        while self._waiting and self._shown is None:
            asked = self._waiting.popleft()
            if not asked.answer.cancelled():
                self._shown = asked
                print(_text(asked.question), end="", file=sys.stderr, flush=True)
        return self._shown is not None


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
                "a task has human_input, and stdin is at its end: run it in a terminal, or give "
                "RunOptions(human=...) an object with `async def ask(self, question)`"
            )
        )


TERMINAL = TerminalHuman()
"""The terminal is one for the whole process."""
