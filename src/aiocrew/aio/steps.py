"""Steps on plain asyncio: nothing is recorded, branches are tasks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from aiocrew.aio.branches import TaskBranches
from aiocrew.types.paths import Path
from aiocrew.types.ports import Branch, Effect

__all__ = ["LocalSteps"]

T = TypeVar("T")


class LocalSteps:
    """The default implementation of the port Steps."""

    def step(
        self, path: Path, body: Callable[[], Awaitable[T]], returns: type[T], effect: Effect | None = None
    ) -> Awaitable[T]:
        return body()

    def branches(self, specs: Iterable[Branch[T]] = ()) -> TaskBranches[T]:
        return TaskBranches(specs)
