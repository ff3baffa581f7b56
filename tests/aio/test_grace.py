"""Cancelled work has so long for its finally-blocks, and no longer, whatever it awaits there."""

from __future__ import annotations

import asyncio
import gc
import heapq
import inspect
import weakref
from collections.abc import Awaitable, Callable, Generator
from contextlib import suppress
from contextvars import ContextVar
from types import coroutine
from typing import Any

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from aiocrew.aio.grace import with_grace
from tests.doubles import VirtualTimeLoop

GRACE_S = 5.0
LAST_WORD_S = 0.25
HOUR_S = 3600.0


class Loop(VirtualTimeLoop):
    """Virtual time in which a cancelled timer is no event."""

    def _run_once(self) -> None:
        while self._scheduled and self._scheduled[0]._cancelled:
            self._timer_cancelled_count -= 1
            heapq.heappop(self._scheduled)._scheduled = False
        super()._run_once()


def on_virtual_time(main: Callable[[], Awaitable[Any]]) -> Any:
    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(main())


def now_s() -> float:
    return asyncio.get_running_loop().time()


async def graced(work: Awaitable[Any]) -> Any:
    return await with_grace(work, GRACE_S)


async def cancelled_at(work: Awaitable[Any], *times_s: float) -> tuple[asyncio.Task[Any], float]:
    """Cancel the task of `work` at these times; return it ended, and how long after the first cancel it ended."""
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(graced(work))
    for time_s in times_s:
        loop.call_at(loop.time() + time_s, task.cancel)
    began_s = now_s() + times_s[0]
    await asyncio.wait([task])
    return task, now_s() - began_s


async def cleans_up(seconds: float, heard: list[str]) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        try:
            await asyncio.sleep(seconds)
            heard.append("clean")
        except asyncio.CancelledError:
            heard.append("interrupted")
            raise


async def swallows() -> None:
    while True:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(HOUR_S)


async def awaits_whenever_it_is_ended(times: int) -> None:
    while times:
        try:
            await asyncio.sleep(HOUR_S)
        except BaseException:
            times -= 1


async def fails_whenever_it_is_ended() -> None:
    try:
        await asyncio.sleep(HOUR_S)
    finally:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(HOUR_S)
        try:
            await asyncio.sleep(HOUR_S)
        except GeneratorExit:
            raise KeyError("nobody hears this") from None


async def awaits_tasks(child: Callable[[], Awaitable[None]]) -> None:
    await asyncio.gather(child(), child())


async def awaits_a_task(child: Callable[[], Awaitable[None]]) -> None:
    await asyncio.ensure_future(child())


async def clean_up_for_ever() -> None:
    try:
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(HOUR_S)


async def swallows_twice() -> None:
    for _ in range(2):
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(HOUR_S)


class Custom:
    """An awaitable that is no coroutine, but has an iterator of its own."""

    def __init__(self, work: Awaitable[Any]) -> None:
        self._work = work

    def __await__(self) -> Any:
        return (yield from self._work.__await__())


@coroutine
def yields_for_ever() -> Generator[None, None, None]:
    while True:
        with suppress(asyncio.CancelledError):
            yield


async def two_levels(heard: list[str]) -> None:
    try:
        await clean_up_for_ever()
    finally:
        await asyncio.sleep(0.01)
        heard.append("outer")


def test_what_is_not_cancelled_gives_its_result_without_a_timer() -> None:
    async def main() -> None:
        loop: Any = asyncio.get_running_loop()

        async def work() -> list[int]:
            seen = []
            for _ in range(3):
                await asyncio.sleep(0)
                seen.append(len(loop._scheduled))
            return seen

        assert await with_grace(work(), GRACE_S, loop) == [0, 0, 0]
        assert len(asyncio.all_tasks()) == 1

    on_virtual_time(main)


def test_what_cleans_up_in_time_is_left_alone() -> None:
    async def main() -> None:
        heard: list[str] = []
        task, took_s = await cancelled_at(cleans_up(GRACE_S - 1, heard), 1)
        assert (heard, task.cancelled(), took_s) == (["clean"], True, GRACE_S - 1)

    on_virtual_time(main)


def test_what_cleans_up_for_longer_is_interrupted() -> None:
    async def main() -> None:
        heard: list[str] = []
        task, took_s = await cancelled_at(cleans_up(HOUR_S, heard), 1)
        assert (heard, task.cancelled(), took_s) == (["interrupted"], True, GRACE_S)
        assert task.cancelling() == 1

    on_virtual_time(main)


def test_a_block_around_the_interrupted_one_has_a_moment_too() -> None:
    async def main() -> None:
        heard: list[str] = []
        _, took_s = await cancelled_at(two_levels(heard), 1)
        assert heard == ["outer"]
        assert GRACE_S < took_s < GRACE_S + LAST_WORD_S

    on_virtual_time(main)


@pytest.mark.parametrize(
    "work",
    [
        swallows,
        lambda: awaits_whenever_it_is_ended(6),
        fails_whenever_it_is_ended,
        lambda: awaits_tasks(clean_up_for_ever),
        lambda: awaits_a_task(clean_up_for_ever),
        lambda: awaits_a_task(swallows_twice),
        lambda: asyncio.ensure_future(clean_up_for_ever()),
        lambda: Custom(clean_up_for_ever()),
        lambda: with_grace(swallows(), GRACE_S),
        lambda: with_grace(awaits_tasks(clean_up_for_ever), GRACE_S),
    ],
    ids=str,
)
def test_nothing_lasts_longer_than_the_grace_and_a_moment(work: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        task, took_s = await cancelled_at(work(), 1)
        assert task.cancelled()
        assert GRACE_S <= took_s <= GRACE_S + LAST_WORD_S
        assert task.cancelling() == 1
        assert asyncio.all_tasks() == {asyncio.current_task()}

    on_virtual_time(main)


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
@pytest.mark.parametrize("work", [yields_for_ever, swallows, lambda: awaits_tasks(clean_up_for_ever)], ids=str)
def test_it_ends_on_every_loop(
    loop: Callable[[], asyncio.AbstractEventLoop], work: Callable[[], Awaitable[None]]
) -> None:
    async def brief() -> None:
        await with_grace(work(), 0.01)

    async def main() -> None:
        task = asyncio.ensure_future(brief())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(main())


def test_a_second_cancel_is_heard_at_once_and_prolongs_nothing() -> None:
    async def main() -> None:
        heard: list[str] = []
        task, took_s = await cancelled_at(cleans_up(HOUR_S, heard), 1, 3)
        assert (heard, took_s, task.cancelling()) == (["interrupted"], 2, 2)
        task, took_s = await cancelled_at(swallows(), 1, 3)
        assert (took_s, task.cancelling(), task.cancelled()) == (GRACE_S + LAST_WORD_S, 2, True)

    on_virtual_time(main)


def test_a_second_cancel_in_the_tick_in_which_the_grace_ends_is_not_lost() -> None:
    async def main() -> None:
        for after_s in (GRACE_S, GRACE_S + LAST_WORD_S):
            task, _ = await cancelled_at(swallows(), 1, 1 + after_s)
            assert task.cancelled()
            assert task.cancelling() == 2

    on_virtual_time(main)


def test_what_the_work_is_told_by_a_timeout_of_its_own_ends_no_grace() -> None:
    async def work() -> str:
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                await cleans_up(GRACE_S - 1, [])
        await asyncio.sleep(HOUR_S)
        return "done"

    async def main() -> None:
        assert await graced(work()) == "done"
        assert now_s() == 1 + GRACE_S - 1 + HOUR_S

    on_virtual_time(main)


def test_the_timeout_around_it_still_raises_its_own_error() -> None:
    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await graced(swallows())
        assert now_s() == 1 + GRACE_S + LAST_WORD_S
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0

    on_virtual_time(main)


async def test_a_cancellation_that_nobody_asked_for_is_passed_on_without_a_grace() -> None:
    async def work() -> str:
        child = asyncio.ensure_future(asyncio.sleep(HOUR_S))
        asyncio.get_running_loop().call_soon(child.cancel)
        with pytest.raises(asyncio.CancelledError):
            await child
        await asyncio.sleep(0)
        return "goes on"

    assert await graced(work()) == "goes on"


async def test_results_and_errors_come_through_whatever_the_work_is() -> None:
    async def fails(error: BaseException) -> None:
        await asyncio.sleep(0)
        raise error

    future = asyncio.get_running_loop().create_future()
    future.set_result("future")
    assert await graced(future) == "future"
    assert await graced(Custom(asyncio.sleep(0, "custom"))) == "custom"
    assert await graced(asyncio.ensure_future(asyncio.sleep(0, "task"))) == "task"
    assert await graced(with_grace(asyncio.sleep(0, "nested"), 1)) == "nested"
    with pytest.raises(KeyError, match="key"):
        await graced(fails(KeyError("key")))
    with pytest.raises(RuntimeError, match="raised StopIteration"):
        await graced(fails(StopIteration()))
    with pytest.raises(KeyError, match="of a task"):
        await graced(asyncio.ensure_future(fails(KeyError("of a task"))))


async def test_the_traceback_leads_into_the_work() -> None:
    async def fails() -> None:
        await asyncio.sleep(0)
        raise KeyError

    with pytest.raises(KeyError) as raised:
        await graced(fails())
    assert raised.traceback[-1].name == "fails"


async def test_context_variables_are_the_tasks() -> None:
    variable: ContextVar[str] = ContextVar("variable")

    async def work() -> None:
        await asyncio.sleep(0)
        variable.set("of the work")

    await with_grace(work(), GRACE_S)
    assert variable.get() == "of the work"


async def test_an_await_of_the_own_task_is_the_error_that_it_always_is() -> None:
    async def work() -> None:
        task = asyncio.current_task()
        assert task is not None
        await task

    with pytest.raises(RuntimeError, match="await on itself"):
        await graced(work())


async def test_closing_it_closes_the_work() -> None:
    work = asyncio.sleep(HOUR_S)
    coroutine_around = graced(work)
    coroutine_around.send(None)
    coroutine_around.close()
    assert inspect.getcoroutinestate(work) == inspect.CORO_CLOSED


async def test_nothing_waits_for_the_garbage_collector() -> None:
    class Held:
        pass

    async def work(held: Held) -> None:
        await asyncio.sleep(HOUR_S)

    held = Held()
    gone = weakref.ref(held)
    task = asyncio.ensure_future(graced(work(held)))
    del held
    await asyncio.sleep(0)
    gc.disable()
    try:
        task.cancel()
        await asyncio.wait([task])
        del task
        await asyncio.sleep(0)
        assert gone() is None
    finally:
        gc.enable()


# Scripts of a work: each step awaits something else.
STEPS = st.deferred(
    lambda: st.one_of(
        st.tuples(st.just("sleep"), st.integers(0, 4)),
        st.tuples(st.just("tick"), st.just(0)),
        st.tuples(st.just("task"), SCRIPTS),
        st.tuples(st.just("gather"), SCRIPTS),
        st.tuples(st.just("shield"), SCRIPTS),
        st.tuples(st.just("timeout"), SCRIPTS),
        st.tuples(st.just("finally"), SCRIPTS),
        st.tuples(st.just("swallow"), SCRIPTS),
        st.tuples(st.just("fail"), st.just(0)),
    )
)
SCRIPTS = st.lists(STEPS, max_size=3)


async def play(script: list[tuple[str, Any]], heard: list[tuple[float, str]]) -> None:
    for kind, what in script:
        heard.append((now_s(), kind))
        match kind:
            case "sleep":
                await asyncio.sleep(what)
            case "tick":
                await asyncio.sleep(0)
            case "task":
                await asyncio.ensure_future(play(what, heard))
            case "gather":
                await asyncio.gather(play(what, heard), asyncio.sleep(2))
            case "shield":
                await asyncio.shield(play(what, heard))
            case "timeout":
                async with asyncio.timeout(1.5):
                    await play(what, heard)
            case "finally":
                try:
                    await asyncio.sleep(1)
                finally:
                    await play(what, heard)
            case "swallow":
                try:
                    await play(what, heard)
                except asyncio.CancelledError as error:
                    heard.append((now_s(), repr(error)))
            case _:
                raise KeyError(kind)


def played(script: list[tuple[str, Any]], cancels_s: list[int], around: Callable[[Any], Any]) -> Any:
    """Return all that can be seen of a work from outside."""

    async def main() -> Any:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: None)
        heard: list[tuple[float, str]] = []

        async def work() -> None:
            await around(play(script, heard))

        task = asyncio.ensure_future(work())
        # None may come at the very moment of another one or of a sleep's end: which is first is left to chance.
        for cancel_s, apart_s in zip(cancels_s, (0.11, 0.23, 0.37), strict=False):
            loop.call_at(cancel_s + apart_s, task.cancel)
        await asyncio.wait([task])
        ended_s = now_s()
        error = None if task.cancelled() else repr(task.exception())
        await asyncio.sleep(HOUR_S)  # what a gather leaves behind ends
        # Sorted: the wait for a task takes a tick more.
        return sorted(heard), task.cancelled(), error, task.cancelling(), ended_s

    return on_virtual_time(main)


@given(SCRIPTS, st.lists(st.integers(0, 8), max_size=3))
def test_within_the_grace_nothing_is_other_than_without(script: list[tuple[str, Any]], cancels_s: list[int]) -> None:
    plain = played(script, cancels_s, lambda work: work)
    assert played(script, cancels_s, lambda work: with_grace(work, HOUR_S)) == plain
    assert played(script, cancels_s, lambda work: with_grace(with_grace(work, HOUR_S), HOUR_S)) == plain


# What awaits more often in its finally-blocks than it is closed is left to the collector, which complains of it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@given(SCRIPTS, st.integers(0, 8))
def test_no_work_is_longer_under_way_than_its_grace(script: list[tuple[str, Any]], cancel_s: int) -> None:
    grace_s = 0.5
    *_, cancelling, ended_s = played(script, [cancel_s], lambda work: with_grace(work, grace_s))
    plain_ended_s = played(script, [], lambda work: work)[-1]
    assert ended_s <= max(plain_ended_s, cancel_s + 0.25 + grace_s + LAST_WORD_S)
    assert cancelling <= 1
