"""Work side by side, every task with a parent: the only place that creates tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from types import TracebackType
from typing import Generic, TypeVar

from aiocrew.aio.cancelling import cancelled_since, cancels, deliver_cancel_since
from aiocrew.errors import AiocrewError, TaskError
from aiocrew.types.paths import Path, path_order
from aiocrew.types.ports import Branch, Raised, Returned, Settled

__all__ = ["TaskBranches", "first_failure"]

T = TypeVar("T")


class TaskBranches(Generic[T]):
    """What became of the branches comes in the order in which they ended.

    A failure is data (Raised): whoever iterates decides whether the others go on. Leaving the block by any way
    cancels what has not ended and waits for it, so no task outlives the block. A cancellation of the surrounding
    task wins over an error that arrives in the same tick: a stopped batch must not go on because a child failed.

    Branches side by side are asyncio tasks. One that has nothing beside it needs none: it is carried out by whoever
    iterates, so a chain of tasks, the commonest crew, costs no more than its awaits.
    """

    __slots__ = ("_cancels_before", "_ended", "_loop", "_new", "_paths", "_waiter")

    def __init__(self, specs: Iterable[Branch[T]] = ()) -> None:
        self._loop = asyncio.get_running_loop()
        self._cancels_before = cancels(self._loop)
        self._new: list[Branch[T]] = list(specs)
        self._paths: dict[asyncio.Task[Settled[T]], Path] = {}
        self._ended: list[asyncio.Task[Settled[T]]] = []  # few at a time; a deque is ten times as large
        self._waiter: asyncio.Future[None] | None = None

    async def __aenter__(self) -> TaskBranches[T]:
        return self

    def start(self, branch: Branch[T]) -> None:
        self._new.append(branch)

    def _launch(self) -> None:
        for branch in self._new:
            task = self._loop.create_task(_settle(branch.body, self._loop))
            self._paths[task] = branch.path
            task.add_done_callback(self._on_end)
        self._new.clear()

    def _on_end(self, task: asyncio.Task[Settled[T]]) -> None:
        self._ended.append(task)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def __aiter__(self) -> TaskBranches[T]:
        return self

    async def __anext__(self) -> tuple[Path, Settled[T]]:
        if self._new:
            if len(self._new) == 1 and not self._paths:
                branch = self._new.pop()
                return branch.path, await _settle(branch.body, self._loop)
            self._launch()
        if not self._paths:
            raise StopAsyncIteration
        while not self._ended:
            await self._wait_for_an_end()
        return self._take(self._ended.pop(0))

    def _take(self, task: asyncio.Task[Settled[T]]) -> tuple[Path, Settled[T]]:
        path = self._paths.pop(task)
        if task.cancelled():
            return path, Raised(TaskError(f"{path} was cancelled from outside its run"))
        return path, task.result()

    async def _wait_for_an_end(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    async def stop(self) -> list[tuple[Path, Settled[T]]]:
        self._new.clear()
        before = len(self._ended)
        for task in self._paths:
            task.cancel()
        cancelled: asyncio.CancelledError | None = None
        while len(self._ended) < len(self._paths):
            try:
                await self._wait_for_an_end()
            except asyncio.CancelledError as again:
                # Cancelled while waiting for the children: wait on, then pass it on. Leaving now would orphan them.
                cancelled = again
        # Only now: a result may be a BaseException, and nobody may be alive when it is raised.
        given = [task for place, task in enumerate(self._ended) if place < before or not task.cancelled()]
        self._ended = []
        if cancelled is not None:
            self._paths.clear()
            raise cancelled
        settled = [self._take(task) for task in given]
        self._paths.clear()
        return settled

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._paths or self._new:
            await self.stop()
        if isinstance(error, Exception):
            await deliver_cancel_since(self._cancels_before, self._loop)


async def _settle(body: Callable[[], Awaitable[T]], loop: asyncio.AbstractEventLoop) -> Settled[T]:
    before = cancels(loop)
    try:
        return Returned(await body())
    except Exception as error:
        return Raised(error)
    except asyncio.CancelledError:
        if cancelled_since(before, loop):
            raise
        return Raised(TaskError("code in the run raised CancelledError, but nobody cancelled the run"))


def first_failure(settled: Iterable[tuple[Path, Settled[T]]]) -> Exception:
    """Return the error of several branches that is to be raised: the first in order of path.

    Where it is one of aiocrew's, those of the others stand in its `others`. There must be a failure among them.
    """
    failures = [(path, outcome.error) for path, outcome in settled if isinstance(outcome, Raised)]
    first, *others = [error for _, error in sorted(failures, key=lambda failure: path_order(failure[0]))]
    return first.with_others(tuple(others)) if others and isinstance(first, AiocrewError) else first
