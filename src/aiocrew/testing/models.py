"""Models that say what a test wants them to say. They are given as `Agent(llm=...)`."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias

from aiocrew.testing.errors import ScriptError
from aiocrew.testing.replies import USAGE
from aiocrew.types.messages import Chunk, Reply, Request

__all__ = ["Answer", "FunctionModel", "ScriptedModel"]

Answer: TypeAlias = str | Reply | Exception
"""What a model says; an exception is what its call raises."""

_SHOWN = 200


class _Double:
    """A model that keeps its requests and counts those under way."""

    def __init__(self, *, delay_s: float, streams: bool) -> None:
        self.streams = streams
        """Whether its replies are asked for in pieces."""
        self.requests: list[Request] = []
        """What it was asked, in the order in which it was asked."""
        self.in_flight = 0
        self.peak = 0
        """The most calls that were in flight at once."""
        self._delay_s = delay_s
        self._awaited: list[tuple[int, asyncio.Event]] = []

    async def reached(self, number: int) -> None:
        """Return when `number` calls are in flight."""
        if self.in_flight < number:
            event = asyncio.Event()
            self._awaited.append((number, event))
            await event.wait()

    async def reply(self, request: Request) -> Reply:
        """Return the answer, `delay_s` seconds later. Raises it where it is an exception."""
        number = len(self.requests)
        self.requests.append(request)
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        for wanted, event in self._awaited:
            if self.in_flight >= wanted:
                event.set()
        try:
            await asyncio.sleep(self._delay_s)
            answer = await self._answer(request, number)
        finally:
            self.in_flight -= 1
        if isinstance(answer, Exception):
            raise answer
        return Reply(answer, usage=USAGE) if isinstance(answer, str) else answer

    async def stream(self, request: Request) -> AsyncIterator[Chunk | Reply]:
        """Give the answer word by word, and then the whole."""
        reply = await self.reply(request)
        for piece in re.findall(r"\S+\s*|\s+", reply.text):
            yield Chunk(piece)
        yield reply

    async def _answer(self, request: Request, number: int) -> Answer:
        raise NotImplementedError


class ScriptedModel(_Double):
    """Gives its answers in order, or what the function `by` gives for a request.

    delay_s: seconds, of the loop's time, that each call takes. streams: it is asked for chunks.
    A call beyond the script raises ScriptError.
    """

    def __init__(
        self, *answers: Answer, by: Callable[[Request], Answer] | None = None, delay_s: float = 0, streams: bool = False
    ) -> None:
        super().__init__(delay_s=delay_s, streams=streams)
        self._answers = list(answers)
        self._given = 0
        self._by = by

    async def _answer(self, request: Request, number: int) -> Answer:
        if self._by is not None:
            return self._by(request)
        if not self._answers:
            raise ScriptError(
                f"the script of this ScriptedModel had {_answers(self._given)} and it was asked once more: request "
                f"{number + 1} has {_last_of(request)}. Write a further answer, or answer by a function (by=)"
            )
        self._given += 1
        return self._answers.pop(0)


class FunctionModel(_Double):
    """Answers with what `function`, plain or async, gives for a request: a text, a Reply, or an exception to raise.

    A plain one is called on the event loop, so it may not block.
    delay_s: seconds, of the loop's time, that each call takes before. streams: it is asked for chunks.
    """

    def __init__(
        self, function: Callable[[Request], Answer | Awaitable[Answer]], *, delay_s: float = 0, streams: bool = False
    ) -> None:
        super().__init__(delay_s=delay_s, streams=streams)
        self._function = function

    async def _answer(self, request: Request, number: int) -> Answer:
        answer = self._function(request)
        return await answer if inspect.isawaitable(answer) else answer


def _answers(number: int) -> str:
    return "one answer" if number == 1 else f"{number} answers"


def _last_of(request: Request) -> str:
    if not request.messages:
        return "no message"
    last = request.messages[-1]
    text = last.text if len(last.text) <= _SHOWN else f"{last.text[:_SHOWN]}..."
    return f"{len(request.messages)} messages of which the last one ({type(last).__name__}) says {text!r}"
