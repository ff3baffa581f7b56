"""Doubles that the scenarios share: a scripted model, an event loop on virtual time, Steps that record and replay."""

from __future__ import annotations

import asyncio
import heapq
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec

from aiocrew.types.messages import Reply, Request, ToolCall, User
from aiocrew.types.paths import Path
from aiocrew.types.ports import Branch, Effect, Returned, Settled
from aiocrew.types.usage import Usage

T = TypeVar("T")
Answer = str | Reply | Exception


class ScriptedModel:
    """Gives its answers in order, or what a function of the request gives; keeps the requests."""

    def __init__(self, *answers: Answer, by: Callable[[Request], Answer] | None = None, delay_s: float = 0) -> None:
        self._answers = list(answers)
        self._by = by
        self._delay_s = delay_s
        self.requests: list[Request] = []
        self.in_flight = 0
        self.peak = 0
        self._awaited: tuple[int, asyncio.Event] | None = None

    async def reached(self, number: int) -> None:
        """Return when `number` calls are in flight."""
        if self.in_flight < number:
            self._awaited = (number, asyncio.Event())
            await self._awaited[1].wait()

    async def reply(self, request: Request) -> Reply:
        self.requests.append(request)
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        if self._awaited is not None and self.in_flight == self._awaited[0]:
            self._awaited[1].set()
        try:
            await asyncio.sleep(self._delay_s)
        finally:
            self.in_flight -= 1
        answer = self._by(request) if self._by else self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Reply(answer, usage=Usage(10, 5)) if isinstance(answer, str) else answer


def calls(*named: tuple[str, dict[str, Any] | str], text: str = "") -> Reply:
    """Return a reply that asks for tools."""
    asked = tuple(
        ToolCall(f"c{n}", name, args if isinstance(args, str) else msgspec.json.encode(args).decode())
        for n, (name, args) in enumerate(named)
    )
    return Reply(text, asked, Usage(10, 5), "tool_calls")


def prompt(request: Request) -> str:
    """Return what the user said first: the task."""
    return next(message.text for message in request.messages if isinstance(message, User))


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose time jumps to the next timer whenever nothing else is to do."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0

    def time(self) -> float:
        return self._now

    def _run_once(self) -> None:
        while self._scheduled and self._scheduled[0]._cancelled:  # type: ignore[attr-defined]
            self._timer_cancelled_count -= 1  # type: ignore[attr-defined]
            heapq.heappop(self._scheduled)._scheduled = False  # type: ignore[attr-defined]
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self._now = max(self._now, self._scheduled[0]._when)  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


def on_virtual_time(main: Callable[[], Any]) -> Any:
    """Return what the coroutine `main()` gives, in no real time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main())


class RecordingSteps:
    """Steps that keep every result as JSON under its path, or give back what another run kept.

    `order` shuffles how branches are delivered once they have all ended, as other timing would.
    """

    def __init__(self, recorded: dict[Path, bytes] | None = None, order: random.Random | None = None) -> None:
        self.recorded: dict[Path, bytes] = {}
        self.paths: list[Path] = []
        self._replay = recorded
        self._order = order or random.Random(0)

    async def step(
        self, path: Path, body: Callable[[], Awaitable[T]], returns: type[T], effect: Effect | None = None
    ) -> T:
        assert path not in self.paths, f"{path} twice"
        self.paths.append(path)
        for _ in range(self._order.randrange(4)):
            await asyncio.sleep(0)
        if self._replay is not None:
            return msgspec.json.decode(self._replay[path], type=returns)
        value = await body()
        self.recorded[path] = msgspec.json.encode(value)
        return value

    @asynccontextmanager
    async def branches(self, specs: Iterable[Branch[T]] = ()) -> AsyncIterator[_InOtherOrder[T]]:
        from aiocrew.aio.branches import TaskBranches

        async with TaskBranches(specs) as inner:
            yield _InOtherOrder(inner, self._order)


class _InOtherOrder:
    def __init__(self, inner: Any, order: random.Random) -> None:
        self._inner = inner
        self._order = order

    def start(self, branch: Branch[Any]) -> None:
        self._inner.start(branch)

    def __aiter__(self) -> _InOtherOrder:
        return self

    async def __anext__(self) -> tuple[Path, Settled[Any]]:
        for _ in range(self._order.randrange(4)):
            await asyncio.sleep(0)
        ended = self._inner._ended
        if len(ended) > 1:
            self._order.shuffle(ended)
        return await self._inner.__anext__()

    async def stop(self) -> list[tuple[Path, Settled[Any]]]:
        return await self._inner.stop()


__all__ = ["RecordingSteps", "Returned", "ScriptedModel", "VirtualTimeLoop", "calls", "on_virtual_time", "prompt"]
