"""Synchronous code in a thread of ours comes back to the loop that it was started from, and ends with it."""

from __future__ import annotations

import asyncio
import contextvars
import random
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any

import pytest
import uvloop

from aiocrew.aio import errands
from aiocrew.aio.door import blocks_a_loop, run_sync
from aiocrew.aio.pool import run_in_thread, start_thread
from tests.doubles import on_virtual_time

LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]
NAME = contextvars.ContextVar("NAME", default="nobody")


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may take its time to end a thread."""
    monkeypatch.setattr("aiocrew.aio.pool._UNWINDING_S", 20)


async def this_loop() -> asyncio.AbstractEventLoop:
    await asyncio.sleep(0)
    return asyncio.get_running_loop()


class Work:
    """Goes on until it is cancelled; keeps what became of it."""

    def __init__(self, last: Callable[[], Any] | None = None) -> None:
        self.began = asyncio.Event()
        self.ended = False
        self._last = last

    async def __call__(self) -> str:
        self.began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if self._last is None:
                raise
            await self._last()
        finally:
            self.ended = True
        return "went on"


def carried_out(main: Callable[[], Any], loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> Any:
    with asyncio.Runner(loop_factory=loop_factory, debug=True) as runner:
        return runner.run(main())


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_at_any_depth_the_work_runs_on_the_one_loop(loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    def in_a_thread(depth: int) -> list[asyncio.AbstractEventLoop]:
        return run_sync(lambda: on_the_loop(depth - 1))

    async def on_the_loop(depth: int) -> list[asyncio.AbstractEventLoop]:
        seen = [await this_loop()]
        return seen if depth == 0 else seen + await run_in_thread(in_a_thread, depth)

    loops = carried_out(lambda: on_the_loop(5), loop_factory)
    assert len(loops) == 6
    assert len(set(loops)) == 1


async def test_a_hundred_threads_share_the_loop_and_do_not_wait_for_each_other() -> None:
    together = asyncio.Barrier(100)
    loops = await asyncio.gather(*[run_in_thread(run_sync, lambda: met(together)) for _ in range(100)])
    assert set(loops) == {asyncio.get_running_loop()}


async def met(together: asyncio.Barrier) -> asyncio.AbstractEventLoop:
    await together.wait()
    return asyncio.get_running_loop()


async def test_the_work_has_the_threads_context_variables_and_changes_none_of_them() -> None:
    async def read_and_change() -> str:
        read = NAME.get()
        NAME.set("work")
        return read

    def in_a_thread() -> tuple[str, str]:
        NAME.set("thread")
        return run_sync(read_and_change), NAME.get()

    NAME.set("caller")
    assert await run_in_thread(in_a_thread) == ("thread", "thread")
    assert NAME.get() == "caller"


@pytest.mark.parametrize("error", [LookupError("no"), TimeoutError("late"), asyncio.CancelledError("within")])
async def test_what_the_work_raises_comes_with_its_traceback(error: BaseException) -> None:
    async def where_it_happens() -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        await run_in_thread(run_sync, where_it_happens)
    assert raised.value is error
    assert "where_it_happens" in [frame.name for frame in traceback.extract_tb(raised.value.__traceback__)]


async def test_an_exit_ends_the_thread_and_not_the_loop() -> None:
    async def leave() -> None:
        raise SystemExit(3)

    def in_a_thread() -> object:
        with pytest.raises(SystemExit) as left:
            run_sync(leave)
        return left.value.code

    assert await run_in_thread(in_a_thread) == 3
    assert await this_loop() is asyncio.get_running_loop()


async def test_a_thread_that_has_done_its_job_belongs_to_no_loop_any_more() -> None:
    names: set[str] = set()
    await asyncio.gather(*[run_in_thread(lambda: names.add(threading.current_thread().name)) for _ in range(3)])
    seen: list[object] = []
    done = threading.Event()

    def job() -> None:
        seen.append(errands.of_this_thread.errands)
        done.set()

    start_thread(job)
    assert await run_in_thread(done.wait, 20)
    assert seen == [None]


async def test_threads_and_loops_of_the_users_own_stay_apart() -> None:
    def in_a_users_thread() -> asyncio.AbstractEventLoop:
        found: list[asyncio.AbstractEventLoop] = []
        context = contextvars.copy_context()
        thread = threading.Thread(target=lambda: found.append(context.run(run_sync, this_loop)))
        thread.start()
        thread.join()
        return found[0]

    async def in_a_users_loop() -> tuple[asyncio.AbstractEventLoop, asyncio.AbstractEventLoop]:
        return await this_loop(), run_sync(this_loop)

    loops = {asyncio.get_running_loop(), await run_in_thread(in_a_users_thread)}
    loops |= set(await run_in_thread(asyncio.run, in_a_users_loop()))
    assert len(loops) == 4


@pytest.mark.parametrize("loop_factory", LOOPS)
def test_what_a_blocked_loop_waits_for_never_comes_back_to_it(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    def in_a_thread() -> tuple[asyncio.AbstractEventLoop, bool]:
        return run_sync(seen)

    async def seen() -> tuple[asyncio.AbstractEventLoop, bool]:
        return await this_loop(), blocks_a_loop.get()

    async def inner() -> tuple[asyncio.AbstractEventLoop, asyncio.AbstractEventLoop, bool]:
        return (await this_loop(), *await run_in_thread(in_a_thread))

    async def main() -> None:
        outer = asyncio.get_running_loop()
        own, of_thread, blocking = run_sync(inner)
        assert (own is outer, of_thread is own, blocking) == (False, True, True)
        assert await run_in_thread(in_a_thread) == (outer, False)

    carried_out(main, loop_factory)


async def test_a_thread_may_block_the_loop_that_it_belongs_to() -> None:
    async def blocks() -> asyncio.AbstractEventLoop:
        return run_sync(lambda: run_in_thread(run_sync, this_loop))

    assert await run_in_thread(run_sync, blocks) is not asyncio.get_running_loop()


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("loop_factory", LOOPS)
def test_a_cancelled_caller_leaves_when_the_work_has_ended_and_the_thread_too(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    heard: list[str] = []

    def in_a_thread(work: Work) -> None:
        while True:
            try:
                run_sync(work)
            except Exception as error:  # as user code does, and tries again
                heard.append(repr(error))
            finally:
                heard.append("told")

    async def main() -> None:
        work = Work(lambda: asyncio.sleep(0.001))
        caller = asyncio.ensure_future(run_in_thread(in_a_thread, work))
        await work.began.wait()
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        assert work.ended
        assert heard == ["told"]
        assert asyncio.all_tasks() == {asyncio.current_task()}

    carried_out(main, loop_factory)


async def test_an_abandoned_thread_starts_nothing_on_the_loop_any_more() -> None:
    release, tried = threading.Event(), threading.Event()
    heard: list[str] = []

    def in_a_thread() -> None:
        release.wait(20)
        for _ in range(2):
            try:
                run_sync(lambda: pytest.fail("it began"))
            except asyncio.CancelledError as error:
                heard.append(str(error))
        tried.set()

    caller = asyncio.ensure_future(run_in_thread(in_a_thread))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    release.set()
    assert await run_in_thread(tried.wait, 20)
    assert heard == ["the run that this thread worked for was cancelled: it may start nothing any more"] * 2


@pytest.mark.usefixtures("patient")
async def test_work_that_swallows_its_cancellation_cannot_keep_the_thread_going() -> None:
    heard: list[object] = []

    def in_a_thread(work: Work) -> None:
        try:
            heard.append(run_sync(work))
        except asyncio.CancelledError:
            heard.append("cancelled")

    work = Work(lambda: asyncio.sleep(0))
    caller = asyncio.ensure_future(run_in_thread(in_a_thread, work))
    await work.began.wait()
    caller.cancel()
    await asyncio.wait([caller])
    assert (caller.cancelled(), heard) == (True, ["cancelled"])


async def test_a_further_cancellation_reaches_the_work_as_well() -> None:
    cleaning = asyncio.Event()

    async def clean_for_ever() -> None:
        cleaning.set()
        await asyncio.Event().wait()

    work = Work(clean_for_ever)
    caller = asyncio.ensure_future(run_in_thread(run_sync, work))
    await work.began.wait()
    caller.cancel()
    await cleaning.wait()
    assert not caller.done()
    caller.cancel()
    await asyncio.wait([caller])
    assert (caller.cancelled(), work.ended) == (True, True)


async def test_a_thread_that_goes_on_after_its_work_was_cancelled_is_left() -> None:
    release = threading.Event()

    def in_a_thread(work: Work) -> None:
        try:
            run_sync(work)
        finally:
            release.wait(20)

    work = Work()
    caller = asyncio.ensure_future(run_in_thread(in_a_thread, work))
    await work.began.wait()
    caller.cancel()
    await asyncio.wait([caller], timeout=20)
    assert caller.cancelled()
    assert not release.is_set()
    release.set()


async def test_a_caller_that_is_closed_cancels_the_work_as_well() -> None:
    work = Work()
    caller = run_in_thread(run_sync, work)
    caller.send(None)
    await work.began.wait()
    caller.close()
    await asyncio.sleep(0)  # it is told
    await asyncio.sleep(0)
    assert work.ended


def test_the_end_of_the_main_coroutine_ends_what_threads_wait_for() -> None:
    work, left, caller = Work(), threading.Event(), []

    def in_a_thread() -> None:
        try:
            run_sync(work)
        finally:
            left.set()

    async def main() -> None:
        caller.append(asyncio.ensure_future(run_in_thread(in_a_thread)))
        await work.began.wait()

    asyncio.run(main())
    assert work.ended
    assert left.wait(20)


@pytest.mark.parametrize("close", [True, False], ids=["closed", "only stopped"])
def test_a_thread_does_not_wait_for_a_loop_that_runs_no_more(close: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errands, "_LOOK_EVERY_S", 0.001)
    monkeypatch.setattr(errands, "_LOOKS_AT_A_STOPPED_LOOP", 1_000_000 if close else 5)
    heard: list[str] = []
    told, again = threading.Event(), threading.Event()

    def in_a_thread() -> None:
        for event in (told, again):
            try:
                run_sync(work)
            except asyncio.CancelledError as error:
                heard.append(str(error))
            event.set()

    loop = asyncio.new_event_loop()
    work = Work()
    caller = loop.create_task(run_in_thread(in_a_thread))
    loop.run_until_complete(work.began.wait())
    tasks = asyncio.all_tasks(loop)
    if close:
        loop.close()
    assert told.wait(20)
    assert again.wait(20)
    if close:
        assert heard == ["the event loop that this thread worked for was closed"] * 2
        for task in tasks:  # they can never end
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            task.get_coro().close()  # type: ignore[union-attr]
        return
    assert set(heard) == {"the event loop that this thread worked for has not run for some seconds"}
    loop.run_until_complete(caller)
    assert work.ended
    loop.close()


def test_the_time_of_the_work_is_the_loops() -> None:
    async def sleeps() -> float:
        await asyncio.sleep(3600)
        return asyncio.get_running_loop().time()

    assert on_virtual_time(lambda: run_in_thread(run_sync, sleeps)) == 3600


def test_ctrl_c_reaches_what_threads_wait_for() -> None:
    code = (
        "import asyncio, os, signal\n"
        "from aiocrew.aio.door import run_sync\n"
        "from aiocrew.aio.pool import run_in_thread\n"
        "ended, at_work = [], []\n"
        "async def work():\n"
        "    at_work.append(True)\n"
        "    if len(at_work) == 3:\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "    try:\n"
        "        await asyncio.sleep(60)\n"
        "    finally:\n"
        "        ended.append(True)\n"
        "async def main():\n"
        "    await asyncio.gather(*[run_in_thread(run_sync, work) for _ in range(3)])\n"
        "try:\n"
        "    asyncio.run(main())\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted', len(ended))\n"
    )
    run = subprocess.run([sys.executable, "-c", code], timeout=20, check=False, capture_output=True, text=True)
    assert (run.stdout, run.returncode) == ("interrupted 3\n", 0), run.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_process_forked_from_a_thread_has_a_loop_of_its_own() -> None:
    code = (
        "import asyncio, os\n"
        "from aiocrew.aio.door import run_sync\n"
        "from aiocrew.aio.pool import run_in_thread\n"
        "async def answer():\n"
        "    return 42\n"
        "def forks():\n"
        "    child = os.fork()\n"
        "    if child == 0:\n"
        "        os._exit(run_sync(answer))\n"
        "    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])\n"
        "async def main():\n"
        "    print(await asyncio.wait_for(run_in_thread(forks), 10))\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-W", "ignore", "-c", code]
    run = subprocess.run(command, timeout=20, check=False, capture_output=True, text=True)
    assert run.stdout == "42\n", run.stderr


@pytest.mark.skipif(sys.version_info < (3, 12), reason="tasks begin at once from Python 3.12 on")
async def test_tasks_that_begin_at_once_make_no_difference() -> None:
    asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
    NAME.set("caller")

    async def at_once() -> str:
        return NAME.get()

    assert await run_in_thread(run_sync, at_once) == "caller"
    assert await run_in_thread(run_sync, this_loop) is asyncio.get_running_loop()


class Storm:
    """Threads within threads that work, fail, go on and are cancelled at any moment."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.alive = 0
        self.loops: set[asyncio.AbstractEventLoop] = set()

    async def on_the_loop(self, depth: int) -> int:
        self.alive += 1
        self.loops.add(asyncio.get_running_loop())
        try:
            for _ in range(self.chance.randrange(3)):
                await asyncio.sleep(self.chance.choice([0, 0, 0.001]))
            if self.chance.random() < 0.1:
                raise LookupError("no luck")
            return depth if depth == 0 else await run_in_thread(self.in_a_thread, depth)
        finally:
            try:
                await asyncio.sleep(0)
            finally:
                self.alive -= 1

    def in_a_thread(self, depth: int) -> int:
        for _ in range(3):
            try:
                return run_sync(lambda: self.on_the_loop(depth - 1))
            except Exception:  # as user code does, and tries again
                continue
        return -1


@pytest.mark.parametrize("loop_factory", LOOPS)
@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_cancelled_when_nothing_hangs_and_nothing_is_left(
    seed: int, loop_factory: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    storm = Storm(seed)

    async def main() -> None:
        callers = [asyncio.ensure_future(run_in_thread(storm.in_a_thread, 3)) for _ in range(60)]
        while not all(caller.done() for caller in callers):
            await asyncio.sleep(0.001)
            for caller in storm.chance.sample(callers, 4):
                if storm.chance.random() < 0.5:
                    caller.cancel()
        given = [caller.result() for caller in callers if not caller.cancelled()]
        assert set(given) <= {-1, 0}
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert storm.alive == 0
        assert storm.loops <= {asyncio.get_running_loop()}

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(main())
