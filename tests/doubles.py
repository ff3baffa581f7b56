"""Doubles that the scenarios share: those of aiocrew.testing, and Steps that record and replay."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec

from aiocrew.testing.models import ScriptedModel
from aiocrew.testing.replies import calls, prompt
from aiocrew.testing.virtual_loop import VirtualTimeLoop
from aiocrew.testing.virtual_runs import run_virtual as on_virtual_time
from aiocrew.types.paths import Path
from aiocrew.types.ports import Branch, Effect, Returned, Settled

T = TypeVar("T")


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
