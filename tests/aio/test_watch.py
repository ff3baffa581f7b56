"""The watch over event loops goes on looking."""

from __future__ import annotations

import asyncio
import time

from aiocrew.aio.watch import LoopWatch


async def test_one_look_that_cost_much_does_not_make_it_blind() -> None:
    looks = 0
    three = asyncio.Event()

    def look(_: asyncio.AbstractEventLoop) -> None:
        nonlocal looks
        until_s = time.thread_time() + (0.0 if looks else 1.0)
        while time.thread_time() < until_s:
            pass
        looks += 1
        if looks == 3:
            three.set()

    watch = LoopWatch(lambda blocked: None, look)
    watch.add(asyncio.get_running_loop())
    try:
        async with asyncio.timeout(50):  # a hundred times what the look cost would be its pause
            await three.wait()
    finally:
        watch.stop()
