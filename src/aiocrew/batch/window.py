"""A window over any number of inputs: so many under way, and the next one is fetched when one of them has ended."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from types import TracebackType
from typing import Final, Generic, Literal, Protocol, TypeAlias, TypeVar, cast

import msgspec

from aiocrew.aio.runtime import local_runtime
from aiocrew.types.context import Readers, everywhere
from aiocrew.types.events import BatchHeld
from aiocrew.types.outputs import Outcome
from aiocrew.types.paths import Path
from aiocrew.types.ports import Branch, Branches, Raised

__all__ = ["RETRY_AFTER_S", "Job", "Later", "Stopped", "Window"]

RETRY_AFTER_S: Final = 0.5
"""How long a job that was put aside waits before it is tried again."""


_WORTH_TELLING_S = 0.001


class Later(msgspec.Struct, frozen=True):
    """The job cannot be done yet: put it aside, go on with others, and try it again."""


class Job(Protocol):
    """The work on one input."""

    async def carry_out(self) -> Outcome | Later:
        """Return what became of the input. An exception ends the whole window: a failure must be an outcome."""
        ...


T = TypeVar("T")
J = TypeVar("J", bound=Job)


class Stopped(msgspec.Struct, Generic[J], frozen=True):
    """What there was when a window was stopped."""

    ended: list[tuple[J, Outcome]]
    """Had ended, and was not given out yet."""
    cancelled: list[J]
    """Was under way."""
    waiting: list[J]
    """Was put aside, or fetched and not started."""


class _Fetched(msgspec.Struct, Generic[T], frozen=True):
    item: T


class _Exhausted(msgspec.Struct, frozen=True):
    pass


class _Rested(msgspec.Struct, frozen=True):
    pass


_Result: TypeAlias = Outcome | Later | _Fetched[T] | _Exhausted | _Rested
_END: Final = object()
_NO_BRANCHES: Final = ()


class Window(Generic[T, J]):
    """Jobs and their outcomes, in the order in which they end: `async with Window(...) as window: async for ...`.

    source: the items; an iterable is asked on the event loop, an async one beside the work that is under way.
    begin: makes the job of an item, given its position; called in the order of the items.
    most: how many jobs may be under way, those included whose outcome nobody has taken yet. Beside them at most one
        item has been fetched.

    Iterating raises what the source, `begin` or a job raises. However the block is left, nothing that was started is
    alive then, and an async generator that was the source is closed.
    """

    __slots__ = (
        "_aside",
        "_async_items",
        "_begin",
        "_block",
        "_branches",
        "_due",
        "_exhausted",
        "_fetching",
        "_full_s",
        "_given_s",
        "_items",
        "_most",
        "_now_s",
        "_resting",
        "_rests",
        "_runtime",
        "_tries",
        "_under_way",
        "fetched",
    )

    def __init__(self, source: Iterable[T] | AsyncIterable[T], begin: Callable[[T, int], J], *, most: int) -> None:
        self._items: Iterator[T] | None = None
        self._async_items: AsyncIterator[T] | None = None
        if isinstance(source, AsyncIterable):
            self._async_items = aiter(source)
        else:
            self._items = iter(source)
        self._begin = begin
        self._most = most
        self._runtime = local_runtime()
        self._block = self._runtime.steps.branches(cast("tuple[Branch[_Result[T]], ...]", _NO_BRANCHES))
        self._under_way: dict[Path, J] = {}
        self._due: deque[J] = deque()
        self._aside: list[J] = []
        self._tries = self._rests = 0
        self._exhausted = self._fetching = self._resting = False
        self._full_s = 0.0
        """How long as many jobs were under way as may be, since one was begun."""
        self._given_s: float | None = None
        """When an outcome was given out, while they were."""
        self.fetched = 0
        """How many items the source has given."""

    async def __aenter__(self) -> Window[T, J]:
        self._now_s = self._runtime.clock.monotonic_s
        self._branches: Branches[_Result[T]] = await self._block.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            await self._block.__aexit__(kind, error, traceback)
        finally:
            if isinstance(self._async_items, AsyncGenerator):
                await cast("AsyncGenerator[T]", self._async_items).aclose()

    def __aiter__(self) -> Window[T, J]:
        return self

    async def __anext__(self) -> tuple[J, Outcome]:
        untaken_s = 0.0 if self._given_s is None else self._now_s() - self._given_s
        self._given_s = None
        while True:
            if self._fill():
                self._tell_held("max_concurrency", self._full_s)
                self._tell_held("reader", untaken_s)
                self._full_s = untaken_s = 0.0
            began_s = self._now_s() if len(self._under_way) >= self._most else None
            path, settled = await self._branches.__anext__()
            if isinstance(settled, Raised):
                raise settled.error
            ended = self._take(path, settled.value)
            if began_s is not None:
                self._given_s = self._now_s()
                self._full_s += self._given_s - began_s
            if ended is not None:
                return ended

    def _tell_held(self, by: Literal["reader", "max_concurrency"], held_s: float) -> None:
        sinks = (*self._runtime.sinks, *everywhere()) if held_s >= _WORTH_TELLING_S else ()
        if sinks:
            at_s = self._now_s()
            event = BatchHeld("", Path("batch"), at_s, self._runtime.clock.wall_s(), by, held_s, self._most)
            Readers(sinks).emit(event)

    async def stop(self) -> Stopped[J]:
        """Cancel what is under way, wait for its end, and fetch nothing more; return what there was.

        Raises what a job raised that had ended.
        """
        self._exhausted = True
        ended: list[tuple[J, Outcome]] = []
        for path, settled in await self._branches.stop():
            if isinstance(settled, Raised):
                raise settled.error
            pair = self._take(path, settled.value)
            if pair is not None:
                ended.append(pair)
        stopped = Stopped(ended, list(self._under_way.values()), [*self._aside, *self._due])
        for jobs in (self._under_way, self._aside, self._due):
            jobs.clear()
        return stopped

    def _take(self, path: Path, result: _Result[T]) -> tuple[J, Outcome] | None:
        if isinstance(result, _Fetched):
            self._fetching = False
            self._due.append(self._made(result.item))
        elif isinstance(result, _Exhausted):
            self._exhausted = True
        elif isinstance(result, _Rested):
            self._resting = False
            self._due.extend(self._aside)
            self._aside.clear()
        elif isinstance(result, Later):
            self._aside.append(self._under_way.pop(path))
        else:
            return self._under_way.pop(path), result
        return None

    def _fill(self) -> bool:
        """Begin what may begin; return whether a job was begun."""
        tries = self._tries
        while len(self._under_way) < self._most:
            job = self._due.popleft() if self._due else self._next()
            if job is None:
                break
            path = Path(f"job-{self._tries}")
            self._tries += 1
            self._under_way[path] = job
            self._branches.start(Branch(path, job.carry_out))
        if self._aside and not self._resting:
            self._resting = True
            self._rests += 1
            self._branches.start(Branch(Path(f"rest-{self._rests}"), self._rest))
        return self._tries > tries

    def _next(self) -> J | None:
        """Return the next item's job; None where there is none, or none yet."""
        if self._exhausted:
            return None
        if self._items is not None:
            item = next(self._items, _END)
            if item is not _END:
                return self._made(cast("T", item))
            self._exhausted = True
        elif not self._fetching:
            self._fetching = True
            self._branches.start(Branch(Path(f"source-{self.fetched}"), self._fetch))
        return None

    def _made(self, item: T) -> J:
        index = self.fetched
        self.fetched += 1
        return self._begin(item, index)

    async def _fetch(self) -> _Fetched[T] | _Exhausted:
        item = await anext(cast("AsyncIterator[T]", self._async_items), _END)
        return _Exhausted() if item is _END else _Fetched(cast("T", item))

    async def _rest(self) -> _Rested:
        await self._runtime.clock.sleep(RETRY_AFTER_S)
        return _Rested()
