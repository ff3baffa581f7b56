"""What an asynchronous source gives, for loops that cannot await."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator
from contextvars import ContextVar

import pytest

from aiocrew.aio.door import blocks_a_loop
from aiocrew.aio.pool import run_in_thread
from aiocrew.aio.pulling import pulled

NAME = ContextVar("NAME", default="nobody")
INSTEAD = {"door": "door", "instead": "way"}


class Source:
    """Gives numbers for ever; keeps where it was asked, and whether it was closed."""

    def __init__(self) -> None:
        self.threads: set[int] = set()
        self.names: set[str] = set()
        self.closed = self.blocks = 0

    async def numbers(self) -> AsyncGenerator[int]:
        number = 0
        try:
            while True:
                self.threads.add(threading.get_ident())
                self.names.add(NAME.get())
                self.blocks += blocks_a_loop.get()
                await asyncio.sleep(0)
                yield number
                number += 1
        finally:
            await asyncio.sleep(0)
            self.closed += 1


async def few() -> AsyncGenerator[int]:
    for number in range(3):
        await asyncio.sleep(0)
        yield number


def test_without_a_loop_it_gives_all_items_from_a_thread_of_its_own() -> None:
    assert list(pulled(few(), **INSTEAD)) == [0, 1, 2]
    source = Source()
    for number in pulled(source.numbers(), **INSTEAD):
        if number == 3:
            break
    assert (source.closed, source.blocks) == (1, 0)
    assert source.threads.isdisjoint({threading.get_ident()})


def test_the_source_sees_the_context_of_who_pulls() -> None:
    source = Source()
    token = NAME.set("caller")
    try:
        next(pulled(source.numbers(), **INSTEAD))
    finally:
        NAME.reset(token)
    assert source.names == {"caller"}


def test_what_the_source_raises_is_raised_here() -> None:
    async def failing() -> AsyncGenerator[int]:
        yield 1
        raise KeyError("gone")

    items = pulled(failing(), **INSTEAD)
    assert next(items) == 1
    with pytest.raises(KeyError, match="gone"):
        next(items)


def test_what_the_caller_raises_closes_the_source_first() -> None:
    source = Source()
    items = pulled(source.numbers(), **INSTEAD)
    next(items)
    with pytest.raises(ZeroDivisionError):
        items.throw(ZeroDivisionError())
    assert source.closed == 1


def test_work_goes_on_between_two_items() -> None:
    went_on = threading.Event()

    async def source() -> AsyncGenerator[int]:
        async def work() -> None:
            await asyncio.sleep(0.001)
            went_on.set()

        working = asyncio.ensure_future(work())
        yield 1
        await working

    for _ in pulled(source(), **INSTEAD):
        assert went_on.wait(20)


@pytest.mark.filterwarnings("ignore:.*inside a running event loop")
async def test_inside_a_running_loop_it_has_another_one_which_knows_that_it_blocks_this() -> None:
    source = Source()
    next(pulled(source.numbers(), **INSTEAD))
    assert source.threads.isdisjoint({threading.get_ident()})
    assert (source.blocks, source.closed) == (1, 1)
    assert not blocks_a_loop.get()


async def test_in_a_thread_of_a_loop_the_source_works_on_that_loop() -> None:
    source = Source()

    def pull() -> list[int]:
        items = pulled(source.numbers(), **INSTEAD)
        return [next(items), next(items)]

    assert await run_in_thread(pull) == [0, 1]
    assert source.threads == {threading.get_ident()}
    assert source.closed == 1


async def test_a_thread_that_is_given_up_while_it_pulls_leaves_nothing_behind() -> None:
    pulling, closed = asyncio.Event(), 0

    async def stuck() -> AsyncGenerator[int]:
        nonlocal closed
        try:
            pulling.set()
            await asyncio.Event().wait()
            yield 1
        finally:
            closed += 1

    thread = asyncio.ensure_future(run_in_thread(lambda: list(pulled(stuck(), **INSTEAD))))
    await pulling.wait()
    thread.cancel()
    with pytest.raises(asyncio.CancelledError):
        await thread
    assert closed == 1
