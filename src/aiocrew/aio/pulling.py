"""Items of an asynchronous source for code that cannot await, while the work behind it goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Any, Final, Generic, Protocol, TypeVar

from aiocrew.aio.blocking import run_blocking
from aiocrew.aio.door import blocks_a_loop, loop_is_running
from aiocrew.aio.errands import Errands, ended_within, of_this_thread
from aiocrew.aio.pool import start_thread

__all__ = ["pulled"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_LOOK_EVERY_S = 0.5
_END: Final = object()


class Source(Protocol[T_co]):
    """What can be pulled: an async generator, or what is iterated and closed like one."""

    def __anext__(self) -> Awaitable[T_co]: ...

    def aclose(self) -> Awaitable[None]: ...


def pulled(source: Source[T], *, door: str, instead: str) -> Generator[T]:
    """Give the items of `source`, each as soon as it is there and asked for; close it when this is left.

    In a thread that `run_in_thread` started from an event loop, the source works on that loop. Anywhere else it has one
    in a thread of its own, which goes on while the caller does other things, and has ended when this is left. Inside a
    running loop each step blocks that loop: the line is told once, with the name of the public `door`, and what had
    better stand there `instead`. Raises what the source raises.
    """
    is_blocking = loop_is_running()
    if is_blocking:
        run_blocking(door, _nothing, instead=instead)
    errands = None if is_blocking else of_this_thread.errands
    if errands is not None:
        yield from _Pull(source, errands.run).items()
        return
    with _OwnLoop() as own:
        yield from _Pull(source, partial(_blocking, own) if is_blocking else own.run).items()


async def _nothing() -> None:
    return


def _blocking(errands: Errands, main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    token = blocks_a_loop.set(True)
    try:
        return errands.run(main)
    finally:
        blocks_a_loop.reset(token)


class _Pull(Generic[T]):
    def __init__(self, source: Source[T], run: Callable[[Callable[[], Coroutine[Any, Any, Any]]], Any]) -> None:
        self._source = source
        self._run = run
        self._loop: asyncio.AbstractEventLoop | None = None

    def items(self) -> Generator[T]:
        try:
            while (item := self._run(self._next)) is not _END:
                yield item
        finally:
            try:
                self._run(self._close)
            except asyncio.CancelledError:
                # Whoever this thread worked for is gone; what goes on there is ended all the same.
                self._close_later()

    async def _next(self) -> Any:
        self._loop = asyncio.get_running_loop()
        try:
            return await self._source.__anext__()
        except StopAsyncIteration:
            return _END

    async def _close(self) -> None:
        with suppress(RuntimeError):  # it is at work, and on its way to its end already
            await self._source.aclose()

    def _close_later(self) -> None:
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # the loop was closed
                loop.call_soon_threadsafe(lambda: loop.create_task(self._close()))


class _OwnLoop:
    """Errands on a loop in a thread of its own; on leaving, both have ended."""

    def __init__(self) -> None:
        self._begun: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self._ended: Future[None] = Future()

    def __enter__(self) -> Errands:
        start_thread(self._live)
        loop, _ = self._begun.result()
        return Errands(loop)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        loop, leave = self._begun.result()
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(leave.set)
        while not ended_within(self._ended, _LOOK_EVERY_S):
            pass
        self._ended.result()

    def _live(self) -> None:
        try:
            with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
                runner.run(self._keep())
        except BaseException as error:
            if not self._begun.done():
                self._begun.set_exception(error)
            self._ended.set_exception(error)
        else:
            self._ended.set_result(None)

    async def _keep(self) -> None:
        leave = asyncio.Event()
        self._begun.set_result((asyncio.get_running_loop(), leave))
        await leave.wait()
