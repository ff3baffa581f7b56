"""Synchronous code never waits for a thread, and never keeps the interpreter."""

from __future__ import annotations

import asyncio
import contextvars
import subprocess
import sys
import threading

import pytest

from aiocrew.aio.pool import ElasticPool, run_in_thread


async def test_two_hundred_calls_are_in_their_threads_at_once():
    barrier = threading.Barrier(200)
    assert len(await asyncio.gather(*[run_in_thread(barrier.wait, 20) for _ in range(200)])) == 200


async def test_context_variables_are_carried_along():
    name = contextvars.ContextVar("name")
    name.set("crew")
    assert await run_in_thread(name.get) == "crew"


async def test_exceptions_arrive_and_stop_iteration_is_named():
    def fails():
        raise KeyError("x")

    def stops():
        next(iter(()))

    with pytest.raises(KeyError):
        await run_in_thread(fails)
    with pytest.raises(RuntimeError, match="StopIteration"):
        await run_in_thread(stops)


async def test_a_cancelled_caller_leaves_at_once():
    release = threading.Event()
    task = asyncio.create_task(run_in_thread(release.wait, 20))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    release.set()


def test_idle_threads_are_used_again_and_then_end():
    pool = ElasticPool(idle_s=0.05)
    done = threading.Event()
    pool.submit(done.set)
    done.wait(5)
    assert pool.threads == 1
    deadline = threading.Event()
    for _ in range(100):
        if pool.threads == 0:
            break
        deadline.wait(0.02)
    assert pool.threads == 0


def test_the_interpreter_does_not_wait_for_a_thread_at_exit():
    code = (
        "import asyncio, threading\n"
        "from aiocrew.aio.pool import run_in_thread\n"
        "async def main():\n"
        "    task = asyncio.ensure_future(run_in_thread(threading.Event().wait))\n"
        "    await asyncio.sleep(0.01)\n"
        "    task.cancel()\n"
        "asyncio.run(main())\n"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=20, check=False).returncode == 0
