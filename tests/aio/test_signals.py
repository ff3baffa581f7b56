"""The first signal drains, the second cancels, and afterwards all is as before."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator

import pytest
import uvloop

from aiocrew.aio.door import run_sync
from aiocrew.aio.signals import Drain, waking

LOOPS = pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
SIGNALS = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])

NewLoop = Callable[[], asyncio.AbstractEventLoop]


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    """Let no signal end the tests, and look whether the handlers are put back."""
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
    own = {number: signal.getsignal(number) for number in before}
    yield
    after = {number: signal.getsignal(number) for number in before}
    for number, handler in before.items():
        signal.signal(number, handler)
    assert after == own


def run_on(loop: NewLoop, main: Callable[[], Awaitable[None]]) -> None:
    async def scenario() -> None:
        await main()

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(scenario())


async def for_ever() -> None:
    await asyncio.Event().wait()


def cancels() -> int:
    task = asyncio.current_task()
    assert task is not None
    return task.cancelling()


@LOOPS
@SIGNALS
def test_the_first_signal_drains_and_the_block_goes_on(loop: NewLoop, number: signal.Signals) -> None:
    async def main() -> None:
        drained = asyncio.Event()
        async with Drain(drained.set) as drain:
            assert drain.first is None
            signal.raise_signal(number)
            await drained.wait()
            await asyncio.sleep(0)
        assert (drain.first, drain.cut) == (number, False)
        assert cancels() == 0

    run_on(loop, main)


@LOOPS
def test_the_second_signal_cancels_the_block_and_only_the_block(loop: NewLoop) -> None:
    async def main() -> None:
        drains: list[str] = []
        async with Drain(lambda: drains.append("drained")) as drain:
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGINT)
            await for_ever()
        assert (drain.first, drain.cut, drains) == (signal.SIGTERM, True, ["drained"])
        assert cancels() == 0
        await asyncio.sleep(0)

    run_on(loop, main)


def test_clean_up_in_the_block_is_awaited() -> None:
    async def main() -> None:
        cleaned: list[str] = []
        async with Drain(lambda: signal.raise_signal(signal.SIGINT)):
            signal.raise_signal(signal.SIGINT)
            try:
                await for_ever()
            finally:
                await asyncio.sleep(0)
                cleaned.append("clean")
        assert cleaned == ["clean"]

    run_on(asyncio.new_event_loop, main)


def test_a_third_signal_meets_the_handlers_from_before() -> None:
    heard: list[int] = []

    async def main() -> None:
        before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
        async with Drain(lambda: None):
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGTERM)
            try:
                await for_ever()
            finally:
                signal.raise_signal(signal.SIGTERM)
        signal.signal(signal.SIGTERM, before)

    run_on(asyncio.new_event_loop, main)
    assert heard == [signal.SIGTERM]


def test_an_outer_cancel_passes_also_beside_a_signal() -> None:
    async def main() -> None:
        drain = Drain(lambda: None)

        async def work() -> None:
            async with drain:
                await for_ever()

        for signals in (0, 2):
            task = asyncio.ensure_future(work())
            await asyncio.sleep(0)
            for _ in range(signals):
                signal.raise_signal(signal.SIGTERM)
            task.cancel()
            await asyncio.wait([task])
            assert task.cancelled()
            drain = Drain(lambda: None)

    run_on(asyncio.new_event_loop, main)


def test_an_error_in_the_block_is_raised() -> None:
    async def main() -> None:
        with pytest.raises(KeyError):
            async with Drain(lambda: None):
                raise KeyError

    run_on(asyncio.new_event_loop, main)


def test_an_ignored_signal_stays_ignored() -> None:
    async def main() -> None:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        async with Drain(lambda: None) as drain:
            signal.raise_signal(signal.SIGINT)
            await asyncio.sleep(0.01)
        assert drain.first is None
        assert signal.signal(signal.SIGINT, before) == signal.SIG_IGN

    run_on(asyncio.new_event_loop, main)


def test_outside_the_main_thread_it_does_nothing() -> None:
    entered: list[bool] = []

    async def main() -> None:
        async with Drain(lambda: None) as drain:
            await asyncio.sleep(0)
            entered.append(drain.cut)

    thread = threading.Thread(target=run_on, args=(asyncio.new_event_loop, main))
    thread.start()
    thread.join()
    assert entered == [False]


def test_ctrl_c_under_asyncio_run_drains_too_and_the_third_is_an_interrupt() -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    async def main() -> None:
        async with Drain(lambda: None) as drain:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            try:
                await for_ever()
            finally:
                assert drain.first == signal.SIGINT
                signal.raise_signal(signal.SIGINT)
                await for_ever()

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(main())
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_that_another_thread_takes_ends_the_wait_of_the_synchronous_door() -> None:
    # So it goes, too, with one that comes between the loop's last look and its wait: nothing breaks the wait off.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    waits = threading.Event()

    def interrupt() -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        waits.wait()
        signal.raise_signal(signal.SIGINT)

    async def main() -> None:
        asyncio.get_running_loop().call_soon(waits.set)
        await for_ever()

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            run_sync(main)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        signal.signal(signal.SIGINT, before)
        thread.join()
    assert signal.set_wakeup_fd(-1) == -1, "as before"


async def one() -> int:
    return 1


def test_a_synchronous_door_inside_another_program_whose_signals_are_not_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A sub-interpreter's main thread is not the one that takes signals, and is refused as any other thread.
    given: list[int] = []

    def job() -> None:
        monkeypatch.setattr(threading, "main_thread", threading.current_thread)
        given.append(run_sync(one))

    thread = threading.Thread(target=job)
    thread.start()
    thread.join()
    assert given == [1]


def test_whoever_is_woken_by_signals_already_stays_so() -> None:
    mine, other = socket.socketpair()
    with mine, other:
        mine.setblocking(False)
        signal.set_wakeup_fd(mine.fileno())
        assert run_sync(one) == 1
        assert signal.set_wakeup_fd(-1) == mine.fileno()


def test_a_wakeup_that_was_closed_and_left_behind_is_none() -> None:
    mine, other = socket.socketpair()
    mine.setblocking(False)
    high = os.dup(mine.fileno()) + 100  # no other file takes its number
    os.dup2(mine.fileno(), high)
    signal.set_wakeup_fd(high)
    os.close(high)
    mine.close()
    other.close()
    assert run_sync(one) == 1
    assert signal.set_wakeup_fd(-1) == -1


def test_on_a_loop_that_reads_no_sockets_errors_are_what_they_were() -> None:
    class Proactor(asyncio.SelectorEventLoop):
        def add_reader(self, *_: object) -> None:
            raise NotImplementedError

    async def fail() -> None:
        raise KeyError

    with (
        pytest.raises(KeyError) as raised,
        asyncio.Runner(loop_factory=Proactor) as runner,
        waking(runner.get_loop()),
    ):
        runner.run(fail())
    assert raised.value.__context__ is None
