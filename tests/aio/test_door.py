"""Synchronous code may call in from anywhere."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from concurrent.futures import Future
from contextlib import suppress

import pytest

from aiocrew.aio import door
from aiocrew.aio.door import run_sync
from aiocrew.aio.pool import start_thread


async def answer():
    await asyncio.sleep(0)
    return 42


def test_without_a_loop_it_runs_here_and_leaves_the_threads_loop_alone():
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        assert run_sync(answer) == 42
        assert asyncio.get_event_loop_policy().get_event_loop() is loop
    finally:
        asyncio.set_event_loop(None)
        loop.close()


async def test_inside_a_running_loop_it_runs_in_another_thread():
    assert run_sync(answer) == 42


async def test_errors_come_through():
    async def fails():
        raise LookupError("no")

    with pytest.raises(LookupError):
        run_sync(fails)


async def test_a_timeout_of_the_work_is_told_from_waiting_for_it():
    error = TimeoutError("of the work")

    async def fails():
        raise error

    with pytest.raises(TimeoutError) as raised:
        run_sync(fails)
    assert raised.value is error


async def test_a_cancellation_that_is_on_its_way_lets_nothing_begin():
    began = []

    async def work():
        began.append(True)

    async def main():
        asyncio.current_task().cancel()
        run_sync(work)

    task = asyncio.create_task(main())
    await asyncio.wait([task])
    assert (task.cancelled(), began) == (True, [])


async def test_a_cancellation_that_was_answered_before_changes_nothing():
    async def main():
        asyncio.current_task().cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0)
        return run_sync(answer)

    assert await asyncio.create_task(main()) == 42


async def test_an_interrupt_that_comes_before_the_work_has_begun_ends_it(monkeypatch):
    jobs, began = [], []

    class Outcome(Future):
        def exception(self, timeout=None):
            if timeout is not None:
                raise KeyboardInterrupt
            start_thread(jobs.pop())  # only now, when its end is waited for
            return super().exception(10)

    async def work():
        began.append(True)

    monkeypatch.setattr(door, "Future", Outcome)
    monkeypatch.setattr(door, "start_thread", jobs.append)
    with pytest.raises(KeyboardInterrupt):
        run_sync(work)
    assert began == []


def test_with_nest_asyncio_applied():
    code = (
        "import asyncio, nest_asyncio\n"
        "nest_asyncio.apply()\n"
        "from aiocrew.aio.door import run_sync\n"
        "async def answer():\n"
        "    await asyncio.sleep(0.01)\n"
        "    return 42\n"
        "async def main():\n"
        "    assert run_sync(answer) == 42\n"
        "    assert asyncio.run(answer()) == 42\n"
        "asyncio.run(main())\n"
        "assert run_sync(answer) == 42\n"
    )
    assert subprocess.run([sys.executable, "-W", "ignore", "-c", code], timeout=20, check=False).returncode == 0


def test_ctrl_c_reaches_work_that_blocks_a_running_loop():
    code = (
        "import asyncio, os, signal, threading\n"
        "from aiocrew.aio.door import run_sync\n"
        "ended = []\n"
        "async def work():\n"
        "    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "    try:\n"
        "        await asyncio.sleep(60)\n"
        "    finally:\n"
        "        ended.append(True)\n"
        "async def main():\n"
        "    run_sync(work)\n"
        "try:\n"
        "    asyncio.run(main())\n"
        "except KeyboardInterrupt:\n"
        "    assert ended == [True]\n"
        "    print('interrupted')\n"
    )
    run = subprocess.run([sys.executable, "-c", code], timeout=20, check=False, capture_output=True, text=True)
    assert (run.stdout, run.returncode) == ("interrupted\n", 0)
